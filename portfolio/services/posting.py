"""Write what follows from the ledger: lots, disposals, holdings and positions (derived rows)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from jobs.bulk import insert_rows
from portfolio.domain.events import PerpFill
from portfolio.domain.ledger import Folded
from portfolio.domain.lots import Lot as DomainLot
from portfolio.domain.lots import LotKey, Match
from portfolio.domain.money import ZERO, in_context, shares
from portfolio.domain.outcomes import Disposal as DomainDisposal
from portfolio.domain.outcomes import Kind, Outcome
from portfolio.models import (
    Asset,
    Checkpoint,
    Disposal,
    Fill,
    Holding,
    Lot,
    LotMethod,
    Portfolio,
    Position,
    PositionChange,
    Transfer,
    Unmatched,
)
from portfolio.queries.events import LOT_FIELDS as STORED_LOT
from portfolio.queries.events import Order, derived_later, later
from portfolio.services.balances import upsert, write_holdings, write_positions

LOT_FIELDS = (
    "portfolio_id",
    "account_id",
    "asset_id",
    "acquired_at",
    "sequence",
    "ordinal",
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
    "sequence",
    "ordinal",
    "kind",
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
    "sequence",
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
SAME_LOT = ("portfolio", "asset", "sequence", "ordinal")
AT_COST = (Kind.SENT, Kind.MOVED, Kind.CONVERTED, Kind.RESET)
"""Units that leave for these reasons bring their cost: nothing is realised."""

DERIVED = (Disposal, Unmatched, PositionChange, Lot, Holding, Position, Checkpoint)
CHUNK = 400
FEW = 50
"""So many new lots are inserted one statement for all, which gives their rows back."""


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


def forget(portfolio: Portfolio) -> None:
    """Delete every derived ledger row of a portfolio, children first."""
    for model in DERIVED:
        rows = model._default_manager.filter(portfolio=portfolio)
        rows._raw_delete(rows.db)


def forget_after(*, portfolio: Portfolio, after: Order) -> None:
    """Delete what entries after one derived; lots that were there before keep their rows, whatever is left of them."""
    own: dict[str, Any] = {"portfolio": portfolio}
    fills = Fill.objects.filter(later(Fill, after), **own).values("pk")
    transfers = Transfer.objects.filter(later(Transfer, after), **own).values("pk")
    methods = LotMethod.objects.filter(later(LotMethod, after), **own).values("sequence")
    doomed: list[QuerySet[Any]] = [
        Disposal.objects.filter(derived_later(after), **own),
        Unmatched.objects.filter(derived_later(after), **own),
        PositionChange.objects.filter(fill__in=fills, **own),
        Lot.objects.filter(fill__in=fills, **own),
        Lot.objects.filter(transfer__in=transfers, **own),
        Lot.objects.filter(fill__isnull=True, transfer__isnull=True, sequence__in=methods, **own),
        Holding.objects.filter(**own),
        Position.objects.filter(**own),
        Checkpoint.objects.filter(later(Checkpoint, after), **own),
    ]
    for rows in doomed:
        rows._raw_delete(rows.db)


@in_context
def write(*, portfolio: Portfolio, folded: Folded, sources: Sources, lots: Mapping[LotKey, int]) -> None:
    """Write what appended entries did: lots, disposals, balances, positions; `lots` names the rows known."""
    _write_parts(portfolio, folded, sources, _write_lots(portfolio, folded.lots, sources, lots))
    write_holdings(portfolio=portfolio, state=folded.state, keys=folded.changed, assets=sources.assets)
    moved = {outcome.position_key for outcome in folded.outcomes if outcome.position_key is not None}
    write_positions(portfolio=portfolio, state=folded.state, keys=moved, assets=sources.assets)


@in_context
def write_anew(*, portfolio: Portfolio, folded: Folded, sources: Sources, before: Iterable[DomainLot]) -> None:
    """Write what a replay did, given the lots that were open where it began; what came after was forgotten."""
    lots = {lot.key: lot for lot in before}
    rows = _restore_lots(portfolio, lots, folded.lots, sources)
    fresh = {key: lot for key, lot in folded.lots.items() if key not in lots}
    _write_parts(portfolio, folded, sources, _write_lots(portfolio, fresh, sources, rows))
    state = folded.state
    write_holdings(portfolio=portfolio, state=state, keys=state.balances, assets=sources.assets)
    write_positions(portfolio=portfolio, state=state, keys=state.positions, assets=sources.assets)


def _write_parts(portfolio: Portfolio, folded: Folded, sources: Sources, rows: Mapping[LotKey, int]) -> None:
    parts: tuple[tuple[Any, Sequence[str], Iterator[tuple[Any, ...]]], ...] = (
        (Disposal, DISPOSAL_FIELDS, _disposals(portfolio, folded.outcomes, sources, rows)),
        (Unmatched, UNMATCHED_FIELDS, _unmatched(portfolio, folded.outcomes, sources)),
        (PositionChange, CHANGE_FIELDS, _changes(portfolio, folded.outcomes, sources)),
    )
    for model, fields, new in parts:
        values = list(new)
        if values:
            insert_rows(model, fields, values)


def _restore_lots(
    portfolio: Portfolio, before: Mapping[LotKey, DomainLot], touched: Mapping[LotKey, DomainLot], sources: Sources
) -> dict[LotKey, int]:
    """Give lots that were open before what is left of them now, and return their rows."""
    rows: dict[LotKey, int] = {}
    stale = []
    for pk, stored in _stored_lots(portfolio, sorted({sequence for _, sequence, _ in before})):
        wanted = touched.get(stored.key, before.get(stored.key))
        if wanted is not None:
            rows[stored.key] = pk
            if stored != wanted:
                stale.append(wanted)
    upsert(Lot, [_lot(portfolio, lot, sources) for lot in stale], CHANGING, SAME_LOT)
    return rows


def _stored_lots(portfolio: Portfolio, sequences: Sequence[int]) -> Iterator[tuple[int, DomainLot]]:
    for start in range(0, len(sequences), CHUNK):
        rows = Lot.objects.filter(portfolio=portfolio, sequence__in=sequences[start : start + CHUNK])
        for pk, *values in rows.values_list("pk", *STORED_LOT):
            yield pk, DomainLot(*values)


def _write_lots(
    portfolio: Portfolio, lots: Mapping[LotKey, DomainLot], sources: Sources, known: Mapping[LotKey, int]
) -> dict[LotKey, int]:
    """Insert new lots, update changed ones, and return the row of each."""
    changed = [_lot(portfolio, lots[key], sources) for key in known if key in lots]
    upsert(Lot, changed, CHANGING, SAME_LOT)
    new = [lot for key, lot in lots.items() if key not in known]
    if len(new) <= FEW:
        rows = Lot.objects.bulk_create(_lot(portfolio, lot, sources) for lot in new)
        return {**known, **{lot.key: row.pk for lot, row in zip(new, rows, strict=True)}}
    insert_rows(Lot, LOT_FIELDS, [_lot_values(portfolio, lot, sources) for lot in new])
    return {**known, **_lot_rows(portfolio, [lot.sequence for lot in new], sources)}


def _lot_rows(portfolio: Portfolio, sequences: Sequence[int], sources: Sources) -> dict[LotKey, int]:
    rows = Lot.objects.filter(portfolio=portfolio, sequence__gte=min(sequences), sequence__lte=max(sequences))
    symbols = {pk: symbol for symbol, pk in sources.assets.items()}
    names = rows.values_list("pk", "asset_id", "sequence", "ordinal")
    return {(symbols[asset], sequence, ordinal): pk for pk, asset, sequence, ordinal in names.iterator(5000)}


def _lot(portfolio: Portfolio, lot: DomainLot, sources: Sources) -> Lot:
    return Lot(**dict(zip(LOT_FIELDS, _lot_values(portfolio, lot, sources), strict=True)))


def _lot_values(portfolio: Portfolio, lot: DomainLot, sources: Sources) -> tuple[Any, ...]:
    """Give a lot in the order of LOT_FIELDS."""
    account, asset, acquired_at, sequence, quantity, cost, left, cost_left, is_assumed, ordinal = lot
    entry = sources.of(sequence)
    amounts = (quantity, cost, left, cost_left)
    name = (portfolio.pk, account, sources.assets[asset], acquired_at, sequence, ordinal)
    return (*name, *entry, *amounts, is_assumed, bool(left))


def _disposals(
    portfolio: Portfolio, outcomes: Iterable[Outcome], sources: Sources, lots: Mapping[LotKey, int]
) -> Iterator[tuple[Any, ...]]:
    """Give one row for each lot relieved, with its part of the proceeds."""
    for outcome in outcomes:
        fill, transfer = sources.of(outcome.event.sequence)
        ordinal = 0
        for disposal in outcome.disposals:
            for match, brought in _brought(disposal):
                yield (
                    portfolio.pk,
                    lots[match.lot.key],
                    sources.assets[disposal.asset],
                    fill,
                    transfer,
                    disposal.disposed_at,
                    outcome.event.sequence,
                    ordinal,
                    disposal.kind.value,
                    match.quantity,
                    match.cost,
                    brought,
                    brought - match.cost,
                    disposal.kind is Kind.FEE,
                )
                ordinal += 1


def _brought(disposal: DomainDisposal) -> Iterator[tuple[Match, Decimal]]:
    """Give each match its part of the proceeds."""
    matches = disposal.matches
    if disposal.kind in AT_COST:
        return zip(matches, [match.cost for match in matches], strict=True)
    if len(matches) == 1:
        return zip(matches, [disposal.proceeds], strict=True)
    parts = shares(total=disposal.proceeds, weights=[match.quantity for match in matches])
    return zip(matches, parts, strict=True)


def _unmatched(portfolio: Portfolio, outcomes: Iterable[Outcome], sources: Sources) -> Iterator[tuple[Any, ...]]:
    for outcome, disposal in _each_disposal(outcomes):
        if disposal.unmatched_quantity:
            yield (
                portfolio.pk,
                sources.assets[disposal.asset],
                *sources.of(outcome.event.sequence),
                disposal.disposed_at,
                outcome.event.sequence,
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
