"""Read a ledger's rows for the oracle: what was recorded, in its own words, whatever the product makes of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from portfolio.models import Fill, LotMethod, Portfolio, Transfer

KINDS = {
    "deposit": "TransferIn",
    "income": "TransferIn",
    "withdrawal": "TransferOut",
    "funding": "FundingPayment",
    "move": "Move",
    "migration": "Conversion",
    "rebase": "Rebase",
    "swap": "Swap",
}


class Entry(SimpleNamespace):
    """Hold one entry; its kind is the name of what the oracle does with it."""

    kind: str

    @property
    def order(self) -> tuple[Any, int]:
        return (self.executed_at, self.sequence)


def standing_entries(book: Portfolio) -> list[Entry]:
    """Give what was recorded and not reversed, in order."""
    stand: dict[str, Any] = {"portfolio": book, "reverses": None, "reversed_by": None}
    fills = Fill.objects.filter(**stand).select_related("instrument__asset", "quote_asset", "fee_asset")
    transfers = Transfer.objects.filter(**stand).select_related("asset", "into_asset", "fee_asset")
    methods = LotMethod.objects.filter(**stand)
    entries = [*map(fill_entry, fills), *map(transfer_entry, transfers), *map(method_entry, methods)]
    return sorted(entries, key=lambda entry: entry.order)


def entry_of(row: Fill | Transfer | LotMethod) -> Entry:
    """Give a row that may not be stored yet."""
    if isinstance(row, LotMethod):
        return method_entry(row)
    return fill_entry(row) if isinstance(row, Fill) else transfer_entry(row)


def fill_entry(row: Fill) -> Entry:
    shared = {
        "sequence": row.sequence,
        "account": row.account_id,
        "executed_at": row.executed_at,
        "side": row.side,
        "quantity": row.quantity,
        "price": row.price,
        "fee": row.fee_amount,
        "fee_asset": row.fee_asset.symbol,
        "fee_usd": row.fee_usd,
    }
    quote = row.quote_asset.symbol
    if row.instrument.kind == "spot":
        base = row.instrument.asset.symbol
        return Entry(kind="SpotFill", **shared, base=base, quote=quote, quote_usd=row.quote_usd)
    terms = {"instrument": row.instrument_id, "settle": quote, "settle_usd": row.quote_usd}
    return Entry(kind="PerpFill", **shared, **terms, leverage=row.leverage or 1)


def transfer_entry(row: Transfer) -> Entry:
    return Entry(
        kind=KINDS[row.kind],
        sequence=row.sequence,
        account=row.account_id,
        executed_at=row.executed_at,
        asset=row.asset.symbol,
        settle=row.asset.symbol,
        quantity=row.quantity,
        amount=row.quantity,
        change=row.quantity,
        cost=row.cost_usd,
        value=row.value_usd,
        acquired_at=row.acquired_at,
        is_income=row.kind == "income",
        instrument=row.instrument_id,
        to_account=row.to_account_id,
        into=row.into_asset and row.into_asset.symbol,
        received=row.into_quantity,
        fee=row.fee_amount,
        fee_asset=row.fee_asset.symbol if row.fee_asset else "USD",
        fee_usd=row.fee_usd,
    )


def method_entry(row: LotMethod) -> Entry:
    terms = {"executed_at": row.effective_at, "method": row.method, "scope": row.scope}
    return Entry(kind="MethodChange", sequence=row.sequence, account=0, **terms)
