"""Write a page of recommendations straight from columns: the list is polled, and a serializer costs thrice as much."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from portfolio.domain.money import canonical

Row = Mapping[str, Any]


def _as_it_is(value: Any) -> Any:
    return value


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


SHOWN: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "id": ("id", _as_it_is),
    "portfolio": ("portfolio_id", _as_it_is),
    "state": ("state", _as_it_is),
    "kind": ("kind", _as_it_is),
    "is_refusal": ("refusal", bool),
    "refusal": ("refusal", _as_it_is),
    "headline": ("explanation__headline", lambda text: str(text or "")),
    "stage": ("stage", _as_it_is),
    "stage_since": ("stage_since", lambda day: day.isoformat()),
    "regime": ("regime", _as_it_is),
    "leader": ("leader__slug", _as_it_is),
    "source_sector": ("source_sector__slug", _as_it_is),
    "destination_sector": ("destination_sector__slug", _as_it_is),
    "moved_usd": ("moved_usd", canonical),
    "cost_usd": ("cost_usd", canonical),
    "hurdle": ("hurdle", _as_it_is),
    "alpha": ("alpha", _as_it_is),
    "z_now": ("z_now", _as_it_is),
    "z_needed": ("z_needed", _as_it_is),
    "confidence": ("confidence", _as_it_is),
    "coverage": ("coverage", _as_it_is),
    "risk_usd": ("risk_usd", canonical),
    "policy_version": ("policy_version", _as_it_is),
    "slot": ("slot", _moment),
    "issued_at": ("issued_at", _moment),
    "expires_at": ("expires_at", _moment),
    "closed_at": ("closed_at", _moment),
    "close_reason": ("close_reason", _as_it_is),
    "is_simulated": ("portfolio__market__is_simulated", _as_it_is),
}
"""What a row shows: from which column, and how it is written; `RecommendationSerializer` says the same."""

COLUMNS = tuple(dict.fromkeys(path for path, _ in SHOWN.values()))
_WRITTEN = tuple((name, path, write) for name, (path, write) in SHOWN.items())


def listed(row: Row) -> dict[str, Any]:
    """Write one row of COLUMNS as the list shows it."""
    return {name: write(row[path]) for name, path, write in _WRITTEN}
