"""Follow what a portfolio would hold had nothing ever been rotated: the HOLD benchmark (DOMAIN F02)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from portfolio.domain.money import ZERO, exact, in_context, pro_rata


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Hold what came in (positive) or went out (negative), and its worth in USD, with the same sign."""

    asset: str
    quantity: Decimal
    value: Decimal


@in_context
def held_after(
    *, units: Mapping[str, Decimal], flows: Iterable[Flow], prices: Mapping[str, Decimal]
) -> dict[str, Decimal]:
    """Give the units after some flows: deposits are kept as they came, withdrawals take a share of everything."""
    kept = dict(units)
    for flow in flows:
        if flow.quantity > 0:
            kept[flow.asset] = kept.get(flow.asset, ZERO) + flow.quantity
        else:
            kept = _less(kept, -flow.value, held_value(units=kept, prices=prices))
    return kept


@in_context
def held_value(*, units: Mapping[str, Decimal], prices: Mapping[str, Decimal]) -> Decimal:
    """Value the units that have a price."""
    return sum((exact(quantity * prices[asset]) for asset, quantity in units.items() if asset in prices), ZERO)


def _less(units: Mapping[str, Decimal], taken: Decimal, whole: Decimal) -> dict[str, Decimal]:
    """Scale units down by the share taken; who takes all leaves nothing."""
    if whole <= taken:
        return {}
    return {asset: pro_rata(total=quantity, part=whole - taken, whole=whole) for asset, quantity in units.items()}
