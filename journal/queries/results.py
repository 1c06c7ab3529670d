"""Add up what fills realised and cost, from the ledger's own rows: the one place where a rotation's PnL comes from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from portfolio.domain.money import ZERO, exact, in_context
from portfolio.models import Disposal, Fill, Instrument, PositionChange


@dataclass(slots=True)
class Results:
    """Amounts in USD; realised PnL is before futures fees, which stand in `fees_usd` with all others, once."""

    sold_usd: Decimal = ZERO
    fees_usd: Decimal = ZERO
    spot_pnl_usd: Decimal = ZERO
    futures_pnl_usd: Decimal = ZERO

    def __iadd__(self, other: Results) -> Results:
        """Add another result."""
        self.sold_usd += other.sold_usd
        self.fees_usd += other.fees_usd
        self.spot_pnl_usd += other.spot_pnl_usd
        self.futures_pnl_usd += other.futures_pnl_usd
        return self


@in_context
def results_by_fill(*, fills: Iterable[int]) -> dict[int, Results]:
    """Return what each fill did, in three queries."""
    wanted = list(fills)
    found: dict[int, Results] = defaultdict(Results)
    kinds: dict[int, tuple[str, int]] = {}
    columns = ("pk", "instrument__kind", "instrument__asset_id", "side", "quantity", "price", "quote_usd", "fee_usd")
    for pk, kind, asset, side, quantity, price, quote_usd, fee in Fill.objects.filter(pk__in=wanted).values_list(
        *columns
    ):
        kinds[pk] = (kind, asset)
        found[pk].fees_usd = fee
        if kind == Instrument.Kind.SPOT and side == Fill.Side.SELL:
            found[pk].sold_usd = exact(quantity * price * quote_usd)
    disposals = Disposal.objects.filter(fill__in=wanted, is_fee=False)
    for pk, asset, gain in disposals.values_list("fill_id", "asset_id", "realized_pnl_usd"):
        if kinds[pk] == (Instrument.Kind.SPOT, asset):
            found[pk].spot_pnl_usd += gain
    changes = PositionChange.objects.filter(fill__in=wanted)
    for pk, gain in changes.values_list("fill_id", "realized_pnl_usd"):
        found[pk].futures_pnl_usd += gain
    return found


@in_context
def results_of(*, fills: Iterable[int]) -> Results:
    """Return what some fills did together."""
    total = Results()
    for each in results_by_fill(fills=fills).values():
        total += each
    return total
