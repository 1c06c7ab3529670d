"""Dump what was derived of a ledger, so that two of them can be compared: no ids, no clocks, natural order."""

from __future__ import annotations

from typing import Any

from portfolio.models import Disposal, Holding, Lot, Portfolio, Position, PositionChange, Unmatched

DERIVED = (Lot, Disposal, Unmatched, Holding, Position, PositionChange)
LEFT_OUT = {"id", "portfolio", "fill", "transfer", "lot"}


def dump(book: Portfolio) -> dict[str, list[tuple[tuple[str, Any], ...]]]:
    """Give every derived row of a portfolio by names that mean the same in any database."""
    return {model.__name__: sorted((_row(row) for row in _rows(model, book)), key=repr) for model in DERIVED}


def _rows(model: Any, book: Portfolio) -> list[Any]:
    names = {field.name for field in model._meta.concrete_fields}
    related = names & {"fill", "transfer", "lot", "account", "asset", "instrument", "quote_asset"}
    return list(model.objects.filter(portfolio=book).select_related(*related))


def _row(row: Any) -> tuple[tuple[str, Any], ...]:
    named = [(field.name, _plain(row, field)) for field in row._meta.concrete_fields if field.name not in LEFT_OUT]
    entries = [(name, getattr(getattr(row, name, None), "sequence", None)) for name in ("fill", "transfer")]
    lot = getattr(row, "lot", None)
    return (*named, *entries, ("lot", lot and (lot.asset_id, lot.sequence, lot.ordinal)))


def _plain(row: Any, field: Any) -> Any:
    value = getattr(row, field.name)
    if field.name == "account":
        return value.name
    return str(value) if field.is_relation else value
