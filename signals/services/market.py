"""Compute what follows from a market's history, day by day, and keep it: scores, regime, stage, evidence."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from jobs.bulk import insert_rows
from portfolio.models import Market, Sector, closes_on
from signals.domain.params import DEFAULTS, Params
from signals.domain.pipeline import compute
from signals.domain.records import (
    Record,
    contribution_records,
    day_record,
    freshness_record,
    regime_state_record,
    sector_details,
    stage_evidence,
    stage_state_record,
)
from signals.domain.results import DayResult
from signals.models import Evidence, RegimeDay, Score, StageDay
from signals.queries.market import newest_close, resume_point
from signals.queries.panel import load_panel

SCORE_FIELDS = ("market_id", "sector_id", "date", "value", "coverage", "contributions", "details", "params_version")
REGIME_FIELDS = ("market_id", "date", "regime", "value", "coverage", "components", "state", "frozen_since")
STAGE_FIELDS = ("market_id", "date", "stage", "leader_id", "base_id", "since", "reason", "evidence", "state")


@dataclass(frozen=True, slots=True)
class Refreshed:
    """Tell how many days were computed, which is the newest, and the evidence frozen for it."""

    days: int
    newest: date | None
    evidence: Evidence | None


@transaction.atomic
def refresh_market(
    *, market: Market, now: datetime, params: Params = DEFAULTS, is_every_day_frozen: bool = False
) -> Refreshed:
    """Compute the days that closed since the last one computed; repeating adds nothing.

    Regime and stage go on from their stored states, windows look back over the stored history. A day is decided
    shortly after its close, on what had been ingested by then. Evidence is frozen for the newest day and, where many
    days are computed at once, for every day on which a stage began, so that a back-fill can be decided on too; a replay
    asks for every day's.
    """
    Market.objects.select_for_update().get(pk=market.pk)
    moment = market.clock(now)
    resume = resume_point(market=market)
    newest = newest_close(market=market, until=moment - timedelta(minutes=params.decision_delay_minutes))
    if newest is None or (resume is not None and newest <= resume.day):
        return _unchanged(market, None if resume is None else resume.day)
    panel = load_panel(market=market, until=moment, params=params)
    results = [] if panel is None else compute(panel, params=params, resume=resume)
    if not results:
        return _unchanged(market, None if resume is None else resume.day)
    _store(market, results)
    for result in results[:-1]:
        if is_every_day_frozen or result.stage.state.since == result.day:
            _freeze(market, result, moment=result.decided_at, now=now, params=params)
    evidence = _freeze(market, results[-1], moment=moment, now=now, params=params)
    return Refreshed(len(results), results[-1].day, evidence)


def _unchanged(market: Market, newest: date | None) -> Refreshed:
    """Say that nothing was to be computed."""
    if newest is None:
        return Refreshed(0, None, None)
    return Refreshed(0, newest, Evidence.objects.filter(market=market, as_of=closes_on(newest)).first())


@transaction.atomic
def rebuild_market(*, market: Market, now: datetime, since: date = date.min, params: Params = DEFAULTS) -> Refreshed:
    """Forget the computed days of a market from one on, and compute them again; evidence that was frozen stays."""
    Market.objects.select_for_update().get(pk=market.pk)
    for model in (Score, RegimeDay, StageDay):
        model._default_manager.filter(market=market, date__gte=since).delete()
    return refresh_market(market=market, now=now, params=params)


def _store(market: Market, results: Sequence[DayResult]) -> None:
    """Write a row a day for regime and stage, and one a day and sector for scores."""
    sectors = dict(Sector.objects.values_list("slug", "id"))
    insert_rows(Score, SCORE_FIELDS, (row for result in results for row in _scores(market, sectors, result)))
    insert_rows(RegimeDay, REGIME_FIELDS, (_regime(market, result) for result in results))
    insert_rows(StageDay, STAGE_FIELDS, (_stage(market, sectors, result) for result in results))


def _scores(market: Market, sectors: dict[str, int], result: DayResult) -> list[tuple[Any, ...]]:
    """Return the values of a day's scores in the order of their fields."""
    return [
        (
            market.pk,
            sectors[sector.slug],
            result.day,
            sector.score,
            sector.coverage,
            contribution_records(sector.contributions),
            sector_details(sector),
            result.params_version,
        )
        for sector in result.sectors
    ]


def _regime(market: Market, result: DayResult) -> tuple[Any, ...]:
    """Return the values of a regime's day in the order of its fields."""
    regime = result.regime
    return (
        market.pk,
        result.day,
        regime.state.regime.name,
        regime.score,
        regime.coverage,
        contribution_records(regime.contributions),
        regime_state_record(regime),
        regime.state.frozen_since,
    )


def _stage(market: Market, sectors: dict[str, int], result: DayResult) -> tuple[Any, ...]:
    """Return the values of a stage's day in the order of its fields."""
    state = result.stage.state
    return (
        market.pk,
        result.day,
        state.stage.name,
        None if state.leader is None else sectors[state.leader],
        sectors[result.base],
        state.since,
        state.reason,
        stage_evidence(result.stage),
        stage_state_record(state),
    )


def _freeze(market: Market, result: DayResult, *, moment: datetime, now: datetime, params: Params) -> Evidence:
    """Freeze everything a day says, with the freshness of its inputs at a moment, and its hash."""
    closes_at = closes_on(result.day)
    fresh = freshness_record(result, closes_at=closes_at, moment=moment, params=params)
    payload = {**day_record(result), "freshness": fresh}
    evidence, _ = Evidence.objects.get_or_create(
        market=market,
        as_of=closes_at,
        defaults={
            "computed_at": now,
            "payload": payload,
            "sha256": fingerprint(payload),
            "params_version": result.params_version,
        },
    )
    return evidence


def fingerprint(payload: Record) -> str:
    """Return the SHA-256 of a record's canonical text."""
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
