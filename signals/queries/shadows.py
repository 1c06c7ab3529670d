"""Read what would have been: a portfolio's own days beside its shadows, one that follows everything, one that stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import QuerySet

from portfolio.domain.money import ZERO, in_context
from portfolio.domain.performance import Track
from portfolio.domain.returns import DayFlow, DayValue, daily_returns
from portfolio.models import Portfolio, ValuationDay
from portfolio.queries.day_money import Money, money_of
from signals.models import ShadowDay, ShadowFill
from signals.models.shadows import Kind

YOU = "you"
FOLLOW, STAY = Kind.FOLLOW.value, Kind.STAY.value


@dataclass(frozen=True, kw_only=True)
class ShadowPoint:
    """Hold one day's close in USD; `equity` is None where something held had no price. Costs are paid that day."""

    date: date
    equity: Decimal | None
    flow: Decimal
    fees: Decimal = ZERO
    slippage: Decimal = ZERO
    funding: Decimal = ZERO


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Hold one course over days: each close, and the time-weighted track with all figures that follow from it."""

    name: str
    points: Sequence[ShadowPoint]
    track: Track

    @property
    def newest(self) -> ShadowPoint | None:
        """Return the last close that was worth something known."""
        return next((point for point in reversed(self.points) if point.equity is not None), None)

    @property
    @in_context
    def costs(self) -> Decimal:
        """Return fees, slippage and funding paid over all days; the person's own are in their ledger."""
        return sum((p.fees + p.slippage + max(-p.funding, ZERO) for p in self.points), ZERO)


@dataclass(frozen=True, kw_only=True)
class ShadowCurves:
    """Hold the person's course and both shadows over the same days; a positive difference is what the person is ahead.

    `ahead_of_following` is the person's newest worth less that of the shadow that follows: its opposite is what
    deviating cost. None where a close of the same day is not known on both sides.
    """

    you: Curve
    follow: Curve
    stay: Curve
    trades: int

    @property
    def days(self) -> int:
        """Count the days that all three have."""
        return len(self.you.points)

    @property
    def ahead_of_following(self) -> Decimal | None:
        """Return by how many dollars the person is ahead of the shadow that follows everything."""
        return _ahead(self.you, self.follow)

    @property
    def ahead_of_staying(self) -> Decimal | None:
        """Return by how many dollars the person is ahead of the shadow that never rotates."""
        return _ahead(self.you, self.stay)


def shadow_curves(*, portfolio: Portfolio, since: date | None = None) -> ShadowCurves | None:
    """Return the three courses over the days they share; None before there is one. Five queries.

    With `since` they begin with that day, at what each was worth at the close before it.
    """
    own = _own(portfolio)
    shadows = _shadow_points(portfolio)
    shared = sorted(set(own) & set(shadows[FOLLOW]) & set(shadows[STAY]))
    days = [day for day in shared if since is None or day >= since]
    if not days:
        return None
    before = max((day for day in shared if day < days[0]), default=None)
    timed = money_of(portfolio=portfolio, since=days[0])
    you = _curve(YOU, own, days, before, timed)
    follow, stay = (_curve(kind, shadows[kind], days, before) for kind in (FOLLOW, STAY))
    return ShadowCurves(you=you, follow=follow, stay=stay, trades=shadow_fills(portfolio=portfolio).count())


def shadow_fills(*, portfolio: Portfolio) -> QuerySet[ShadowFill]:
    """Return what the following shadow traded, newest first: the figures behind its course."""
    rows = ShadowFill.objects.filter(portfolio=portfolio).select_related("instrument__asset", "instrument__venue")
    return rows.order_by("-date", "-pk")


def fill_slots(fills: Sequence[ShadowFill]) -> list[datetime]:
    """Return the closes that fills answered, newest first."""
    return sorted({fill.slot for fill in fills if fill.slot is not None}, reverse=True)


def _own(portfolio: Portfolio) -> dict[date, ShadowPoint]:
    """Return the person's own days, from the ledger."""
    rows = ValuationDay.objects.filter(portfolio=portfolio).order_by("date")
    return {
        day: ShadowPoint(date=day, equity=None if unpriced else equity, flow=flow)
        for day, equity, flow, unpriced in rows.values_list("date", "equity_usd", "flow_usd", "unpriced_count")
    }


def _shadow_points(portfolio: Portfolio) -> dict[str, dict[date, ShadowPoint]]:
    """Return the days of both shadows. One query."""
    found: dict[str, dict[date, ShadowPoint]] = {kind: {} for kind in Kind.values}
    columns = ("kind", "date", "equity_usd", "flow_usd", "fee_usd", "slippage_usd", "funding_usd", "unpriced_count")
    for kind, day, equity, flow, fee, slippage, funding, unpriced in (
        ShadowDay.objects.filter(portfolio=portfolio).order_by("date").values_list(*columns)
    ):
        found[kind][day] = ShadowPoint(
            date=day,
            equity=None if unpriced else equity,
            flow=flow,
            fees=fee,
            slippage=slippage,
            funding=funding,
        )
    return found


def _curve(
    name: str,
    points: Mapping[date, ShadowPoint],
    days: Sequence[date],
    before: date | None,
    timed: Money | None = None,
) -> Curve:
    """Return one course with its track; a flow whose minute is not known counts from the middle of its day."""
    chosen = [points[day] for day in days]
    opening = ZERO if before is None else points[before].equity
    values = [
        DayValue(
            date=point.date,
            value=point.equity or ZERO,
            flows=_flows(point, timed),
            is_complete=point.equity is not None,
        )
        for point in chosen
    ]
    return Curve(name=name, points=chosen, track=Track(name=name, series=daily_returns(days=values, opening=opening)))


def _flows(point: ShadowPoint, timed: Money | None) -> tuple[DayFlow, ...]:
    if timed is not None:
        return timed.on(point.date).flows_of(point.flow)
    return (DayFlow(amount=point.flow),) if point.flow else ()


@in_context
def _ahead(one: Curve, other: Curve) -> Decimal | None:
    """Return the difference in worth on the last day that both know."""
    pairs = zip(reversed(one.points), reversed(other.points), strict=True)
    return next((a.equity - b.equity for a, b in pairs if a.equity is not None and b.equity is not None), None)
