"""Add up what fills realised and cost, from the ledger's own rows: the one place where a rotation's PnL comes from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

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


def results_by_fill(*, fills: Iterable[int]) -> dict[int, Results]:
    """Return what each fill did, in three queries."""
    wanted = list(fills)
    columns = ("pk", "instrument__kind", "instrument__asset_id", "side", "quantity", "price", "quote_usd", "fee_usd")
    return _results(list(Fill.objects.filter(pk__in=wanted).values_list(*columns)))


def results_of_fills(fills: Iterable[Fill]) -> dict[int, Results]:
    """Return what each of some fills did that were read with their instruments, in two queries."""
    return _results(
        [
            (f.pk, f.instrument.kind, f.instrument.asset_id, f.side, f.quantity, f.price, f.quote_usd, f.fee_usd)
            for f in fills
        ]
    )


@in_context
def _results(rows: Sequence[tuple[Any, ...]]) -> dict[int, Results]:
    found: dict[int, Results] = defaultdict(Results)
    kinds: dict[int, tuple[str, int]] = {}
    for pk, kind, asset, side, quantity, price, quote_usd, fee in rows:
        kinds[pk] = (kind, asset)
        found[pk].fees_usd = fee
        if kind == Instrument.Kind.SPOT and side == Fill.Side.SELL:
            found[pk].sold_usd = exact(quantity * price * quote_usd)
    disposals = Disposal.objects.filter(fill__in=kinds, is_fee=False)
    for pk, asset, gain in disposals.values_list("fill_id", "asset_id", "realized_pnl_usd"):
        if kinds[pk] == (Instrument.Kind.SPOT, asset):
            found[pk].spot_pnl_usd += gain
    changes = PositionChange.objects.filter(fill__in=kinds)
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
