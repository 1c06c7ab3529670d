"""Tell a repeat from an id that was used for something else: an id names one entry of its account for good."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from portfolio.domain.money import Refusal
from portfolio.services.entries import KeyReused, NewTransfer

SAME_FILL = (
    "instrument_id",
    "side",
    "quantity",
    "price",
    "executed_at",
    "quote_asset_id",
    "fee_amount",
    "fee_asset_id",
    "leverage",
    "position_side",
    "margin_mode",
    "reason",
    "chain",
)
SAME_TRANSFER = (
    "kind",
    "asset_id",
    "quantity",
    "executed_at",
    "cost_usd",
    "acquired_at",
    "instrument_id",
    "position_side",
    "to_account_id",
    "into_asset_id",
    "into_quantity",
    "fee_amount",
    "fee_asset_id",
)


LONGEST_ID = 100


class IdTooLong(Refusal):
    """Refuse an id that its column cannot hold."""


def same_transfer(new: NewTransfer) -> tuple[str, ...]:
    """Return what a repeat of a transfer repeats; a value counts where it was stated, not where a price gave it."""
    return SAME_TRANSFER if new.value_usd is None else (*SAME_TRANSFER, "value_usd")


def known_entries(rows: Sequence[Any], same: Iterable[Sequence[str]]) -> Mapping[str | None, Any]:
    """Return what was recorded before under the ids of these rows; `same` names what each must have in common.

    Raises `KeyReused` where an id means something else, or an entry that was reversed: an import skips the latter.
    """
    ids = [row.external_id for row in rows if row.external_id]
    if not ids:
        return {}
    longest = max(ids, key=len)
    if len(longest) > LONGEST_ID:
        raise IdTooLong(f"The id {longest[:20]}… has {len(longest)} characters: give at most {LONGEST_ID}.")
    if len(set(ids)) != len(ids):
        raise KeyReused("Two of these entries carry the same id.")
    accounts = {row.account_id for row in rows}
    entries = type(rows[0])._default_manager.filter(account__in=accounts, external_id__in=ids)
    found = {(row.account_id, row.external_id): row for row in entries.select_related("reversed_by")}
    known: dict[str | None, Any] = {}
    for row, names in zip(rows, same, strict=True):
        old = found.get((row.account_id, row.external_id))
        if old is not None:
            _check(old, row, names)
            known[old.external_id] = old
    return known


def refuse_reversed(row: Any) -> None:
    """Refuse to repeat an entry that was reversed: its id names it for good."""
    if hasattr(row, "reversed_by"):
        raise KeyReused(
            f"What the id {row.external_id} names was recorded before and then reversed. "
            "If it did happen, record it again under a new id."
        )


def _check(old: Any, new: Any, same: Sequence[str]) -> None:
    if any(getattr(old, name) != getattr(new, name) for name in same):
        raise KeyReused(f"The id {old.external_id} was used before for something else.")
    if not new.is_imported:
        refuse_reversed(old)
