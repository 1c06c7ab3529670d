"""Read what the market says at one moment, as the engine and its explanations need it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import stdev
from typing import Any

import numpy as np
from django.db.models import QuerySet

from portfolio.models import Market, closes_on
from portfolio.queries.raw import Rows, rows_together
from signals.domain.arrays import NAN, Bools, Floats
from signals.domain.batch import IC_PRIOR, FundingFlag, MarketState, StageCode
from signals.domain.costs import bounded_funding
from signals.domain.explain import INDICATOR_WORDS, Story, Why
from signals.models import Evidence, RegimeDay, Score, StageDay
from signals.queries.market import MarketDay
from signals.queries.reference import HALF_SPREAD, Counter, Reference, basket_adv

INDEX_DAYS, INDEX_DAYS_MIN = 30, 20
FUNDING_DAYS, FUNDING_DAYS_MIN, FUNDING_BAND = 90, 20, (0.1, 0.9)
HOURS_A_YEAR = 8760.0
USUAL_MAINTENANCE = 0.01
GATES = ("funding", "interest", "priced_in")
GATE_WORDS = {"funding": "Funding", "interest": "Open interest", "priced_in": "What is priced in"}


class UnknownMomentError(LookupError):
    """Nothing was computed, or no evidence frozen, for the moment asked for."""


@dataclass(frozen=True, slots=True)
class Situation:
    """Hold a market's frozen day in the order of the reference's sector columns.

    `sigma_daily` is each index's; `funding_band` bounds each sector's annual funding from below and from above.
    """

    day: MarketDay
    evidence_id: int
    slot: datetime
    details: Sequence[Mapping[str, Any]]
    sigma_daily: Floats
    funding_band: tuple[Floats, Floats]
    story: Story

    @property
    def stage(self) -> StageCode:
        """Return the stage of the day."""
        return StageCode[self.day.stage.stage]

    @property
    def regime(self) -> str:
        """Return the regime of the day."""
        return self.day.regime.regime


def situation(*, market: Market, as_of: datetime, reference: Reference) -> Situation:
    """Read the day that closed at `as_of`, in one query; raise `UnknownMomentError` where it was not computed."""
    date = (as_of - timedelta(microseconds=1)).date()
    rows = rows_together(_asked(market, date))
    day = _day(rows, date, reference)
    if day is None or day.evidence is None:
        raise UnknownMomentError(f"{market} has no frozen evidence for {as_of:%Y-%m-%d %H:%M} UTC.")
    scores = [day.scores.get(sector.slug) for sector in reference.sectors]
    details: list[Mapping[str, Any]] = [{} if score is None else score.details for score in scores]
    return Situation(
        day=day,
        evidence_id=day.evidence.pk,
        slot=day.evidence.as_of,
        details=details,
        **_lately(rows["window"], reference, date),
        story=_story(day, reference, details),
    )


def _asked(market: Market, day: date) -> dict[str, QuerySet[Any, Any]]:
    """Return what has to be read: the day, and what its scores lately said of prices and funding."""
    ours = {"market": market, "date": day}
    lately = Score.objects.filter(market=market, date__gt=day - timedelta(days=FUNDING_DAYS), date__lte=day)
    return {
        "stage": StageDay.objects.filter(**ours).order_by().values_list(*_columns(StageDay)),
        "regime": RegimeDay.objects.filter(**ours).order_by().values_list(*_columns(RegimeDay)),
        "scores": Score.objects.filter(**ours).order_by().values_list(*_columns(Score)),
        "evidence": Evidence.objects.filter(market=market, as_of=closes_on(day)).values_list("pk", "as_of", "sha256"),
        "window": lately.order_by().values_list("sector_id", "date", "details"),
    }


def _day(rows: Mapping[str, Rows], date: date, reference: Reference) -> MarketDay | None:
    """Return the day of stored rows; its evidence comes without the payload, at which the engine does not look."""
    if not rows["stage"] or not rows["regime"]:
        return None
    known = reference.known_sectors
    stage = StageDay.from_db(None, _columns(StageDay), rows["stage"][0])
    stage.base, stage.leader = known[stage.base_id], known.get(stage.leader_id or 0)
    scores = [Score.from_db(None, _columns(Score), row) for row in rows["scores"]]
    for score in scores:
        score.sector = known[score.sector_id]
    scores.sort(key=lambda score: (score.sector.position, score.sector.slug))
    frozen = [Evidence(pk=pk, as_of=as_of, sha256=sha) for pk, as_of, sha in rows["evidence"]]
    return MarketDay(
        date=date,
        scores={score.sector.slug: score for score in scores},
        regime=RegimeDay.from_db(None, _columns(RegimeDay), rows["regime"][0]),
        stage=stage,
        evidence=frozen[0] if frozen else None,
    )


def _columns(model: Any) -> list[str]:
    """Return the attributes of a model in the order of its columns."""
    return [field.attname for field in model._meta.concrete_fields]


def levels_at(*, market: Market, days: set[date]) -> dict[date, dict[int, float]]:
    """Return each sector's index level on some days, to measure how far relative prices have moved since."""
    found: dict[date, dict[int, float]] = defaultdict(dict)
    rows = Score.objects.filter(market=market, date__in=days).values_list("date", "sector_id", "details")
    for day, sector, details in rows:
        if details.get("index_level") is not None:
            found[day][sector] = details["index_level"]
    return found


def _lately(window: Rows, reference: Reference, day: date) -> dict[str, Any]:
    """Return the volatility of each sector's index, and the band of its funding, over the last weeks."""
    returns: dict[int, list[float]] = defaultdict(list)
    rates: dict[int, list[float]] = defaultdict(list)
    for sector, closed, details in sorted(window, key=lambda row: (row[1], row[0])):
        if closed > day - timedelta(days=INDEX_DAYS) and details.get("index_return") is not None:
            returns[sector].append(details["index_return"])
        if (annual := (details.get("funding") or {}).get("annual")) is not None:
            rates[sector].append(annual)
    moves = [returns.get(sector.pk, []) for sector in reference.sectors]
    paid = [rates.get(sector.pk, []) for sector in reference.sectors]
    low, high = (np.array([_band(values, share) for values in paid]) for share in FUNDING_BAND)
    sigma = np.array([stdev(values) if len(values) >= INDEX_DAYS_MIN else NAN for values in moves])
    return {"sigma_daily": sigma, "funding_band": (low, high)}


def _band(values: Sequence[float], share: float) -> float:
    """Return a quantile of the funding lately, infinite where too little is known to bound anything (DOMAIN 3.6)."""
    if len(values) < FUNDING_DAYS_MIN:
        return math.copysign(math.inf, share - 0.5)
    return float(np.quantile(values, share))


def market_state(found: Situation, *, reference: Reference, counter: Counter, ic: float = IC_PRIOR) -> MarketState:
    """Return the engine's view of the market from one venue: what is listed there, how deep it is, what is known."""
    scores = [found.day.scores.get(sector.slug) for sector in reference.sectors]
    shelf, columns = counter.shelf, range(len(reference.sectors))
    perps = [None if (asset := shelf.overlay_assets[k]) is None else shelf.perp.get(asset) for k in columns]
    return MarketState(
        defensiveness=np.array([float(sector.defensiveness) for sector in reference.sectors]),
        score=np.array([NAN if s is None or s.is_hidden else s.value for s in scores], np.float64),
        coverage=np.array([0.0 if s is None else s.coverage for s in scores], np.float64),
        z_spread=_numbers(found, "z_spread"),
        sigma_relative=_numbers(found, "sigma_relative"),
        funding_flag=np.array([_flag(details) for details in found.details], np.int64),
        has_known_gates=_known_gates(found),
        has_perp=np.array([perp is not None for perp in perps], np.bool_),
        funding_8h=_funding_8h(found),
        adv=np.array([basket_adv(reference, shelf, k) for k in columns], np.float64),
        half_spread=np.full(len(columns), HALF_SPREAD),
        sigma_daily=found.sigma_daily,
        maintenance=np.array([USUAL_MAINTENANCE if p is None else float(p.maintenance_rate) for p in perps]),
        atr_rate=np.array([NAN if p is None else reference.depths[p.asset_id].atr for p in perps]),
        is_risk_off=found.regime == "RISK_OFF",
        ic=ic,
        has_known_core_gates=_has_known_core_gates(found.day),
        core_maintenance=USUAL_MAINTENANCE,
    )


def _numbers(found: Situation, name: str) -> Floats:
    """Return one detail of every sector, NaN where it is unknown."""
    values = [details.get(name) for details in found.details]
    return np.array([NAN if value is None else value for value in values], np.float64)


def _funding_8h(found: Situation) -> Floats:
    """Return what eight hours of funding cost, within its own 90-day 10-90% band; nothing where unknown (3.6)."""
    low, high = found.funding_band
    return bounded_funding(np.nan_to_num(_annual(found)), low=low, high=high) * 8.0 / HOURS_A_YEAR


def _annual(found: Situation) -> Floats:
    """Return each sector's annualised funding, NaN where it is unknown."""
    values = [details.get("funding", {}).get("annual") for details in found.details]
    return np.array([NAN if value is None else value for value in values], np.float64)


def _flag(details: Mapping[str, Any]) -> FundingFlag:
    """Return a sector's funding label."""
    return FundingFlag[details.get("funding", {}).get("flag", FundingFlag.UNKNOWN.name)]


def _unknown_gates(details: Mapping[str, Any]) -> list[str]:
    """Return which gates of a sector could not be read (DECISIONS 20)."""
    priced_in = details.get("priced_in", {})
    unread = {
        "funding": _flag(details) == FundingFlag.UNKNOWN,
        "interest": details.get("interest", {}).get("quadrant", "UNKNOWN") == "UNKNOWN",
        "priced_in": priced_in.get("share") is None and priced_in.get("t") is None,
    }
    return [gate for gate in GATES if unread[gate]]


def _known_gates(found: Situation) -> Bools:
    """Return by sector whether all its gates could be read."""
    return np.array([not _unknown_gates(details) for details in found.details], np.bool_)


def _has_known_core_gates(day: MarketDay) -> bool:
    """Return whether the core's open interest and the market's funding could be read."""
    freshness = {item["indicator"]: item["freshness"] for item in day.regime.components}
    return all(freshness.get(name, 0.0) > 0 for name in ("derivatives", "funding"))


def _story(day: MarketDay, reference: Reference, details: Sequence[Mapping[str, Any]]) -> Story:
    """Return what explanations tell everybody: contributions, unknown gates, hints to accumulate (DOMAIN 2.6)."""
    names = [sector.name for sector in reference.sectors]
    cheap = [name for name, item in zip(names, details, strict=True) if _flag(item) == FundingFlag.EXTREME_LOW]
    return Story(
        regime=day.regime.regime,
        contributions={
            sector.name: [why_of(sector.name, item, day.closes_at) for item in day.scores[sector.slug].contributions]
            for sector in reference.sectors
            if sector.slug in day.scores
        },
        unknown={
            name: [GATE_WORDS[gate] for gate in _unknown_gates(item)] for name, item in zip(names, details, strict=True)
        },
        hints=[f"Funding of {name} is extremely low: a hint to accumulate spot, never to lever." for name in cheap],
    )


def why_of(name: str, item: Mapping[str, Any], closes_at: datetime) -> Why:
    """Return a stored contribution as the explanation needs it."""
    observed_at = item.get("observed_at")
    age = None if observed_at is None else (closes_at - datetime.fromisoformat(observed_at)).total_seconds() / 3600.0
    return Why(
        sector=name,
        indicator=INDICATOR_WORDS.get(item["indicator"], item["indicator"].replace("_", " ").capitalize()),
        points=item["points"],
        source=item.get("source", ""),
        age_hours=None if age is None else max(age, 0.0),
        note=item.get("reason", ""),
    )


def ratio_move(levels: Mapping[int, float], now: Mapping[int, float], *, source: int | None, to: int | None) -> float:
    """Return |ln(P_dest/P_src)| from then to now, NaN where a level is missing (DOMAIN 3.8)."""
    if source is None or to is None or not all(key in side for key in (source, to) for side in (levels, now)):
        return math.nan
    return abs(math.log((now[to] / now[source]) / (levels[to] / levels[source])))
