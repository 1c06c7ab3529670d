"""Lay out what every input said when somebody decided, frozen, and what was revised since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from journal.models import Rotation
from journal.queries.evidence import Revision, revisions
from portfolio.models import Sector
from signals.services.market import fingerprint
from signals.views.words import REASONS, exact, indicator_name, raw_text

Record = Mapping[str, Any]
READINGS = {
    "tvl": "Value locked",
    "dex_volume": "DEX volume",
    "l2_share": "Share of layer 2",
    "stablecoins": "Stablecoin supply",
    "fear_greed": "Fear and greed",
    "funding": "Funding",
    "open_interest": "Open interest",
}


@dataclass(frozen=True, kw_only=True)
class Part:
    """Show one indicator's part in a score."""

    name: str
    value: str
    unit: str
    points: Decimal
    reason: str


@dataclass(frozen=True, kw_only=True)
class Account:
    """Show one score with its parts; a hidden score is None."""

    name: str
    hue: str
    score: Decimal | None
    parts: Sequence[Part]


@dataclass(frozen=True, kw_only=True)
class Revised:
    """Show one reading that was revised."""

    what: str
    observed_at: datetime
    then: Decimal
    now: Decimal


def evidence_context(rotation: Rotation) -> dict[str, Any]:
    """Return the frozen scores with their parts, whether the copy is intact, and what was revised since."""
    payload: dict[str, Any] = rotation.evidence
    if not payload:
        return {"accounts": [], "revised": []}
    moment = _moment(payload) or rotation.executed_at
    sectors = {sector.slug: sector for sector in Sector.objects.all()}
    clock = rotation.portfolio.clock(timezone.now())
    found = revisions(market=rotation.portfolio.market_id, moment=moment, until=clock)
    return {
        "accounts": list(_accounts(payload, sectors)),
        "is_intact": fingerprint(payload) == rotation.evidence_sha256,
        "frozen_at": moment,
        "revised": [_revised(each, sectors) for each in found],
    }


def _accounts(payload: Record, sectors: Mapping[str, Sector]) -> Iterable[Account]:
    """Return the narratives' scores, then the regime's."""
    for slug, record in payload.get("sectors", {}).items():
        known = sectors.get(slug)
        yield _account(known.name if known else slug, known.hue if known else "other", record)
    if payload.get("regime"):
        yield _account("Regime", "core", payload["regime"])


def _account(name: str, hue: str, record: Record) -> Account:
    score = record.get("score")
    return Account(
        name=name,
        hue=hue,
        score=None if record.get("is_hidden") or score is None else exact(score),
        parts=[_part(part) for part in record.get("contributions", ())],
    )


def _part(record: Record) -> Part:
    code, reason = record["indicator"], record.get("reason", "")
    return Part(
        name=indicator_name(code),
        value=raw_text(code, record.get("raw")),
        unit=record.get("unit", ""),
        points=exact(record.get("points", 0.0)),
        reason=REASONS.get(reason, reason),
    )


def _revised(found: Revision, sectors: Mapping[str, Sector]) -> Revised:
    what = READINGS.get(found.indicator, found.indicator)
    subject = sectors[found.subject].name if found.subject in sectors else found.subject
    return Revised(
        what=f"{what} of {subject}" if subject else what,
        observed_at=found.observed_at,
        then=exact(found.then),
        now=exact(found.now),
    )


def _moment(payload: Record) -> datetime | None:
    text = payload.get("decided_at")
    return datetime.fromisoformat(text) if text else None
