"""Measure rotations against having held, in sets; reviews may be deleted and measured anew (DOMAIN 5.1)."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, transaction
from django.db.models import Exists, Max, OuterRef, Q, Subquery

from journal.domain.counterfactual import Decision, Measured, Prices, measure, measure_to_date
from journal.models import LegFill, Review, Rotation
from journal.queries.decisions import closes_for, decisions_of
from journal.queries.results import Results, results_by_fill
from portfolio.domain.money import in_context
from portfolio.models import Market, Portfolio, Price
from portfolio.queries.events import MOMENTS

HORIZONS = (1, 7, 30, 90)
CHUNK = 500
COMMITTED_WITHIN = timedelta(minutes=2)
"""How long after its moment of recording an entry may become visible: a run that began meanwhile has not read it."""

AMOUNTS = {
    "hold_usd": "hold",
    "actual_usd": "actual",
    "freeze_usd": "freeze",
    "overlay_usd": "overlay",
    "alpha_usd": "alpha",
    "total_alpha_usd": "total_alpha",
    "gross_alpha_usd": "gross_alpha",
}
SAID = ("status", "priced_at", *AMOUNTS, "flags")
UPDATED = (*SAID, "computed_at")
RESULTS = ("moved_usd", "fees_usd", "spot_pnl_usd", "futures_pnl_usd")
log = logging.getLogger(__name__)


class ReviewsFailedError(Exception):
    """Say which rotations could not be measured, once all others were."""


def measure_reviews(*, now: datetime, portfolio: Portfolio | None = None) -> int:
    """Measure what was not measured today at the last known close, or whose past changed; returns how many rotations.

    Works market by market in chunks, each atomic; repeating changes nothing. A rotation that cannot be measured keeps
    no other waiting: raises `ReviewsFailedError` once all had their turn.
    """
    Review.objects.filter(rotation__state=Rotation.State.REVERSED).delete()
    markets = Market.objects.all() if portfolio is None else Market.objects.filter(pk=portfolio.market_id)
    count, failed = 0, []
    for market in markets.order_by("pk"):
        clock = market.clock(now)
        for chunk in _chunks(_due(market, clock, now, portfolio)):
            left_out = _measure_apart(market, chunk, clock=clock, now=now)
            failed += left_out
            count += len(chunk) - len(left_out)
    if failed:
        names = ", ".join(map(str, failed))
        raise ReviewsFailedError(f"Rotations that could not be measured: {names}. {count} others were.")
    return count


def _measure_apart(market: Market, keys: Sequence[int], *, clock: datetime, now: datetime) -> list[int]:
    """Measure some rotations together, or each half for itself where that fails; returns those that could not be."""
    try:
        _measure_chunk(market, keys, clock=clock, now=now)
    except (OperationalError, SoftTimeLimitExceeded):
        raise
    except Exception:
        if len(keys) == 1:
            log.exception("rotation %s could not be measured", keys[0])
            return list(keys)
    else:
        return []
    middle = len(keys) // 2
    halves = (keys[:middle], keys[middle:])
    return [key for half in halves for key in _measure_apart(market, half, clock=clock, now=now)]


def _due(market: Market, clock: datetime, now: datetime, portfolio: Portfolio | None) -> list[int]:
    """Return the rotations that were not measured since the day began, or not at the last close that is known.

    Those whose ledger changed before it since are due too; one that a worker has yet to derive is left for later.
    """
    newest = clock.replace(hour=0, minute=0, second=0, microsecond=0)
    rotations = Rotation.objects.standing().filter(portfolio__market=market, executed_at__lte=clock)
    rotations = rotations.filter(portfolio__recompute_from__isnull=True)
    if portfolio is not None:
        rotations = rotations.filter(portfolio=portfolio)
    changed = _changed(market, newest, now)
    known = Price.objects.filter(market=market, closes_at__lte=newest).order_by("-date").values("closes_at")[:1]
    to_date = Review.objects.filter(
        rotation=OuterRef("pk"), horizon_days=Review.TO_DATE, computed_at__gte=newest, priced_at__gte=Subquery(known)
    )
    asked = rotations.filter(~Exists(to_date) | Q(portfolio__in=changed))
    rows = asked.annotate(measured_at=Subquery(to_date.values("computed_at"))).order_by("pk")
    return [
        pk
        for pk, owner, measured_at in rows.values_list("pk", "portfolio_id", "measured_at")
        if measured_at is None or (owner in changed and changed[owner] > measured_at - COMMITTED_WITHIN)
    ]


def _changed(market: Market, newest: datetime, now: datetime) -> dict[int, datetime]:
    """Return when portfolios last recorded, since a close, something that happened before it: back-dated, reversed."""
    changed: dict[int, datetime] = {}
    for model, moment in MOMENTS.items():
        late = model._default_manager.filter(
            **{f"{moment}__lte": newest},
            portfolio__market=market,
            recorded_at__gt=newest - COMMITTED_WITHIN,
            recorded_at__lte=now,
        )
        for owner, at in late.values_list("portfolio").annotate(last=Max("recorded_at")).order_by():
            changed[owner] = max(at, changed.get(owner, at))
    return changed


def _chunks(keys: Sequence[int]) -> Iterable[Sequence[int]]:
    return (keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK))


@transaction.atomic
@in_context
def _measure_chunk(market: Market, keys: Sequence[int], *, clock: datetime, now: datetime) -> None:
    """Measure some rotations in a constant number of queries and store all horizons of each."""
    rotations = list(Rotation.objects.filter(pk__in=keys))
    decisions = decisions_of(rotations)
    newest = clock.replace(hour=0, minute=0, second=0, microsecond=0)
    prices = closes_for(market=market.pk, decisions=decisions.values(), horizons=HORIZONS, newest=newest)
    rows = [
        _review(pk, days, measured, now)
        for pk, decision in decisions.items()
        for days, measured in _measured(decision, prices, clock)
    ]
    Review.objects.bulk_create(
        _changed_among(rows), update_conflicts=True, update_fields=UPDATED, unique_fields=("rotation", "horizon_days")
    )
    _renew_results(rotations)


def _changed_among(rows: Sequence[Review]) -> list[Review]:
    """Return the reviews that say something new; what is to date is always among them: it says when one looked last."""
    columns = ("rotation_id", "horizon_days", *SAID)
    stored = Review.objects.filter(rotation__in={row.rotation_id for row in rows}).values_list(*columns)
    known = {(rotation, days): said for rotation, days, *said in stored}
    return [
        row
        for row in rows
        if row.horizon_days == Review.TO_DATE
        or known.get((row.rotation_id, row.horizon_days)) != [getattr(row, name) for name in SAID]
    ]


def _measured(decision: Decision, prices: Prices, clock: datetime) -> Iterable[tuple[int, Measured]]:
    for days in HORIZONS:
        yield days, measure(decision=decision, horizon_days=days, prices=prices, clock=clock)
    yield Review.TO_DATE, measure_to_date(decision=decision, prices=prices, clock=clock)


def _review(rotation: int, days: int, measured: Measured, now: datetime) -> Review:
    found = asdict(measured)
    amounts = {column: found[name] for column, name in AMOUNTS.items()}
    return Review(
        rotation_id=rotation,
        horizon_days=days,
        status=measured.status.value,
        priced_at=measured.priced_at,
        flags=list(measured.flags),
        computed_at=now,
        **amounts,
    )


def _renew_results(rotations: Sequence[Rotation]) -> None:
    """Bring each rotation's realised PnL in line with the ledger, which a back-dated fill may have changed."""
    pairs = LegFill.objects.filter(leg__rotation__in=rotations).values_list("leg__rotation_id", "fill_id")
    fills: dict[int, list[int]] = defaultdict(list)
    for key, fill in pairs:
        fills[key].append(fill)
    found = results_by_fill(fills=[fill for each in fills.values() for fill in each])
    for rotation in rotations:
        total = _sum([found[fill] for fill in fills[rotation.pk]])
        wanted = (total.sold_usd, total.fees_usd, total.spot_pnl_usd, total.futures_pnl_usd)
        if wanted != tuple(getattr(rotation, name) for name in RESULTS):
            Rotation.objects.filter(pk=rotation.pk).update(**dict(zip(RESULTS, wanted, strict=True)))


def _sum(each: Iterable[Results]) -> Results:
    total = Results()
    for one in each:
        total += one
    return total
