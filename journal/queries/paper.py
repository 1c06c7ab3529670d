"""Follow on paper what was not done: recommendations at their prices and modelled costs (DOMAIN 5.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.db.models import Prefetch, prefetch_related_objects

from journal.domain.counterfactual import (
    Decision,
    FuturesFill,
    Measured,
    Prices,
    Side,
    Status,
    measure,
    measure_to_date,
)
from journal.queries.decisions import closes_for
from journal.queries.legs import BUYS, CLOSES, SPOT
from journal.queries.sealed import elapsed_days, sealed_days, with_seen
from portfolio.domain.money import ONE, ZERO, in_context
from portfolio.models import Portfolio
from signals.models import Recommendation, RecommendationLeg

SHOWN = 5
OWN_HORIZON = 30
UNANSWERED = (
    Recommendation.State.EXPIRED,
    Recommendation.State.IGNORED,
    Recommendation.State.INVALIDATED,
    Recommendation.State.SUPERSEDED,
)


@dataclass(frozen=True, kw_only=True)
class Undone:
    """Hold a recommendation that was not followed, and what it would have brought by then; 0 days is to date.

    `sealed` is the horizon at which a pass is known but was not guessed yet.
    """

    recommendation: Recommendation
    days: int
    measured: Measured
    sealed: int | None = None


def undone(*, portfolio: Portfolio, moment: datetime) -> tuple[list[Undone], list[Undone]]:
    """Return the newest passes and the newest unanswered recommendations, each followed on paper. Four queries."""
    legs = RecommendationLeg.objects.filter(is_accepted=True).select_related("instrument__asset").order_by("position")
    rows = Recommendation.objects.filter(portfolio=portfolio, refusal="").order_by("-issued_at", "-id")
    rows = rows.select_related("source_sector", "destination_sector").defer("explanation")
    decided = with_seen(rows.filter(decided_pass__isnull=False), by="decided_pass__recommendation")
    passed = list(decided.select_related("decided_pass")[:SHOWN])
    lapsed = list(rows.filter(state__in=UNANSWERED)[:SHOWN])
    prefetch_related_objects([*passed, *lapsed], Prefetch("legs", queryset=legs))
    found = _followed([*passed, *lapsed], portfolio=portfolio, moment=moment)
    waiting = [replace(each, sealed=_sealed(each.recommendation, moment)) for each in found[: len(passed)]]
    return waiting, found[len(passed) :]


def _sealed(passed: Recommendation, moment: datetime) -> int | None:
    return sealed_days(passed, elapsed_days(decided_at=passed.issued_at, clock=moment))


def _followed(rows: Sequence[Recommendation], *, portfolio: Portfolio, moment: datetime) -> list[Undone]:
    decisions = [paper_decision(row) for row in rows]
    newest = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    prices = closes_for(market=portfolio.market_id, decisions=decisions, horizons=[OWN_HORIZON], newest=newest)
    return [_measured(row, paper, prices, moment) for row, paper in zip(rows, decisions, strict=True)]


def _measured(row: Recommendation, decision: Decision, prices: Prices, moment: datetime) -> Undone:
    """Return the result at 30 days, before that the one to date."""
    settled = measure(decision=decision, horizon_days=OWN_HORIZON, prices=prices, clock=moment)
    if settled.status is not Status.PENDING:
        return Undone(recommendation=row, days=OWN_HORIZON, measured=settled)
    so_far = measure_to_date(decision=decision, prices=prices, clock=moment)
    return Undone(recommendation=row, days=0, measured=so_far)


@in_context
def paper_decision(recommendation: Recommendation, shares: Mapping[int, Decimal] | None = None) -> Decision:
    """Return a recommendation as if every leg had been filled at its price, for its modelled fee and slippage.

    With `shares` by leg, only such a part of each: what is not named is left out. Futures stand until the horizon:
    neither stops nor funding are followed.
    """
    every = list(recommendation.legs.all())
    parts = {leg.pk: ONE for leg in every} if shares is None else shares
    legs = [leg for leg in every if parts.get(leg.pk)]
    spot = [leg for leg in legs if leg.action in SPOT]
    costs = sum(((leg.fee_usd + leg.slippage_usd) * parts[leg.pk] for leg in spot), ZERO)
    values = (leg.notional_usd * parts[leg.pk] * (-1 if leg.action in BUYS else 1) for leg in spot)
    return Decision(
        decided_at=recommendation.issued_at,
        sold=tuple(_side(leg, parts) for leg in spot if leg.action not in BUYS),
        bought=tuple(_side(leg, parts) for leg in spot if leg.action in BUYS),
        cash=sum(values, ZERO) - costs,
        fees=costs,
        futures=tuple(_futures(leg, parts) for leg in legs if leg.action not in SPOT),
    )


def _side(leg: RecommendationLeg, parts: Mapping[int, Decimal]) -> Side:
    return Side(asset=leg.instrument.asset.symbol, quantity=leg.quantity * parts[leg.pk], price=leg.reference_price)


def _futures(leg: RecommendationLeg, parts: Mapping[int, Decimal]) -> FuturesFill:
    quantity = leg.quantity * parts[leg.pk]
    return FuturesFill(
        asset=leg.instrument.asset.symbol,
        contract=str(leg.instrument_id),
        quantity=quantity if leg.action in BUYS else -quantity,
        price=leg.reference_price,
        fee=(leg.fee_usd + leg.slippage_usd) * parts[leg.pk],
        is_closing=leg.action in CLOSES,
    )
