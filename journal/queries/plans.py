"""Find plans, and how much of each of their legs is filled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Prefetch

from accounts.models import User
from journal.domain.shares import filled_share
from journal.models import LegFill, Plan, PlanLeg
from portfolio.domain.money import ZERO, in_context
from portfolio.models import Portfolio
from portfolio.queries.paging import Page, newest_first


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Show one leg of a plan: how much of it is filled, and at which price on average (None before the first)."""

    leg: PlanLeg
    filled: Decimal
    share: Decimal
    left: Decimal
    average: Decimal | None

    @property
    def percent(self) -> int:
        """Return the share in whole per cent, at most 100."""
        return int(min(self.share, Decimal(1)) * 100)


def plans(*, portfolio: Portfolio, state: str = "", cursor: str = "") -> Page[Plan]:
    """Return a page of plans, those that wait unless another state is asked for, newest first. Two queries."""
    rows = Plan.objects.filter(portfolio=portfolio)
    rows = rows.filter(state=state) if state else rows.waiting()
    legs = PlanLeg.objects.select_related("instrument__asset")
    related = rows.select_related("rotation").defer("rotation__evidence").prefetch_related(Prefetch("legs", legs))
    return newest_first(related, moment="saved_at", tie="id", cursor=cursor)


def own_plan(*, user: User, pk: int) -> Plan | None:
    """Return a person's own plan with its legs; None where it is not theirs. Two queries."""
    legs = PlanLeg.objects.select_related("instrument__asset", "instrument__venue").order_by("position")
    where = ("portfolio__market", "portfolio__venue", "portfolio__reserve_asset", "recommendation", "rotation")
    mine = Plan.objects.owned_by(user).filter(pk=pk)
    return mine.select_related(*where).prefetch_related(Prefetch("legs", legs)).first()


@in_context
def filled_of(plan: Plan) -> dict[int, Decimal]:
    """Return how much of each leg of a plan is filled; what was reversed is not. One query."""
    rows = LegFill.objects.filter(leg__planned__plan=plan, fill__reversed_by__isnull=True)
    found: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for leg, quantity in rows.values_list("leg__planned_id", "fill__quantity"):
        found[leg] += quantity
    return dict(found)


@in_context
def progress_of(plan: Plan) -> list[Progress]:
    """Return the legs of a plan with what is filled of each. One query."""
    rows = LegFill.objects.filter(leg__planned__plan=plan, fill__reversed_by__isnull=True)
    done: dict[int, list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for leg, quantity, price in rows.values_list("leg__planned_id", "fill__quantity", "fill__price"):
        done[leg].append((quantity, price))
    return [_progress(leg, done.get(leg.pk, ())) for leg in plan.legs.all()]


def overall_share(legs: Sequence[Progress]) -> Decimal:
    """Return which share of a plan is filled: that of its legs, each weighed by its planned value."""
    return filled_share(
        planned=sum((each.leg.quantity * each.leg.price for each in legs), ZERO),
        filled=sum((min(each.filled, each.leg.quantity) * each.leg.price for each in legs), ZERO),
    )


def _progress(leg: PlanLeg, fills: Sequence[tuple[Decimal, Decimal]]) -> Progress:
    filled = sum((quantity for quantity, _ in fills), ZERO)
    value = sum((quantity * price for quantity, price in fills), ZERO)
    return Progress(
        leg=leg,
        filled=filled,
        share=filled_share(planned=leg.quantity, filled=filled),
        left=max(leg.quantity - filled, ZERO),
        average=value / filled if filled else None,
    )
