"""Say how much of an asset is core, and whether less than that is held (DOMAIN F22, F54)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from portfolio.domain.money import ZERO, in_context
from portfolio.models import CoreQuantity, Holding, Portfolio


@dataclass(frozen=True, kw_only=True)
class CoreBreach:
    """Tell how much of an asset is core, and how much of it is left."""

    asset_id: int
    asset: str
    core: Decimal
    held: Decimal


def core_quantities(*, portfolio: Portfolio, moment: datetime) -> dict[int, Decimal]:
    """Return how much of each asset was core at a moment."""
    rows = CoreQuantity.objects.filter(portfolio=portfolio, effective_at__lte=moment).order_by("effective_at")
    return dict(rows.values_list("asset", "quantity"))


@in_context
def core_breaches(*, portfolio: Portfolio, sold: Iterable[int], moment: datetime) -> tuple[CoreBreach, ...]:
    """Return which of the assets that were sold are now held below their core quantity."""
    assets = set(sold)
    if not assets:
        return ()
    core = core_quantities(portfolio=portfolio, moment=moment)
    held: dict[int, Decimal] = defaultdict(Decimal)
    names: dict[int, str] = {}
    for holding in Holding.objects.filter(portfolio=portfolio, asset__in=assets).select_related("asset"):
        held[holding.asset_id] += holding.quantity
        names[holding.asset_id] = holding.asset.symbol
    return tuple(
        CoreBreach(asset_id=asset, asset=names[asset], core=core[asset], held=held[asset])
        for asset in sorted(assets & core.keys() & names.keys())
        if held[asset] < core.get(asset, ZERO)
    )
