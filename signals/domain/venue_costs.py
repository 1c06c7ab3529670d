"""Compare what the same trades cost at several venues, at list price and less a person's discount (DOMAIN F60, E34)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from portfolio.domain.money import ZERO, in_context
from signals.domain.costs import Discount, FeeRateError, effective_rate
from signals.domain.shelf import Action, Leg

SPOT_ACTIONS = (Action.SELL_SPOT.value, Action.BUY_SPOT.value)


class Turnover(NamedTuple):
    """Hold what fees are charged on, in USD: both sides of the spot legs, and the notional of the futures legs."""

    spot: Decimal
    futures: Decimal


class TakerRates(NamedTuple):
    """Hold what taking costs at a venue, as fractions of notional."""

    spot: Decimal
    futures: Decimal


class OwnDiscounts(NamedTuple):
    """Hold what a person gets off the list rates, as fractions of the rate."""

    spot: Decimal = ZERO
    futures: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueCost:
    """Hold the fees of the same trades at one venue in USD; `own` is less the discount that counts there, if any.

    `fault` says why nothing was worked out: a rate that cannot be one.
    """

    venue: str
    rates: TakerRates
    listed: Decimal | None = None
    own: Decimal | None = None
    is_cheapest: bool = False
    fault: str = ""

    @property
    def paid(self) -> Decimal | None:
        """Return what the person would pay there."""
        return self.listed if self.own is None else self.own


@in_context
def turnover_of(legs: Iterable[Leg], *, rates: TakerRates) -> Turnover:
    """Return what the fees of legs were charged on at these rates; a buy pays its fee on all that it spends."""
    spot = futures = ZERO
    for leg in legs:
        if leg.action == Action.BUY_SPOT.value:
            spot += leg.fee / rates.spot if rates.spot else leg.notional + leg.slippage
        elif leg.action in SPOT_ACTIONS:
            spot += leg.notional
        else:
            futures += leg.notional
    return Turnover(spot, futures)


def rates_after(rates: TakerRates, discounts: OwnDiscounts, *, moment: datetime) -> TakerRates:
    """Return the rates less a person's discounts (DOMAIN 3.6); raise `FeeRateError` above 1%."""
    return TakerRates(
        *(
            effective_rate(rate, discounts=[Discount(share, moment)], moment=moment)
            for rate, share in zip(rates, discounts, strict=True)
        )
    )


def fees_of(turnover: Turnover, *, rates: TakerRates) -> Decimal:
    """Return spot turnover and futures notional, each times its rate (E34)."""
    return turnover.spot * rates.spot + turnover.futures * rates.futures


@in_context
def venue_costs(
    turnover: Turnover,
    *,
    venues: Mapping[str, TakerRates],
    discounts: Mapping[str, OwnDiscounts],
    moment: datetime,
) -> list[VenueCost]:
    """Return the fees at each venue in the order given, with all that are cheapest marked.

    A discount counts at the venue it is for and nowhere else. A rate above 1% is named and not worked with: some
    sources print percent, and the trades would cost a hundred times as much (DOMAIN 2.1 trap 4).
    """
    costs = [
        _cost(venue, turnover, rates, discounts=discounts.get(venue), moment=moment) for venue, rates in venues.items()
    ]
    return _marked(costs)


def _cost(
    venue: str, turnover: Turnover, rates: TakerRates, *, discounts: OwnDiscounts | None, moment: datetime
) -> VenueCost:
    try:
        listed = fees_of(turnover, rates=rates_after(rates, OwnDiscounts(), moment=moment))
        own = (
            fees_of(turnover, rates=rates_after(rates, discounts, moment=moment))
            if discounts is not None and any(discounts)
            else None
        )
    except FeeRateError as error:
        return VenueCost(venue=venue, rates=rates, fault=str(error))
    return VenueCost(venue=venue, rates=rates, listed=listed, own=own)


def _marked(costs: Sequence[VenueCost]) -> list[VenueCost]:
    """Mark the cheapest of those that could be worked out."""
    least = min((cost.paid for cost in costs if cost.paid is not None), default=None)
    return [replace(cost, is_cheapest=least is not None and cost.paid == least) for cost in costs]
