"""Hold what a rotation's legs say against what the ledger's lots say: did the money go where it should (PEERS 4.1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import OuterRef, Subquery

from journal.models import LegFill
from portfolio.domain.money import ZERO, exact, in_context
from portfolio.models import Asset, Disposal, Fill, Instrument, Lot, PositionChange

TOLERANCE = Decimal("0.01")
"""In units of the stablecoin: more than this apart, something is missing or counted twice."""


@dataclass(frozen=True, kw_only=True)
class Cash:
    """Hold both sides for one asset that legs were paid in, in its own units; `change` is None where none is kept.

    proceeds - purchases - fees + realised - margin = change of what is free.
    """

    asset: Asset
    proceeds: Decimal
    purchases: Decimal
    fees: Decimal
    realised: Decimal
    margin: Decimal
    expected: Decimal
    change: Decimal | None

    @property
    def difference(self) -> Decimal:
        """Return how far the ledger is from the legs."""
        return ZERO if self.change is None else self.change - self.expected

    @property
    def is_within(self) -> bool:
        """Return whether both agree within the tolerance."""
        return abs(self.difference) <= TOLERANCE


@dataclass(slots=True)
class _Sums:
    proceeds: Decimal = ZERO
    purchases: Decimal = ZERO
    fees: Decimal = ZERO
    realised: Decimal = ZERO
    margin: Decimal = ZERO


@in_context
def cash_of(pairs: Sequence[LegFill]) -> tuple[Cash, ...]:
    """Return both sides for every asset that a rotation's legs were paid in. Four queries, two without futures."""
    fills = [pair.fill for pair in pairs]
    paid = {fill.quote_asset_id: fill.quote_asset for fill in fills}
    sums: dict[int, _Sums] = defaultdict(_Sums)
    futures = _futures(fills)
    for fill in fills:
        _add(sums, fill, futures)
    moved = _moved(fills, paid)
    return tuple(_cash(asset, sums[pk], moved.get(pk)) for pk, asset in paid.items())


def _futures(fills: Sequence[Fill]) -> Mapping[int, tuple[Decimal, Decimal]]:
    """Return what each futures fill realised, in its settlement asset, and the margin it posted or set free."""
    wanted = [fill.pk for fill in fills if fill.instrument.kind != Instrument.Kind.SPOT]
    if not wanted:
        return {}
    same = {f"fill__{name}": OuterRef(f"fill__{name}") for name in ("account", "instrument", "position_side")}
    before = PositionChange.objects.filter(**same, fill__executed_at__lte=OuterRef("fill__executed_at"))
    before = before.exclude(fill=OuterRef("fill")).filter(fill__sequence__lt=OuterRef("fill__sequence"))
    last = before.order_by("-fill__executed_at", "-fill__sequence").values("pk")[:1]
    rows = PositionChange.objects.filter(fill__in=wanted).annotate(before=Subquery(last))
    columns = ("fill_id", "realized_pnl_usd", "fill__quote_usd", "margin_after", "before")
    found = list(rows.values_list(*columns))
    earlier = PositionChange.objects.filter(pk__in=[row[-1] for row in found if row[-1]])
    margins = dict(earlier.values_list("pk", "margin_after"))
    return {pk: (exact(gain / usd), after - margins.get(key, ZERO)) for pk, gain, usd, after, key in found}


def _add(sums: dict[int, _Sums], fill: Fill, futures: Mapping[int, tuple[Decimal, Decimal]]) -> None:
    own = sums[fill.quote_asset_id]
    if fill.instrument.kind == Instrument.Kind.SPOT:
        value = exact(fill.quantity * fill.price)
        if fill.side == Fill.Side.SELL:
            own.proceeds += value
        else:
            own.purchases += value
    else:
        realised, margin = futures.get(fill.pk, (ZERO, ZERO))
        own.realised += realised
        own.margin += margin
    if fill.fee_asset_id == fill.quote_asset_id:
        own.fees += fill.fee_amount


def _moved(fills: Sequence[Fill], paid: Mapping[int, Asset]) -> dict[int, Decimal]:
    """Return what the ledger's lots of each asset gained by some fills, less what they let go of. Two queries."""
    keys, assets = [fill.pk for fill in fills], [pk for pk, asset in paid.items() if asset.kind != Asset.Kind.FIAT]
    total: dict[int, Decimal] = dict.fromkeys(assets, ZERO)
    for asset, quantity in Lot.objects.filter(fill__in=keys, asset__in=assets).values_list("asset_id", "quantity"):
        total[asset] += quantity
    spent = Disposal.objects.filter(fill__in=keys, asset__in=assets)
    for asset, quantity in spent.values_list("asset_id", "quantity"):
        total[asset] -= quantity
    return total


def _cash(asset: Asset, sums: _Sums, moved: Decimal | None) -> Cash:
    return Cash(
        asset=asset,
        proceeds=sums.proceeds,
        purchases=sums.purchases,
        fees=sums.fees,
        realised=sums.realised,
        margin=sums.margin,
        expected=sums.proceeds - sums.purchases - sums.fees + sums.realised - sums.margin,
        change=None if moved is None else moved - sums.margin,
    )
