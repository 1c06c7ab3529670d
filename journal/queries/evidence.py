"""Find what stood at a moment: the recommendation, everything that every input said, and what was revised since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import OuterRef, Subquery

from portfolio.models import Portfolio
from signals.models import Evidence, Reading, Recommendation

RESTED_ON = timedelta(days=8)
"""How far back the readings lie that a moment rests on, apart from its windows of history."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What the machine said when the person decided; empty where nothing had been computed."""

    recommendation: Recommendation | None
    evidence: dict[str, Any]
    sha256: str
    stage: str
    regime: str


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A reading that its source gave again later, with another value."""

    indicator: str
    subject: str
    observed_at: datetime
    then: float
    now: float


def standing_at(*, portfolio: Portfolio, recommendation: Recommendation | None, moment: datetime) -> Standing:
    """Return the named recommendation, else the one that was open then, with the evidence of that moment."""
    named = recommendation or _open_at(portfolio, moment)
    found = named.evidence if named is not None else _evidence_at(portfolio, moment)
    if found is None:
        return Standing(recommendation=named, evidence={}, sha256="", stage="", regime="")
    payload: dict[str, Any] = found.payload
    return Standing(
        recommendation=named,
        evidence=payload,
        sha256=found.sha256,
        stage=str(payload.get("stage", {}).get("code", "") if named is None else named.stage),
        regime=str(payload.get("regime", {}).get("code", "") if named is None else named.regime),
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


def revisions(*, market: int, moment: datetime, until: datetime | None = None) -> list[Revision]:
    """Return what sources revised since, up to another moment, of the readings of the week before one. One query."""
    same = {name: OuterRef(name) for name in ("market", "indicator", "subject", "observed_at")}
    known = Reading.objects.filter(**same).known_at(moment).order_by("-ingested_at").values("value")[:1]
    late = Reading.objects.filter(
        market=market,
        observed_at__gt=moment - RESTED_ON,
        observed_at__lte=moment,
        ingested_at__gt=moment,
    )
    late = late if until is None else late.filter(ingested_at__lte=until)
    columns = ("indicator", "subject", "observed_at", "then", "value")
    rows = late.annotate(then=Subquery(known)).filter(then__isnull=False).order_by("ingested_at")
    newest = {(name, subject, at): (then, now) for name, subject, at, then, now in rows.values_list(*columns)}
    return [
        Revision(indicator=name, subject=subject, observed_at=at, then=then, now=now)
        for (name, subject, at), (then, now) in sorted(newest.items())
        if then != now
    ]
