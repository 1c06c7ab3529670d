"""Write what follows from the ledger: lots, disposals, holdings and positions (derived rows)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from jobs.bulk import insert_rows
from portfolio.domain.events import USD, Event, FundingPayment, PerpFill, assets_touched
from portfolio.domain.futures import Position as DomainPosition
from portfolio.domain.ledger import Folded
from portfolio.domain.lots import Lot as DomainLot
from portfolio.domain.money import ZERO, in_context, shares
from portfolio.domain.outcomes import AssetKey, Kind, Outcome
from portfolio.domain.outcomes import Disposal as DomainDisposal
from portfolio.models import (
    Asset,
    Disposal,
    Fill,
    Holding,
    Lot,
    Portfolio,
    Position,
    PositionChange,
    Transfer,
    Unmatched,
)

LotKey = tuple[str, int]
LOT_FIELDS = (
    "portfolio_id",
    "account_id",
    "asset_id",
    "acquired_at",
    "sequence",
    "fill_id",
    "transfer_id",
    "quantity",
    "cost_usd",
    "remaining_quantity",
    "remaining_cost_usd",
    "is_cost_assumed",
    "is_open",
)
CHANGING = ("quantity", "cost_usd", "remaining_quantity", "remaining_cost_usd", "is_cost_assumed", "is_open")
DISPOSAL_FIELDS = (
    "portfolio_id",
    "lot_id",
    "asset_id",
    "fill_id",
    "transfer_id",
    "disposed_at",
    "quantity",
    "cost_usd",
    "proceeds_usd",
    "realized_pnl_usd",
    "is_fee",
)
UNMATCHED_FIELDS = (
    "portfolio_id",
    "asset_id",
    "fill_id",
    "transfer_id",
    "disposed_at",
    "quantity",
    "proceeds_usd",
)
CHANGE_FIELDS = (
    "portfolio_id",
    "fill_id",
    "realized_pnl_usd",
    "fee_usd",
    "quantity_after",
    "entry_price_after",
    "margin_after",
)
_NOTHING = Holding(quantity=ZERO, cost_usd=ZERO, realized_pnl_usd=ZERO)
DERIVED = (Disposal, Unmatched, PositionChange, Lot, Holding, Position)


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Tell the rows behind symbols and sequences."""

    assets: Mapping[str, int]
    fills: Mapping[int, int]
    transfers: Mapping[int, int]

    def of(self, sequence: int) -> tuple[int | None, int | None]:
        """Return the fill and the transfer of a sequence: one of them."""
        return self.fills.get(sequence), self.transfers.get(sequence)


def sources_of(portfolio: Portfolio) -> Sources:
    """Return the rows behind every sequence of a portfolio."""
    return Sources(
        assets=dict(Asset.objects.values_list("symbol", "pk")),
        fills=dict(Fill.objects.filter(portfolio=portfolio).values_list("sequence", "pk")),
        transfers=dict(Transfer.objects.filter(portfolio=portfolio).values_list("sequence", "pk")),
    )


def touched_keys(events: Iterable[Event]) -> set[AssetKey]:
    """Return the holdings that events may change."""
    return {(event.account, asset) for event in events for asset in assets_touched(event)}


def forget(portfolio: Portfolio) -> None:
    """Delete every derived ledger row of a portfolio, children first."""
    for model in DERIVED:
        rows = model._default_manager.filter(portfolio=portfolio)
        rows._raw_delete(rows.db)


@in_context
def write(*, portfolio: Portfolio, folded: Folded, sources: Sources, lots: Mapping[LotKey, int]) -> None:
    """Write what a fold did: new and changed lots, disposals, balances, positions; `lots` names the rows known."""
    rows = _write_lots(portfolio, folded.lots, sources, lots)
    insert_rows(Disposal, DISPOSAL_FIELDS, list(_disposals(portfolio, folded.outcomes, sources, rows)))
    insert_rows(Unmatched, UNMATCHED_FIELDS, list(_unmatched(portfolio, folded.outcomes, sources)))
    insert_rows(PositionChange, CHANGE_FIELDS, list(_changes(portfolio, folded.outcomes, sources)))
    _write_holdings(portfolio, folded, sources)
    _write_positions(portfolio, folded, sources)


def _write_lots(
    portfolio: Portfolio, lots: Mapping[LotKey, DomainLot], sources: Sources, known: Mapping[LotKey, int]
) -> dict[LotKey, int]:
    """Insert new lots, update changed ones, and return the row of each."""
    changed = [_lot(portfolio, lots[key], sources) for key in known if key in lots]
    _upsert(Lot, changed, CHANGING, ("portfolio", "asset", "sequence"))
    new = [_lot(portfolio, lot, sources) for key, lot in lots.items() if key not in known]
    insert_rows(Lot, LOT_FIELDS, [[getattr(lot, name) for name in LOT_FIELDS] for lot in new])
    return {**known, **_lot_rows(portfolio, [lot.sequence for lot in new])}


def _lot_rows(portfolio: Portfolio, sequences: Sequence[int]) -> dict[LotKey, int]:
    if not sequences:
        return {}
    rows = Lot.objects.filter(portfolio=portfolio, sequence__gte=min(sequences), sequence__lte=max(sequences))
    return {(symbol, sequence): pk for symbol, sequence, pk in rows.values_list("asset__symbol", "sequence", "pk")}


def _lot(portfolio: Portfolio, lot: DomainLot, sources: Sources) -> Lot:
    fill, transfer = sources.of(lot.sequence)
    return Lot(
        portfolio=portfolio,
        account_id=lot.account,
        asset_id=sources.assets[lot.asset],
        acquired_at=lot.acquired_at,
        sequence=lot.sequence,
        fill_id=fill,
        transfer_id=transfer,
        quantity=lot.quantity,
        cost_usd=lot.cost,
        remaining_quantity=lot.remaining_quantity,
        remaining_cost_usd=lot.remaining_cost,
        is_cost_assumed=lot.is_assumed,
        is_open=bool(lot.remaining_quantity),
    )


def _disposals(
    portfolio: Portfolio, outcomes: Iterable[Outcome], sources: Sources, lots: Mapping[LotKey, int]
) -> Iterator[tuple[Any, ...]]:
    """Give one row for each lot relieved, with its part of the proceeds."""
    for outcome, disposal in _each_disposal(outcomes):
        fill, transfer = sources.of(outcome.event.sequence)
        parts = shares(total=disposal.proceeds, weights=[match.quantity for match in disposal.matches])
        for match, proceeds in zip(disposal.matches, parts, strict=True):
            brought = match.cost if disposal.kind is Kind.SENT else proceeds
            yield (
                portfolio.pk,
                lots[match.lot.asset, match.lot.sequence],
                sources.assets[disposal.asset],
                fill,
                transfer,
                disposal.disposed_at,
                match.quantity,
                match.cost,
                brought,
                brought - match.cost,
                disposal.kind is Kind.FEE,
            )


def _unmatched(portfolio: Portfolio, outcomes: Iterable[Outcome], sources: Sources) -> Iterator[tuple[Any, ...]]:
    for outcome, disposal in _each_disposal(outcomes):
        if disposal.unmatched_quantity:
            yield (
                portfolio.pk,
                sources.assets[disposal.asset],
                *sources.of(outcome.event.sequence),
                disposal.disposed_at,
                disposal.unmatched_quantity,
                disposal.unmatched_proceeds,
            )


def _each_disposal(outcomes: Iterable[Outcome]) -> Iterator[tuple[Outcome, DomainDisposal]]:
    for outcome in outcomes:
        for disposal in outcome.disposals:
            yield outcome, disposal


def _changes(portfolio: Portfolio, outcomes: Iterable[Outcome], sources: Sources) -> Iterator[tuple[Any, ...]]:
    for outcome in outcomes:
        if outcome.position is not None and isinstance(outcome.event, PerpFill):
            yield (
                portfolio.pk,
                sources.fills[outcome.event.sequence],
                outcome.perp_realized,
                outcome.perp_fees,
                outcome.position.quantity,
                outcome.position.entry_price or ZERO,
                outcome.position.margin,
            )


def _write_holdings(portfolio: Portfolio, folded: Folded, sources: Sources) -> None:
    """Write the balance of every holding that the events touched: what it was and what they changed."""
    keys = touched_keys(outcome.event for outcome in folded.outcomes)
    before = {
        (row.account_id, row.asset_id): row
        for row in Holding.objects.filter(portfolio=portfolio, account__in={account for account, _ in keys})
    }
    changes = _holding_changes(folded.outcomes)
    rows = []
    for account, symbol in sorted(keys):
        old = before.get((account, sources.assets[symbol]), _NOTHING)
        quantity, cost, gain = changes[account, symbol]
        cash = folded.state.held(account, USD)
        rows.append(
            Holding(
                portfolio=portfolio,
                account_id=account,
                asset_id=sources.assets[symbol],
                quantity=cash if symbol == USD else old.quantity + quantity,
                cost_usd=cash if symbol == USD else old.cost_usd + cost,
                realized_pnl_usd=old.realized_pnl_usd + gain,
            )
        )
    _upsert(Holding, rows, ("quantity", "cost_usd", "realized_pnl_usd"), ("portfolio", "account", "asset"))


def _holding_changes(outcomes: Iterable[Outcome]) -> dict[AssetKey, tuple[Decimal, Decimal, Decimal]]:
    """Add up by holding: quantity, cost and realised gain."""
    changes: dict[AssetKey, tuple[Decimal, Decimal, Decimal]] = defaultdict(lambda: (ZERO, ZERO, ZERO))
    for outcome in outcomes:
        for lot in outcome.acquired:
            quantity, cost, gain = changes[lot.account, lot.asset]
            changes[lot.account, lot.asset] = (quantity + lot.quantity, cost + lot.cost, gain)
        for one in outcome.disposals:
            quantity, cost, gain = changes[one.account, one.asset]
            changes[one.account, one.asset] = (quantity - one.quantity, cost - one.cost, gain + one.realized)
    return changes


def _write_positions(portfolio: Portfolio, folded: Folded, sources: Sources) -> None:
    touched = {
        (event.account, event.instrument)
        for event in (outcome.event for outcome in folded.outcomes)
        if isinstance(event, PerpFill | FundingPayment)
    }
    rows = [_position(portfolio, key, folded.state.positions[key], sources) for key in sorted(touched)]
    fields = [
        field.name
        for field in Position._meta.concrete_fields
        if field.name not in ("id", "portfolio", "account", "instrument")
    ]
    _upsert(Position, rows, fields, ("portfolio", "account", "instrument"))


def _position(portfolio: Portfolio, key: tuple[int, int], position: DomainPosition, sources: Sources) -> Position:
    account, instrument = key
    return Position(
        portfolio=portfolio,
        account_id=account,
        instrument_id=instrument,
        quote_asset_id=sources.assets[position.settle],
        quantity=position.quantity,
        entry_price=position.entry_price or ZERO,
        entry_cost=position.entry_cost,
        margin=position.margin,
        realized_pnl_usd=position.realized_usd,
        fees_usd=position.fees_usd,
        funding_usd=position.funding_usd,
        opened_at=position.opened_at,
    )


def _upsert(model: Any, rows: Sequence[Any], fields: Sequence[str], unique: Sequence[str]) -> None:
    model.objects.bulk_create(rows, update_conflicts=True, update_fields=fields, unique_fields=unique)
