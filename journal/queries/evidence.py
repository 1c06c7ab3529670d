"""Find what stood at a moment: the recommendation, and everything that every input said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portfolio.models import Portfolio
from signals.models import Evidence, Recommendation


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What the machine said when the person decided; empty where nothing had been computed."""

    recommendation: Recommendation | None
    evidence: dict[str, Any]
    sha256: str
    stage: str
    regime: str


def standing_at(*, portfolio: Portfolio, recommendation: Recommendation | None, moment: datetime) -> Standing:
    """Return the named recommendation, else the one that was open then, with the evidence of that moment."""
    named = recommendation or _open_at(portfolio, moment)
    found = named.evidence if named is not None else _evidence_at(portfolio, moment)
    if found is None:
        return Standing(recommendation=named, evidence={}, sha256="", stage="", regime="")
    payload: dict[str, Any] = found.payload
    return Standing(
        recommendation=named,
        evidence={"as_of": found.as_of.isoformat(), "params_version": found.params_version, **payload},
        sha256=found.sha256,
        stage=str(payload.get("stage", {}).get("stage", "") if named is None else named.stage),
        regime=str(payload.get("regime", {}).get("regime", "") if named is None else named.regime),
    )


def _open_at(portfolio: Portfolio, moment: datetime) -> Recommendation | None:
    """Return the recommendation that was issued before a moment and not yet over at it."""
    issued = Recommendation.objects.filter(
        portfolio=portfolio, issued_at__lte=moment, expires_at__gt=moment, refusal=""
    )
    newest = issued.select_related("evidence").order_by("-issued_at", "-pk").first()
    is_answered = newest is not None and newest.closed_at is not None and newest.closed_at <= moment
    return None if is_answered else newest


def _evidence_at(portfolio: Portfolio, moment: datetime) -> Evidence | None:
    known = Evidence.objects.filter(market=portfolio.market_id, as_of__lte=moment)
    return known.order_by("-as_of").first()
