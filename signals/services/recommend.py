"""Answer every active portfolio of a market for one moment: exactly one answer a portfolio and slot (DOMAIN 3.8)."""

from __future__ import annotations

import gc
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from django.db import transaction

from jobs.bulk import insert_rows
from portfolio.models import Market
from signals.domain.batch import FundingFlag
from signals.domain.engine import decide
from signals.domain.lifecycle import Fate, Verdict, fate_of_closed, fate_of_open, fate_of_refusal
from signals.domain.shelf import Leg
from signals.models import Recommendation, RecommendationLeg
from signals.queries.books import Books, Span, books, portfolio_ids
from signals.queries.recommendations import Previous, accepted_portfolios, previous_answers, resolved_count
from signals.queries.reference import Reference, reference
from signals.queries.situation import Situation, levels_at, market_state, ratio_move, situation
from signals.services.answers import RECOMMENDATION_FIELDS, Desk, Stored

CHUNK = 10_000
LEG_FIELDS = (
    "recommendation_id", "position", "action", "purpose", "sector_id", "instrument_id", "quantity", "reference_price",
    "limit_low", "limit_high", "notional_usd", "fee_usd", "slippage_usd", "margin_usd", "leverage",
    "liquidation_price", "stop_price", "risk_usd", "depends_on", "reason", "is_accepted",
)  # fmt: skip
ENDED = {
    Fate.EXPIRED: Recommendation.State.EXPIRED,
    Fate.SUPERSEDED: Recommendation.State.SUPERSEDED,
    Fate.INVALIDATED: Recommendation.State.INVALIDATED,
}


@dataclass(slots=True)
class RunResult:
    """Tell what one run did: portfolios looked at, answers written and left standing, recommendations ended."""

    portfolios: int = 0
    issued: int = 0
    refused: int = 0
    kept: int = 0
    legs: int = 0
    ended: Tally[str] = field(default_factory=Tally)

    def __iadd__(self, other: RunResult) -> RunResult:
        """Add another run's counts."""
        self.portfolios += other.portfolios
        self.issued += other.issued
        self.refused += other.refused
        self.kept += other.kept
        self.legs += other.legs
        self.ended += other.ended
        return self


class Run(NamedTuple):
    """Hold what all chunks of a run share."""

    market: Market
    reference: Reference
    found: Situation
    resolved: int


def recommend(*, market: Market, as_of: datetime, now: datetime) -> RunResult:
    """Answer every active portfolio of a market for the day that closed at `as_of`; repeating adds nothing.

    Each chunk is one transaction, so a run that dies is simply run again. Raises `UnknownMomentError` where the day was
    not computed.
    """
    shared = reference(market=market, moment=market.clock(now))
    found = situation(market=market, as_of=as_of, reference=shared)
    run = Run(market, shared, found, resolved_count(market=market, moment=shared.moment))
    result, after = RunResult(), 0
    with _uncollected():
        while ids := portfolio_ids(market=market, after=after, limit=CHUNK):
            result += _chunk(run, Span(market, ids[0], ids[-1]))
            after = ids[-1]
    return result


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the cyclic collector away while rows pile up: there are no cycles among them, and looking costs a fifth."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@transaction.atomic
def _chunk(run: Run, span: Span) -> RunResult:
    """Read, decide and store one chunk, alone in its market."""
    Market.objects.select_for_update().get(pk=run.market.pk)
    read = books(
        span=span,
        reference=run.reference,
        found=run.found,
        accepted=accepted_portfolios(span, stage=run.found.day.stage),
    )
    previous = previous_answers(span)
    ground = _Ground(run, previous.values())
    result = RunResult(portfolios=len(read.owners))
    ended: dict[Verdict, list[int]] = defaultdict(list)
    written: list[Stored] = []
    for desk in desks(run, read):
        for place, row in enumerate(desk.rows):
            old = previous.get(read.owners[row].portfolio_id)
            verdict = _verdict(desk, place, row, old=old, ground=ground)
            if old is not None and verdict.fate in ENDED:
                ended[verdict].append(old.pk)
            if verdict.fate is Fate.KEEP or (old is not None and old.slot >= run.found.slot):
                result.kept += 1
            else:
                written.append(desk.stored(place))
    _end(ended, result, moment=run.reference.moment)
    _store(run, span, written, result)
    return result


def desks(run: Run, read: Books) -> Iterator[Desk]:
    """Return a desk a venue, with its portfolios decided in one pass."""
    venues = np.array([owner.venue_id for owner in read.owners], np.int64)
    for venue in sorted(set(venues.tolist())):
        counter = run.reference.counters.get(venue)
        if counter is not None:
            rows = np.flatnonzero(venues == venue)
            state = market_state(run.found, reference=run.reference, counter=counter)
            yield Desk(
                reference=run.reference,
                found=run.found,
                counter=counter,
                state=state,
                books=read,
                rows=rows.tolist(),
                decision=decide(read.batch.take(rows), state),
                resolved=run.resolved,
                issued_at=run.reference.moment,
            )


class _Ground:
    """Know how far relative prices have moved since each open recommendation was issued."""

    def __init__(self, run: Run, previous: Iterable[Previous]) -> None:
        self.moment = run.reference.moment
        self.today = run.found.day.date
        open_days = {_day(old) for old in previous if old.state in Recommendation.OPEN}
        self.levels = levels_at(market=run.market, days={*open_days, self.today} if open_days else set())

    def moved(self, old: Previous) -> float:
        """Return |ln(P_dest/P_src)| since the recommendation's day, NaN where unknown."""
        then, now = self.levels.get(_day(old), {}), self.levels.get(self.today, {})
        return ratio_move(then, now, source=old.source_id, to=old.destination_id)


def _day(old: Previous) -> date:
    """Return the day whose close a recommendation answered."""
    return (old.slot - timedelta(microseconds=1)).date()


def _verdict(desk: Desk, place: int, row: int, *, old: Previous | None, ground: _Ground) -> Verdict:
    """Return what happens to the portfolio's newest answer, and whether a new one is due."""
    if old is None:
        return Verdict(Fate.NEW)
    new = desk.answer(place)
    if old.state == Recommendation.State.REFUSED:
        return fate_of_refusal(old.answer, new)
    if old.state not in Recommendation.OPEN:
        return fate_of_closed(old.answer, new, was_passed=old.state == Recommendation.State.PASSED)
    verdict = fate_of_open(
        old.answer,
        new,
        is_expired=old.expires_at <= ground.moment,
        pool=desk.columns["pool"][place],
        ratio_move=ground.moved(old),
        stop=float(desk.books.policies[row].stop_rate),
        is_extreme=old.has_opening and desk.funding_flag(place) == FundingFlag.EXTREME_HIGH,
    )
    is_answered = old.slot >= desk.found.slot and verdict.fate is Fate.SUPERSEDED
    return Verdict(Fate.KEEP) if is_answered else verdict


def _end(ended: dict[Verdict, list[int]], result: RunResult, *, moment: datetime) -> None:
    """Close recommendations whose time is over, one UPDATE a reason; what a person closed meanwhile stays closed."""
    for verdict, pks in ended.items():
        still_open = Recommendation.objects.filter(pk__in=pks, state__in=Recommendation.OPEN)
        count = still_open.update(state=ENDED[verdict.fate], closed_at=moment, close_reason=verdict.reason)
        result.ended[verdict.fate.value] += count


def _store(run: Run, span: Span, written: Sequence[Stored], result: RunResult) -> None:
    """Insert the answers, then their legs."""
    if not written:
        return
    insert_rows(Recommendation, RECOMMENDATION_FIELDS, [item.values for item in written])
    stored = span.of(Recommendation.objects.filter(slot=run.found.slot))
    keys = dict(stored.values_list("portfolio_id", "pk"))
    sectors = [*(sector.pk for sector in run.reference.sectors), run.reference.core_sector_id]
    legs = [_leg(keys[item.values[0]], sectors, leg) for item in written for leg in item.legs]
    insert_rows(RecommendationLeg, LEG_FIELDS, legs)
    issued = sum(bool(item.legs) for item in written)
    result.issued += issued
    result.refused += len(written) - issued
    result.legs += len(legs)


def _leg(recommendation: int, sectors: Sequence[int | None], leg: Leg) -> tuple[Any, ...]:
    """Return a leg's values in the order of LEG_FIELDS, which is its own; a hedge belongs to the core's sector."""
    return (recommendation, *leg[:3], sectors[leg.column], *leg[4:], True)
