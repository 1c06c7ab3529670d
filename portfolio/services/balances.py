"""Write balances and positions as a fold left them (derived rows)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from portfolio.domain.events import USD
from portfolio.domain.futures import Position as DomainPosition
from portfolio.domain.lots import EVERYWHERE, Scope
from portfolio.domain.money import ZERO, in_context, shares
from portfolio.domain.outcomes import AssetKey, PositionKey, State
from portfolio.models import Holding, Portfolio, Position

HELD = ("portfolio", "account", "asset")
OPEN = ("portfolio", "account", "instrument", "position_side")


@in_context
def write_holdings(*, portfolio: Portfolio, state: State, keys: Iterable[AssetKey], assets: Mapping[str, int]) -> None:
    """Write the balances named; a cost that accounts share is split by what each holds."""
    rows = [
        Holding(
            portfolio=portfolio,
            account_id=account,
            asset_id=assets[symbol],
            quantity=state.balances[account, symbol],
            cost_usd=cost,
            realized_pnl_usd=state.gains.get((account, symbol), ZERO),
        )
        for (account, symbol), cost in sorted(_costs(state, set(keys)))
    ]
    upsert(Holding, rows, ("quantity", "cost_usd", "realized_pnl_usd"), HELD)


def write_positions(
    *, portfolio: Portfolio, state: State, keys: Iterable[PositionKey], assets: Mapping[str, int]
) -> None:
    """Write the positions named."""
    rows = [_position(portfolio, key, state.positions[key], assets) for key in sorted(keys)]
    names = (field.name for field in Position._meta.concrete_fields)
    upsert(Position, rows, [name for name in names if name not in ("id", *OPEN)], OPEN)


def upsert(model: Any, rows: Sequence[Any], fields: Sequence[str], unique: Sequence[str]) -> None:
    """Insert rows, or update them where they are there already."""
    model.objects.bulk_create(rows, update_conflicts=True, update_fields=fields, unique_fields=unique)


def _costs(state: State, keys: set[AssetKey]) -> Iterator[tuple[AssetKey, Decimal]]:
    """Give what each holding cost; where lots are the portfolio's, every account of the asset is concerned."""
    for symbol in sorted({symbol for _, symbol in keys}):
        accounts = sorted(account for account, asset in state.balances if asset == symbol)
        held = [state.balances[account, symbol] for account in accounts]
        if symbol == USD:
            costs = held
        elif state.scope is Scope.PORTFOLIO:
            costs = shares(total=state.costs.get((EVERYWHERE, symbol), ZERO), weights=held) if any(held) else held
        else:
            costs = [state.costs.get((account, symbol), ZERO) for account in accounts]
        for account, cost in zip(accounts, costs, strict=True):
            if (account, symbol) in keys or state.scope is Scope.PORTFOLIO:
                yield (account, symbol), cost


def _position(portfolio: Portfolio, key: PositionKey, position: DomainPosition, assets: Mapping[str, int]) -> Position:
    account, instrument, side = key
    return Position(
        portfolio=portfolio,
        account_id=account,
        instrument_id=instrument,
        position_side=side.value,
        quote_asset_id=assets[position.settle],
        quantity=position.quantity,
        entry_price=position.entry_price or ZERO,
        entry_cost=position.entry_cost,
        margin=position.margin,
        realized_pnl_usd=position.realized_usd,
        fees_usd=position.fees_usd,
        funding_usd=position.funding_usd,
        opened_at=position.opened_at,
        is_inverse=position.is_inverse,
        margin_mode=position.margin_mode.value,
        chain=position.chain,
    )
