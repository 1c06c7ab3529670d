"""Gather what the orders of one accepted decision are made of: exact quantities, core taken out, priced and listed."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from portfolio.domain.money import ZERO
from signals.domain.batch import FundingFlag, OverlayVerdict
from signals.domain.shelf import Action, CoreAsset, Held, OpenPosition, Reason, Task, exactly

if TYPE_CHECKING:
    from signals.services.answers import Desk

CUT_REASONS: dict[int, Reason] = {
    OverlayVerdict.EXTREME_FUNDING: Reason.FUNDING,
    OverlayVerdict.STOPPED_OUT: Reason.STOPPED_OUT,
    OverlayVerdict.NOT_OPTED_IN: Reason.LIMITS,
    OverlayVerdict.NO_MARGIN: Reason.LIMITS,
}


def task_of(desk: Desk, place: int) -> Task:
    """Return what one row's decision asks of the portfolio's holdings and positions."""
    columns, row, batch = desk.columns, desk.rows[place], desk.books.batch
    policy = desk.books.policies[row]
    reason = Reason.STAGE if batch.is_changed[row] else Reason.DRIFT
    cut_reason = _cut_reason(desk, place, reason)
    longs, shorts = _positions(desk, row) if row in desk.books.positions else ([], [])
    sells = columns["sell"][place]
    return Task(
        sells=sells,
        buys=columns["buy"][place],
        overlay_change=columns["overlay_change"][place],
        overlay=columns["overlay"][place],
        margin_change=sum(columns["margin_change"][place]),
        hedge_change=columns["hedge_change"][place],
        hedge=float(batch.core_hedge[row]) + columns["hedge_change"][place],
        stage=int(desk.found.stage),
        leverage=exactly(columns["leverage"][place]),
        stop=columns["stop"][place],
        stop_rate=Decimal(policy.stop_rate),
        spot_fee=desk.counter.spot_rate,
        futures_fee=desk.counter.perp_rate,
        min_notional=Decimal(policy.min_notional),
        is_carved=bool(batch.carves[row]),
        reason=reason.value,
        cut_reason=cut_reason.value,
        trim=Action.TRIM_OVERLAY.value if cut_reason is Reason.FUNDING else Action.REDUCE_LONG.value,
        held=list(_held(desk, row, {column for column, amount in enumerate(sells) if amount > 0})),
        longs=longs,
        shorts=shorts,
        core=_core(desk, row) if columns["hedge_change"][place] < 0 else [],
    )


def _cut_reason(desk: Desk, place: int, reason: Reason) -> Reason:
    """Return what asks for a reduction of the overlay."""
    if desk.funding_flag(place) == FundingFlag.HOT:
        return Reason.FUNDING
    return CUT_REASONS.get(desk.columns["overlay_verdict"][place], reason)


def _held(desk: Desk, row: int, sold: set[int]) -> Iterable[Held]:
    """Return the listed holdings of the sectors that are sold, less what is core of them (DOMAIN F22)."""
    left = desk.books.core.get(row, {})
    locks = {asset: Decimal(quantity) for asset, quantity in left.items() if asset in desk.reference.shares}
    shares, listings, shelf = desk.reference.shares, desk.reference.listings, desk.counter.shelf.spot
    for _, venue, asset, text in desk.books.held.held_by(row):
        columns = [pair for pair in shares.get(asset, ()) if pair[0] in sold]
        listing = (listings.get((venue, asset)) or shelf.get(asset)) if columns else None
        if listing is None:
            continue
        quantity = Decimal(text)
        locked = min(locks.get(asset, ZERO), quantity) if locks else ZERO
        if locked:
            locks[asset] -= locked
        for column, share in columns:
            free = quantity - locked if share == 1.0 else (quantity - locked) * exactly(share)
            yield Held(column, free, free * listing.price, listing)


def _positions(desk: Desk, row: int) -> tuple[list[OpenPosition], list[OpenPosition]]:
    """Return a row's open longs on sectors and shorts on the core."""
    longs, shorts = [], []
    for instrument, text, _ in desk.books.positions.get(row, ()):
        listing, quantity = desk.reference.perps.get(instrument), Decimal(text)
        if listing is None or not quantity:
            continue
        shares = desk.reference.shares.get(listing.asset_id)
        opened = OpenPosition(shares[0][0] if shares else -1, abs(quantity), abs(quantity) * listing.price, listing)
        if shares and quantity > 0:
            longs.append(opened)
        elif not shares and quantity < 0:
            shorts.append(opened)
    return longs, shorts


def _core(desk: Desk, row: int) -> list[CoreAsset]:
    """Return what the row's core is made of, to share out a hedge; nothing of it is ever sold."""
    held: dict[int, Decimal] = {}
    for _, _, asset, quantity in desk.books.held.held_by(row):
        held[asset] = held.get(asset, ZERO) + Decimal(quantity)
    marks = desk.reference.marks
    return [
        CoreAsset(asset, min(Decimal(quantity), held.get(asset, ZERO)) * marks[asset].price)
        for asset, quantity in desk.books.core.get(row, {}).items()
        if asset in marks
    ]
