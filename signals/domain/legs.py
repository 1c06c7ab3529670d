"""Turn accepted amounts per sector into exact orders per instrument (DOMAIN 3.4, 3.5 token expansion; DECISIONS 32-33).

Float64 decided; from here on every quantity, price and amount is `Decimal`, quantities rounded down to the step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

from portfolio.domain.futures import Position
from portfolio.domain.margin import liquidation_price_at_mark
from portfolio.domain.money import ONE, ZERO, in_context
from signals.domain.batch import StageCode
from signals.domain.shelf import Action, Held, Leg, Listing, OpenPosition, Purpose, Shelf, Task, exactly, near

TWO = Decimal(2)
CENT = Decimal("0.01")
USD = Decimal("0.00000001")
SELL, BUY, NO_PURPOSE = Action.SELL_SPOT.value, Action.BUY_SPOT.value, Purpose.NONE.value


@in_context
def expand(task: Task, *, shelf: Shelf) -> list[Leg]:
    """Return the legs in order: close and trim, sell, buy, open. Only what the task holds, never core, is sold."""
    draft: list[Leg] = []
    _cut_longs(task, draft)
    _cut_shorts(task, draft)
    before = len(draft)
    proceeds = _sell(task, draft)
    last_sale = len(draft) if len(draft) > before else None
    _buy(task, shelf, draft, proceeds=proceeds, last_sale=last_sale)
    _open_long(task, shelf, draft, last_sale=last_sale)
    _open_hedge(task, shelf, draft)
    return draft


def slippage_rate(listing: Listing, size: Decimal) -> Decimal:
    """Return the modelled slippage of an order on this instrument, as a rate (DOMAIN 3.6); unknown depth doubles it."""
    if math.isnan(listing.impact):
        return exactly(2.0 * listing.half_spread)
    return exactly(listing.half_spread + listing.impact * math.sqrt(size))


def spot_stop(listing: Listing, stop_rate: Decimal) -> Decimal:
    """Return a spot leg's stop distance: the swing of its price, at most the policy's stop (DECISIONS 32)."""
    return stop_rate if listing.swing is None else min(listing.swing, stop_rate)


def _sell(task: Task, draft: list[Leg]) -> Decimal:
    """Sell pro rata to holdings within each sector; return what arrives after fees and slippage."""
    proceeds = ZERO
    for column, amount in enumerate(task.sells):
        if amount > 0:
            held = [h for h in task.held if h.column == column and h.value > 0]
            for listing, quantity, notional in _shares(held, exactly(amount), smallest=task.min_notional):
                leg = _sale(draft, task, listing, column=column, quantity=quantity, notional=notional)
                proceeds += notional - leg.fee - leg.slippage
    return proceeds


def _shares(held: Sequence[Held], amount: Decimal, *, smallest: Decimal) -> list[tuple[Listing, Decimal, Decimal]]:
    """Split a sale over holdings by value; holdings whose part is too small for an order leave it to the others."""
    if not held:
        return []
    whole = sum([h.value for h in held], ZERO)
    part = min(amount / whole, ONE)
    kept = [h for h in held if h.value * part >= max(smallest, h.listing.min_notional)]
    kept = kept or [max(held, key=lambda h: h.value)]
    part = ONE if whole - amount < CENT else min(amount / sum([h.value for h in kept], ZERO), ONE)
    found = []
    for _, quantity, _, listing in kept:
        cut = quantity * part // listing.step * listing.step
        notional = (cut * listing.price).quantize(USD)
        if notional >= max(smallest, listing.min_notional):
            found.append((listing, cut, notional))
    return found


def _sale(draft: list[Leg], task: Task, listing: Listing, *, column: int, quantity: Decimal, notional: Decimal) -> Leg:
    """Append a sale."""
    leg = Leg(
        len(draft) + 1,
        SELL,
        NO_PURPOSE,
        column,
        listing.instrument_id,
        quantity,
        listing.price,
        listing.low,
        listing.high,
        notional,
        (notional * task.spot_fee).quantize(USD),
        (notional * slippage_rate(listing, notional)).quantize(USD),
        ZERO,
        ONE,
        None,
        None,
        ZERO,
        None,
        task.reason,
    )
    draft.append(leg)
    return leg


def _buy(task: Task, shelf: Shelf, draft: list[Leg], *, proceeds: Decimal, last_sale: int | None) -> None:
    """Spend what the sales brought in, less the margin they have to post, on each sector's basket."""
    wanted = exactly(sum(task.buys))
    budget = min(wanted, proceeds - exactly(task.margin_change))
    if wanted <= 0 or budget <= 0:
        return
    for column, amount in enumerate(task.buys):
        if amount > 0:
            spend = budget * exactly(amount) // (wanted * USD) * USD
            for listing, cost in _basket(shelf, column, spend, smallest=task.min_notional):
                _purchase(draft, task, listing, column=column, cost=cost, last_sale=last_sale)


def _basket(shelf: Shelf, column: int, spend: Decimal, *, smallest: Decimal) -> list[tuple[Listing, Decimal]]:
    """Split a sector's spending over its basket; tokens too small for an order leave it to the larger ones."""
    listed = [(shelf.spot[asset], weight) for asset, weight in shelf.baskets[column] if asset in shelf.spot]
    whole = sum([weight for _, weight in listed], ZERO)
    while listed:
        listing, weight = listed[-1]
        if spend * weight >= max(smallest, listing.min_notional) * whole:
            return [(item, spend * w // (whole * USD) * USD) for item, w in listed]
        listed.pop()
        whole -= weight
    return []


def _purchase(
    draft: list[Leg], task: Task, listing: Listing, *, column: int, cost: Decimal, last_sale: int | None
) -> None:
    """Append a buy that costs exactly `cost`, q = S(1 - c)/p rounded down, with its stop (DECISIONS 33)."""
    price, slip = listing.price, slippage_rate(listing, cost)
    quantity = cost * (ONE - task.spot_fee - slip) // (price * listing.step) * listing.step
    if quantity <= 0:
        return
    stop = spot_stop(listing, task.stop_rate)
    notional = (quantity * price).quantize(USD)
    draft.append(
        Leg(
            len(draft) + 1,
            BUY,
            NO_PURPOSE,
            column,
            listing.instrument_id,
            quantity,
            price,
            listing.low,
            listing.high,
            notional,
            (cost * task.spot_fee).quantize(USD),
            (cost * slip).quantize(USD),
            ZERO,
            ONE,
            None,
            near(price, ONE - stop),
            (notional * (stop + task.spot_fee * (TWO - stop))).quantize(USD),
            last_sale,
            task.reason,
        )
    )


def _perp(
    draft: list[Leg],
    task: Task,
    listing: Listing,
    *,
    column: int,
    action: str,
    quantity: Decimal,
    side: int = 0,
    last_sale: int | None = None,
) -> None:
    """Append a futures leg; an opening one (`side` 1 or -1) carries margin, liquidation price, stop and 1R."""
    notional = (quantity * listing.price).quantize(USD)
    margin = (notional / task.leverage).quantize(USD) if side else ZERO
    stop = exactly(task.stop) * side
    risk = notional * abs(stop) + notional * task.futures_fee * (TWO - stop) if side else ZERO
    draft.append(
        Leg(
            position=len(draft) + 1,
            action=action,
            purpose=_purpose(task, action),
            column=column,
            instrument_id=listing.instrument_id,
            quantity=quantity,
            price=listing.price,
            low=listing.low,
            high=listing.high,
            notional=notional,
            fee=(notional * task.futures_fee).quantize(USD),
            slippage=ZERO,
            margin=margin,
            leverage=task.leverage if side else ONE,
            liquidation=_liquidation(listing, side * quantity, notional, margin) if side else None,
            stop=near(listing.price, ONE - stop) if side else None,
            risk=risk.quantize(USD),
            depends_on=last_sale if task.is_carved else None,
            reason=task.reason if side else task.cut_reason,
        )
    )


def _purpose(task: Task, action: str) -> str:
    """Return why the futures leg exists: a hedge, a yield position of re-emergence, else amplification."""
    if action in (Action.OPEN_SHORT_HEDGE, Action.CLOSE_HEDGE):
        return Purpose.CORE_HEDGE.value
    is_yield = task.stage == StageCode.RE and action == Action.OPEN_LONG
    return Purpose.YIELD.value if is_yield else Purpose.AMPLIFY.value


def _liquidation(listing: Listing, quantity: Decimal, cost: Decimal, margin: Decimal) -> Decimal | None:
    """Return where the position would be liquidated, isolated, maintenance at the mark (DOMAIN 4.3)."""
    position = Position(settle="USD", quantity=quantity, entry_cost=cost, margin=margin)
    found = liquidation_price_at_mark(position=position, mmr=listing.maintenance_rate, cum=listing.maintenance_amount)
    return None if found is None else near(found, ONE)


def _cut(positions: Sequence[OpenPosition], amount: Decimal, *, is_all: bool) -> list[tuple[OpenPosition, Decimal]]:
    """Split a reduction over open positions by value, rounded down; closing takes all of each."""
    whole = sum([p.value for p in positions], ZERO)
    if is_all or whole <= amount:
        return [(p, p.quantity) for p in positions]
    cut = [(p, p.quantity * amount / whole // p.listing.step * p.listing.step) for p in positions]
    return [(p, quantity) for p, quantity in cut if quantity > 0]


def _cut_longs(task: Task, draft: list[Leg]) -> None:
    """Close or reduce overlays; a cut that funding asks for is a trim (DOMAIN 2.6)."""
    for column, change in enumerate(task.overlay_change):
        if change < 0:
            is_all = task.overlay[column] <= 0
            action = Action.CLOSE_LONG.value if is_all else task.trim
            positions = [p for p in task.longs if p.column == column]
            for position, quantity in _cut(positions, exactly(-change), is_all=is_all):
                _perp(draft, task, position.listing, column=column, action=action, quantity=quantity)


def _cut_shorts(task: Task, draft: list[Leg]) -> None:
    """Close or reduce the core hedge."""
    if task.hedge_change > 0:
        is_all = task.hedge >= 0
        for position, quantity in _cut(task.shorts, exactly(task.hedge_change), is_all=is_all):
            _perp(draft, task, position.listing, column=-1, action=Action.CLOSE_HEDGE.value, quantity=quantity)


def _open_long(task: Task, shelf: Shelf, draft: list[Leg], *, last_sale: int | None) -> None:
    """Open the overlay on the sector's leading perp of the venue (DOMAIN F36)."""
    for column, change in enumerate(task.overlay_change):
        asset = shelf.overlay_assets[column] if change > 0 else None
        listing = None if asset is None else shelf.perp.get(asset)
        quantity = None if listing is None else _opening(task, listing, exactly(change))
        if listing is not None and quantity is not None:
            _perp(
                draft,
                task,
                listing,
                column=column,
                action=Action.OPEN_LONG.value,
                quantity=quantity,
                side=1,
                last_sale=last_sale,
            )


def _open_hedge(task: Task, shelf: Shelf, draft: list[Leg]) -> None:
    """Short the core pro rata to what it is made of; spot core stays where it is (DOMAIN I-18, I-30)."""
    if task.hedge_change >= 0:
        return
    core = [(shelf.perp[c.asset_id], c.value) for c in task.core if c.value > 0 and c.asset_id in shelf.perp]
    whole = sum([value for _, value in core], ZERO)
    for listing, value in core:
        quantity = _opening(task, listing, exactly(-task.hedge_change) * value / whole)
        if quantity is not None:
            _perp(draft, task, listing, column=-1, action=Action.OPEN_SHORT_HEDGE.value, quantity=quantity, side=-1)


def _opening(task: Task, listing: Listing, amount: Decimal) -> Decimal | None:
    """Return an opening quantity rounded down, nothing if that leaves less than the smallest order."""
    quantity = amount // (listing.price * listing.step) * listing.step
    return quantity if quantity * listing.price >= max(task.min_notional, listing.min_notional) else None
