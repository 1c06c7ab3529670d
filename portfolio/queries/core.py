"""Say how much of an asset is core, and whether less than that is held (DOMAIN F22, F54)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from portfolio.models import Asset, CoreQuantity, Portfolio


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


def core_breaches(
    *, portfolio: Portfolio, sold: Iterable[int], moment: datetime, held: Mapping[str, Decimal]
) -> tuple[CoreBreach, ...]:
    """Return which of the assets that were sold are held below their core quantity, given what is held by symbol."""
    assets = set(sold)
    if not assets:
        return ()
    core = core_quantities(portfolio=portfolio, moment=moment)
    names = dict(Asset.objects.filter(pk__in=assets & core.keys()).values_list("pk", "symbol"))
    return tuple(
        CoreBreach(asset_id=asset, asset=symbol, core=core[asset], held=held[symbol])
        for asset, symbol in sorted(names.items())
        if symbol in held and held[symbol] < core[asset]
    )
