"""Read the ledger's rows as the domain's events, and its derived rows as the domain's state."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Q

from portfolio.domain.events import USD, Event, FundingPayment, PerpFill, Side, SpotFill, TransferIn, TransferOut
from portfolio.domain.futures import Position as DomainPosition
from portfolio.domain.lots import Lot as DomainLot
from portfolio.domain.money import ONE
from portfolio.domain.outcomes import AssetKey, State
from portfolio.models import Asset, Fill, Holding, Instrument, Lot, Portfolio, Position, Transfer

SHARED = ("sequence", "account_id", "executed_at", "is_imported", "reverses__sequence")
FILL_FIELDS = (
    *SHARED,
    "side",
    "instrument_id",
    "instrument__kind",
    "instrument__asset__symbol",
    "quote_asset__symbol",
    "fee_asset__symbol",
    "quantity",
    "price",
    "quote_usd",
    "fee_amount",
    "fee_usd",
    "leverage",
)
TRANSFER_FIELDS = (
    *SHARED,
    "kind",
    "asset__symbol",
    "quantity",
    "cost_usd",
    "value_usd",
    "acquired_at",
    "instrument_id",
)


LOT_FIELDS = (
    "account_id",
    "asset__symbol",
    "acquired_at",
    "sequence",
    "quantity",
    "cost_usd",
    "remaining_quantity",
    "remaining_cost_usd",
    "is_cost_assumed",
)
"""In the order in which the domain's lot has them."""


class Stored(NamedTuple):
    """Give the stored state of some holdings, and the row of each open lot among them."""

    state: State
    lots: dict[tuple[str, int], int]


def events_of(*, portfolio: Portfolio) -> list[Event]:
    """Return everything that was ever recorded, reversed fills and their reversals included."""
    fills = Fill.objects.filter(portfolio=portfolio).values_list(*FILL_FIELDS)
    transfers = Transfer.objects.filter(portfolio=portfolio).values_list(*TRANSFER_FIELDS)
    return [*map(fill_event, fills.iterator(2000)), *map(transfer_event, transfers.iterator(2000))]


def fill_event(row: tuple[Any, ...]) -> Event:
    """Return the event of one fill, given the values of FILL_FIELDS."""
    sequence, account, executed_at, is_imported, reverses = row[:5]
    side, instrument, kind, base, quote, fee_asset, quantity, price, quote_usd, fee, fee_usd, leverage = row[5:]
    shared: dict[str, Any] = {
        "sequence": sequence,
        "account": account,
        "executed_at": executed_at,
        "is_imported": is_imported,
        "reverses": reverses,
        "side": Side(side),
        "quantity": quantity,
        "price": price,
        "fee": fee,
        "fee_asset": fee_asset,
        "fee_usd": fee_usd,
    }
    if kind == Instrument.Kind.SPOT:
        return SpotFill(**shared, base=base, quote=quote, quote_usd=quote_usd)
    return PerpFill(
        **shared,
        instrument=instrument,
        settle=quote,
        settle_usd=quote_usd,
        leverage=ONE if leverage is None else leverage,
    )


def transfer_event(row: tuple[Any, ...]) -> Event:
    """Return the event of one transfer, given the values of TRANSFER_FIELDS."""
    sequence, account, executed_at, is_imported, reverses, kind, *terms = row
    shared: dict[str, Any] = {
        "sequence": sequence,
        "account": account,
        "executed_at": executed_at,
        "is_imported": is_imported,
        "reverses": reverses,
    }
    return _TRANSFERS[kind](shared, *terms)


def stored_state(*, portfolio: Portfolio, keys: Iterable[AssetKey]) -> Stored:
    """Return the open lots of the holdings named, and the balances and positions of their accounts."""
    accounts, symbols = {account for account, _ in keys}, {symbol for _, symbol in keys}
    lots: dict[AssetKey, list[DomainLot]] = {}
    rows: dict[tuple[str, int], int] = {}
    open_lots = Lot.objects.filter(
        portfolio=portfolio, is_open=True, account__in=accounts, asset__symbol__in=symbols - {USD}
    )
    for pk, *values in open_lots.order_by("acquired_at", "sequence").values_list("pk", *LOT_FIELDS):
        lot = DomainLot(*values)
        lots.setdefault((lot.account, lot.asset), []).append(lot)
        rows[lot.asset, lot.sequence] = pk
    state = State(
        lots={key: tuple(found) for key, found in lots.items()},
        cash=_balances(portfolio, accounts),
        positions=_positions(portfolio, accounts),
        last=last_order(portfolio),
    )
    return Stored(state, rows)


def domain_lot(lot: Lot) -> DomainLot:
    """Return a lot as the domain knows it."""
    return DomainLot(
        account=lot.account_id,
        asset=lot.asset.symbol,
        acquired_at=lot.acquired_at,
        sequence=lot.sequence,
        quantity=lot.quantity,
        cost=lot.cost_usd,
        remaining_quantity=lot.remaining_quantity,
        remaining_cost=lot.remaining_cost_usd,
        is_assumed=lot.is_cost_assumed,
    )


def domain_position(position: Position) -> DomainPosition:
    """Return a position as the domain knows it."""
    return DomainPosition(
        settle=position.quote_asset.symbol,
        quantity=position.quantity,
        entry_cost=position.entry_cost,
        margin=position.margin,
        realized_usd=position.realized_pnl_usd,
        fees_usd=position.fees_usd,
        funding_usd=position.funding_usd,
        opened_at=position.opened_at,
    )


def last_order(portfolio: Portfolio) -> tuple[datetime, int] | None:
    """Return the order of the last thing recorded, to tell an appended fill from a back-dated one."""
    newest = [
        model.objects.filter(portfolio=portfolio)
        .order_by("-executed_at", "-sequence")
        .values_list("executed_at", "sequence")
        .first()
        for model in (Fill, Transfer)
    ]
    return max((order for order in newest if order is not None), default=None)


def _balances(portfolio: Portfolio, accounts: set[int]) -> dict[int, Any]:
    fiat = Q(asset__kind=Asset.Kind.FIAT)
    rows = Holding.objects.filter(fiat, portfolio=portfolio, account__in=accounts)
    return dict(rows.values_list("account_id", "quantity"))


def _positions(portfolio: Portfolio, accounts: set[int]) -> dict[tuple[int, int], DomainPosition]:
    rows = Position.objects.filter(portfolio=portfolio, account__in=accounts).select_related("quote_asset")
    return {(row.account_id, row.instrument_id): domain_position(row) for row in rows}


def _deposit(
    shared: dict[str, Any], asset: str, quantity: Any, cost: Any, value: Any, acquired_at: Any, _: Any
) -> Event:
    return TransferIn(**shared, asset=asset, quantity=quantity, cost=cost, value=value, acquired_at=acquired_at)


def _income(shared: dict[str, Any], asset: str, quantity: Any, _cost: Any, value: Any, *_: Any) -> Event:
    return TransferIn(**shared, asset=asset, quantity=quantity, value=value, is_income=True)


def _withdrawal(shared: dict[str, Any], asset: str, quantity: Any, *_: Any) -> Event:
    return TransferOut(**shared, asset=asset, quantity=quantity)


def _funding(
    shared: dict[str, Any], asset: str, quantity: Any, _cost: Any, value: Any, _at: Any, instrument: Any
) -> Event:
    return FundingPayment(**shared, settle=asset, amount=quantity, value=value, instrument=instrument)


_TRANSFERS: dict[str, Callable[..., Event]] = {
    Transfer.Kind.DEPOSIT: _deposit,
    Transfer.Kind.INCOME: _income,
    Transfer.Kind.WITHDRAWAL: _withdrawal,
    Transfer.Kind.FUNDING: _funding,
}
