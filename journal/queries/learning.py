"""Read what decisions taught from stored rotations and reviews: nothing is measured a second time."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import FilteredRelation, Q

from journal.domain.fees import is_of_fees
from journal.domain.habits import OWN_HORIZON, Decided, Guess, Summary, Undone, behind, summarise
from journal.models import LegFill, Lesson, Review, Rotation
from journal.queries.fees import rotations_of_fees
from journal.queries.legs import OPENS
from journal.queries.unacted import MOST, unacted
from portfolio.domain.figures import Figure
from portfolio.domain.money import ZERO, in_context
from portfolio.domain.returns import fee_drag
from portfolio.models import Policy, Portfolio, Sector, ValuationDay

HORIZONS = (7, 30, 90)
HOUR = timedelta(hours=1)
COLUMNS = (
    "pk", "executed_at", "adherence", "conviction", "stage", "regime", "source_sector__slug",
    "destination_sector__slug", "tags", "fees_usd", "core_override_reason", "recommendation__issued_at",
    "month__status",
    "month__total_alpha_usd", "month__alpha_usd", "month__gross_alpha_usd", "month__overlay_usd",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Learned:
    """Hold the summary, the decisions behind it, what fees were of capital, and how sectors are called."""

    summary: Summary
    decided: tuple[Decided, ...]
    drag: Figure
    is_cut: bool
    sectors: Mapping[str, Sector]


@dataclass(slots=True)
class Legs:
    """Add up what the legs of one rotation opened, stopped and risked; risk in USD, fees at both ends included."""

    opened: int = 0
    stopped: int = 0
    has_sold_core: bool = False
    risk: Decimal = ZERO


def learned(*, portfolio: Portfolio, moment: datetime, days: int = OWN_HORIZON) -> Learned:
    """Return what a portfolio's decisions taught, so many days on. Nine queries, however many decisions there are."""
    decided = decided_of(portfolio=portfolio, days=days)
    on_paper = unacted(portfolio=portfolio, moment=moment, horizons=[days])
    undone = [
        Undone(is_passed=each.is_passed, issued_at=each.recommendation.issued_at, alpha=result.total_alpha)
        for each in on_paper
        if (result := each.known(days)) is not None and result.total_alpha is not None
    ]
    summary = summarise(decided, undone=undone, guesses=_guesses(portfolio), days=days)
    return Learned(
        summary=summary,
        decided=decided,
        drag=_drag(portfolio, decided, summary.fees),
        is_cut=len(on_paper) == MOST,
        sectors={sector.slug: sector for sector in Sector.objects.all()},
    )


def rotations_behind(*, portfolio: Portfolio, key: str, days: int = OWN_HORIZON) -> list[int]:
    """Return the rotations behind a figure, by its key and the horizon it is at. Four queries."""
    if is_of_fees(key):
        return rotations_of_fees(portfolio=portfolio, key=key)
    return [each.key for each in behind(key, decided_of(portfolio=portfolio, days=days))]


def decided_of(*, portfolio: Portfolio, days: int = OWN_HORIZON) -> tuple[Decided, ...]:
    """Return the standing rotations as statistics see them, oldest first. Four queries."""
    of_month = FilteredRelation("reviews", condition=Q(reviews__horizon_days=days))
    rows = Rotation.objects.filter(portfolio=portfolio).standing().annotate(month=of_month)
    legs, mistakes = _legs(portfolio), _mistakes(portfolio)
    policies = list(Policy.objects.filter(portfolio=portfolio).order_by("effective_at", "version"))
    since = [policy.effective_at for policy in policies]
    found = []
    for row in rows.order_by("executed_at", "pk").values_list(*COLUMNS):
        place = bisect_right(since, row[1])
        version = policies[place - 1].version if place else 0
        found.append(_decided(row, legs.get(row[0], Legs()), version, mistakes.get(row[0], ())))
    return tuple(found)


def _decided(row: tuple[Any, ...], legs: Legs, policy: int, mistakes: Iterable[str]) -> Decided:
    pk, moment, adherence, chance, stage, regime, source, destination, *rest = row
    tags, fees, override, issued_at, status, *amounts = rest
    alpha, spot_alpha, gross, overlay = amounts if status == Review.Status.OK else (None,) * 4
    return Decided(
        key=pk,
        decided_at=moment,
        adherence=adherence,
        chance=chance,
        stage=stage,
        regime=regime,
        source=source or "",
        destination=destination or "",
        tags=tuple(dict.fromkeys(tags)),
        policy=policy,
        fees=fees,
        alpha=alpha,
        spot_alpha=spot_alpha,
        gross_alpha=gross,
        overlay=overlay,
        risk=legs.risk or None,
        opened=legs.opened,
        stopped=legs.stopped,
        has_sold_core=legs.has_sold_core or bool(override),
        mistakes=tuple(mistakes),
        waited_hours=None if issued_at is None else max(0.0, (moment - issued_at) / HOUR),
    )


@in_context
def _legs(portfolio: Portfolio) -> dict[int, Legs]:
    """Return what the legs that matter to discipline did, by rotation: openings of futures and sales of core (E03)."""
    telling = Q(leg__action__in=OPENS) | Q(leg__is_core_violation=True)
    rows = LegFill.objects.filter(telling, leg__rotation__portfolio=portfolio)
    columns = (
        "leg__rotation_id", "leg_id", "leg__action", "leg__stop_price", "leg__is_core_violation", "fill__quantity",
        "fill__price", "fill__quote_usd", "fill__fee_usd",
    )  # fmt: skip
    found: dict[int, Legs] = defaultdict(Legs)
    seen: set[int] = set()
    for rotation, leg, action, stop, is_core, quantity, price, quote_usd, fee in rows.values_list(*columns):
        legs, is_new = found[rotation], leg not in seen
        seen.add(leg)
        legs.has_sold_core |= is_core
        if action in OPENS and is_new:
            legs.opened += 1
            legs.stopped += stop is not None
        if action in OPENS and stop is not None:
            legs.risk += quantity * abs(price - stop) * quote_usd + fee + fee * stop / price
    return found


def _mistakes(portfolio: Portfolio) -> dict[int, tuple[str, ...]]:
    """Return the mistakes that lessons name, by rotation, each once."""
    rows = Lesson.objects.filter(rotation__portfolio=portfolio).order_by("horizon_days")
    found: dict[int, dict[str, None]] = defaultdict(dict)
    for rotation, mistakes in rows.values_list("rotation_id", "mistakes"):
        found[rotation] |= dict.fromkeys(mistakes)
    return {rotation: tuple(codes) for rotation, codes in found.items()}


def _guesses(portfolio: Portfolio) -> list[Guess]:
    """Return what was guessed blind; what was known before is no guess."""
    mine = Q(rotation__portfolio=portfolio, rotation__state=Rotation.State.LOGGED) | Q(
        decided_pass__portfolio=portfolio
    )
    rows = Lesson.objects.filter(mine, had_seen=False).order_by()
    sides = {Lesson.Expectation.BETTER: True, Lesson.Expectation.WORSE: False}
    return [
        Guess(is_ahead=sides.get(Lesson.Expectation(expectation)), alpha=alpha)
        for expectation, alpha in rows.values_list("expectation", "shown_alpha_usd")
    ]


@in_context
def _drag(portfolio: Portfolio, decided: tuple[Decided, ...], fees: Decimal) -> Figure:
    """Return what rotations cost of the average worth since the first of them, a year (DOMAIN 4.7, E39). One query."""
    since = decided[0].decided_at.date() if decided else None
    days = ValuationDay.objects.filter(portfolio=portfolio, unpriced_count=0)
    worth = list(days.filter(date__gte=since).values_list("equity_usd", flat=True)) if since else []
    average = sum(worth, ZERO) / len(worth) if worth else ZERO
    return fee_drag(costs=fees, average_capital=average, days=len(worth))
