"""Read everything that is stored of a ledger, for those who check it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portfolio.domain.events import Event
from portfolio.domain.lots import EVERYWHERE, Scope
from portfolio.models import (
    Asset,
    Disposal,
    Fill,
    Holding,
    LoanEntry,
    Lot,
    LotMethod,
    Portfolio,
    Position,
    PositionChange,
    Transfer,
    Unmatched,
)
from portfolio.queries.events import Order, events_of


@dataclass(frozen=True, kw_only=True)
class Violation:
    """Name the invariant that a row breaks, and how."""

    invariant: str
    row: str
    message: str

    def __str__(self) -> str:
        """Show it in one line."""
        return f"{self.invariant} {self.row}: {self.message}"


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Hold everything that is stored of one portfolio's ledger."""

    portfolio: Portfolio
    fills: list[Fill]
    transfers: list[Transfer]
    methods: list[LotMethod]
    lots: list[Lot]
    disposals: list[Disposal]
    unmatched: list[Unmatched]
    holdings: list[Holding]
    positions: list[Position]
    changes: list[PositionChange]
    events: list[Event]
    loans: list[LoanEntry]
    fiat: set[int]

    def standing_fills(self) -> list[Fill]:
        """Return the fills that neither are nor have a reversal."""
        return _standing(self.fills)

    def standing_transfers(self) -> list[Transfer]:
        """Return the transfers that neither are nor have a reversal."""
        return _standing(self.transfers)

    def is_shared(self, order: Order | None = None) -> bool:
        """Return whether all accounts share their lots: after an entry, or now."""
        changes = [
            ((row.effective_at, row.sequence), row.scope)
            for row in _standing(self.methods)
            if order is None or (row.effective_at, row.sequence) < order
        ]
        return bool(changes) and max(changes)[1] == Scope.PORTFOLIO

    def place(self, row: Lot | Holding) -> tuple[int, int]:
        """Return where a lot or a balance is counted: its account, or none where lots are shared, and its asset."""
        return (EVERYWHERE if self.is_shared() else row.account_id, row.asset_id)


def rows_of(portfolio: Portfolio) -> Rows:
    """Read a portfolio's ledger, derived rows and all."""

    def all_of(model: Any, *related: str) -> list[Any]:
        """Read a table's rows of this portfolio."""
        rows = model.objects.filter(portfolio=portfolio).order_by("pk")
        return list(rows.select_related(*related) if related else rows)

    return Rows(
        portfolio=portfolio,
        fills=all_of(Fill, "instrument", "account"),
        transfers=all_of(Transfer, "asset", "account", "to_account"),
        methods=all_of(LotMethod),
        lots=all_of(Lot, "asset", "account"),
        disposals=all_of(Disposal, "lot", "fill__instrument"),
        unmatched=all_of(Unmatched),
        holdings=all_of(Holding, "asset", "account"),
        positions=all_of(Position, "quote_asset", "account"),
        changes=all_of(PositionChange),
        events=events_of(portfolio=portfolio),
        loans=all_of(LoanEntry, "asset", "account", "transfer"),
        fiat=set(Asset.objects.filter(kind=Asset.Kind.FIAT).values_list("pk", flat=True)),
    )


def _standing(entries: list[Any]) -> list[Any]:
    gone = {entry.reverses_id for entry in entries if entry.reverses_id}
    return [entry for entry in entries if not entry.reverses_id and entry.pk not in gone]
