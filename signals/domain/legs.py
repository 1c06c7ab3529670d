"""Turn accepted amounts per sector into exact orders per instrument (DOMAIN 3.4, 3.5 token expansion; DECISIONS 32-33).

Float64 decided; from here on every quantity, price and amount is `Decimal`, quantities rounded down to the step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_DOWN, Context, Decimal

from portfolio.domain.futures import Position, liquidation_price_at_mark
from portfolio.domain.money import QUANTUM, in_context
from signals.domain.allocation import ATR_FLOOR, ATR_MULTIPLE
from signals.domain.batch import StageCode
from signals.domain.costs import IMPACT
from signals.domain.shelf import Action, Held, Leg, Listing, OpenPosition, Purpose, Shelf, Task

ZERO, ONE, TWO = Decimal(0), Decimal(1), Decimal(2)
CENT = Decimal("0.01")
USD = Decimal("0.00000001")
LIMIT_BAND = Decimal("0.005")
_PRICE = Context(prec=10)
_SMALLEST_TEN_DIGITS = Decimal("0.0000001")


@in_context
def expand(task: Task, *, shelf: Shelf) -> list[Leg]:
    """Return the legs in order: close and trim, sell, buy, open. Only what the task holds, never core, is sold."""
    draft: list[Leg] = []
    _cut_longs(task, draft)
    _cut_shorts(task, draft)
    proceeds = _sell(task, draft)
    _buy(task, shelf, draft, proceeds=proceeds)
    _open_long(task, shelf, draft)
    _open_hedge(task, shelf, draft)
    return draft


def usd(amount: float) -> Decimal:
    """Return a float64 amount or rate as an exact number of 1e-8."""
    return Decimal(round(amount * 1e8)).scaleb(-8)


def slippage_rate(listing: Listing, size: Decimal) -> Decimal:
    """Return the modelled slippage of an order on this instrument, as a rate (DOMAIN 3.6)."""
    if not (listing.adv > 0 and listing.sigma_daily >= 0):
        return usd(2.0 * listing.half_spread)
    impact = IMPACT * listing.sigma_daily * math.sqrt(float(size) / listing.adv)
    return usd(listing.half_spread + impact)


def spot_stop(listing: Listing, stop_rate: float) -> Decimal:
    """Return a spot leg's stop distance: the swing of its price, at most the policy's stop (DECISIONS 32)."""
    swing = math.inf if math.isnan(listing.atr_rate) else max(ATR_MULTIPLE * listing.atr_rate, ATR_FLOOR)
    return usd(min(swing, stop_rate))


def _floored(quantity: Decimal, step: Decimal) -> Decimal:
    """Round a quantity down to the step."""
    return quantity // step * step


def _near(price: Decimal, factor: Decimal) -> Decimal:
    """Return price x factor with ten significant digits, at most 18 places."""
    found = _PRICE.multiply(price, factor)
    return found if found >= _SMALLEST_TEN_DIGITS else found.quantize(QUANTUM)


def _band(listing: Listing) -> tuple[Decimal, Decimal]:
    """Return the limit band: half a percent around the price, or the half-spread if that is wider (DOMAIN 3.4)."""
    width = max(LIMIT_BAND, usd(listing.half_spread))
    return _near(listing.price, ONE - width), _near(listing.price, ONE + width)


def _last(draft: Sequence[Leg], action: Action) -> int | None:
    """Return the place of the last leg of that action, for which a later leg waits."""
    return next((leg.position for leg in reversed(draft) if leg.action is action), None)


def _spot(
    draft: list[Leg], task: Task, listing: Listing, *, column: int, quantity: Decimal, spend: Decimal = ZERO
) -> Leg:
    """Append a spot leg: a sale where `spend` is 0, else a buy that costs it, with a stop."""
    is_buy = spend > 0
    size = spend if is_buy else (quantity * listing.price).quantize(USD)
    fee = (size * task.spot_fee).quantize(USD)
    stop = spot_stop(listing, task.stop_rate) if is_buy else ZERO
    notional = (quantity * listing.price).quantize(USD)
    low, high = _band(listing)
    leg = Leg(
        position=len(draft) + 1,
        action=Action.BUY_SPOT if is_buy else Action.SELL_SPOT,
        purpose=Purpose.NONE,
        column=column,
        instrument_id=listing.instrument_id,
        quantity=quantity,
        price=listing.price,
        low=low,
        high=high,
        notional=notional,
        fee=fee,
        slippage=(size * slippage_rate(listing, size)).quantize(USD),
        margin=ZERO,
        leverage=ONE,
        liquidation=None,
        stop=_near(listing.price, ONE - stop) if is_buy else None,
        risk=(notional * (stop + task.spot_fee * (TWO - stop))).quantize(USD) if is_buy else ZERO,
        depends_on=_last(draft, Action.SELL_SPOT) if is_buy else None,
        reason=task.reason,
    )
    draft.append(leg)
    return leg


def _sell(task: Task, draft: list[Leg]) -> Decimal:
    """Sell pro rata to holdings within each sector; return what arrives after fees and slippage."""
    proceeds = ZERO
    for column, amount in enumerate(task.sells):
        if amount > 0:
            held = [h for h in task.held if h.column == column and h.value > 0]
            for item, quantity in _shares(held, usd(amount), smallest=task.min_notional):
                leg = _spot(draft, task, item.listing, column=column, quantity=quantity)
                proceeds += leg.notional - leg.fee - leg.slippage
    return proceeds


def _shares(held: Sequence[Held], amount: Decimal, *, smallest: Decimal) -> list[tuple[Held, Decimal]]:
    """Split a sale over holdings by value; holdings whose part is too small for an order leave it to the others."""
    if not held:
        return []
    whole = sum((h.value for h in held), ZERO)
    part = min(amount / whole, ONE)
    kept = [h for h in held if h.value * part >= max(smallest, h.listing.min_notional)]
    kept = kept or [max(held, key=lambda h: h.value)]
    part = min(amount / sum((h.value for h in kept), ZERO), ONE)
    is_all = whole - amount < CENT
    cut = [(h, _floored(h.quantity if is_all else h.quantity * part, h.listing.step)) for h in kept]
    return [(h, q) for h, q in cut if q * h.listing.price >= max(smallest, h.listing.min_notional)]


def _buy(task: Task, shelf: Shelf, draft: list[Leg], *, proceeds: Decimal) -> None:
    """Spend what the sales brought in, less the margin they have to post, on each sector's basket."""
    planned = [usd(amount) for amount in task.buys]
    wanted = sum(planned, ZERO)
    budget = min(wanted, proceeds - usd(task.margin_change))
    if wanted <= 0 or budget <= 0:
        return
    for column, part in enumerate(planned):
        spend = (budget * part / wanted).quantize(USD, rounding=ROUND_DOWN)
        for listing, cost in _basket(shelf, column, spend, smallest=task.min_notional):
            rate = task.spot_fee + slippage_rate(listing, cost)
            quantity = _floored(cost * (ONE - rate) / listing.price, listing.step)
            if quantity > 0:
                _spot(draft, task, listing, column=column, quantity=quantity, spend=cost)


def _basket(shelf: Shelf, column: int, spend: Decimal, *, smallest: Decimal) -> list[tuple[Listing, Decimal]]:
    """Split a sector's spending over its basket; tokens too small for an order leave it to the larger ones."""
    listed = [(shelf.spot[asset], weight) for asset, weight in shelf.baskets[column] if asset in shelf.spot]
    while listed:
        whole = sum((weight for _, weight in listed), ZERO)
        listing, weight = listed[-1]
        if spend * weight / whole >= max(smallest, listing.min_notional):
            return [(item, (spend * w / whole).quantize(USD, rounding=ROUND_DOWN)) for item, w in listed]
        listed.pop()
    return []


def _perp(
    draft: list[Leg], task: Task, listing: Listing, *, column: int, action: Action, quantity: Decimal, side: int = 0
) -> None:
    """Append a futures leg; an opening one (`side` 1 or -1) carries margin, liquidation price, stop and 1R."""
    notional = (quantity * listing.price).quantize(USD)
    fee = (notional * task.futures_fee).quantize(USD)
    margin = (notional / task.leverage).quantize(USD) if side else ZERO
    stop = usd(task.stop) * side
    risk = notional * abs(stop) + notional * task.futures_fee * (TWO - stop) if side else ZERO
    low, high = _band(listing)
    draft.append(
        Leg(
            position=len(draft) + 1,
            action=action,
            purpose=_purpose(task, action),
            column=column,
            instrument_id=listing.instrument_id,
            quantity=quantity,
            price=listing.price,
            low=low,
            high=high,
            notional=notional,
            fee=fee,
            slippage=ZERO,
            margin=margin,
            leverage=task.leverage if side else ONE,
            liquidation=_liquidation(listing, side * quantity, notional, margin) if side else None,
            stop=_near(listing.price, ONE - stop) if side else None,
            risk=risk.quantize(USD),
            depends_on=_last(draft, Action.SELL_SPOT) if side > 0 and task.is_carved else None,
            reason=task.reason if side else task.cut_reason,
        )
    )


def _purpose(task: Task, action: Action) -> Purpose:
    """Return why the futures leg exists: a hedge, a yield position of re-emergence, else amplification."""
    if action in (Action.OPEN_SHORT_HEDGE, Action.CLOSE_HEDGE):
        return Purpose.CORE_HEDGE
    return Purpose.YIELD if task.stage == StageCode.RE and action is Action.OPEN_LONG else Purpose.AMPLIFY


def _liquidation(listing: Listing, quantity: Decimal, cost: Decimal, margin: Decimal) -> Decimal | None:
    """Return where the position would be liquidated, isolated, maintenance at the mark (DOMAIN 4.3)."""
    position = Position(settle="USD", quantity=quantity, entry_cost=cost, margin=margin)
    found = liquidation_price_at_mark(position=position, mmr=listing.maintenance_rate, cum=listing.maintenance_amount)
    return None if found is None else _near(found, ONE)


def _cut(positions: Sequence[OpenPosition], amount: Decimal, *, is_all: bool) -> list[tuple[OpenPosition, Decimal]]:
    """Split a reduction over open positions by value, rounded down; closing takes all of each."""
    whole = sum((p.value for p in positions), ZERO)
    if is_all or whole <= amount:
        return [(p, p.quantity) for p in positions]
    cut = [(p, _floored(p.quantity * amount / whole, p.listing.step)) for p in positions]
    return [(p, quantity) for p, quantity in cut if quantity > 0]


def _cut_longs(task: Task, draft: list[Leg]) -> None:
    """Close or reduce overlays; a cut that funding asks for is a trim (DOMAIN 2.6)."""
    for column, change in enumerate(task.overlay_change):
        if change < 0:
            is_all = task.overlay[column] <= 0
            action = Action.CLOSE_LONG if is_all else task.trim
            positions = [p for p in task.longs if p.column == column]
            for position, quantity in _cut(positions, usd(-change), is_all=is_all):
                _perp(draft, task, position.listing, column=column, action=action, quantity=quantity)


def _cut_shorts(task: Task, draft: list[Leg]) -> None:
    """Close or reduce the core hedge."""
    if task.hedge_change > 0:
        is_all = task.hedge >= 0
        for position, quantity in _cut(task.shorts, usd(task.hedge_change), is_all=is_all):
            _perp(draft, task, position.listing, column=-1, action=Action.CLOSE_HEDGE, quantity=quantity)


def _open_long(task: Task, shelf: Shelf, draft: list[Leg]) -> None:
    """Open the overlay on the sector's leading perp of the venue (DOMAIN F36)."""
    for column, change in enumerate(task.overlay_change):
        asset = shelf.overlay_assets[column] if change > 0 else None
        if asset is not None and asset in shelf.perp:
            listing = shelf.perp[asset]
            _open(task, draft, listing, column=column, action=Action.OPEN_LONG, amount=usd(change), side=1)


def _open_hedge(task: Task, shelf: Shelf, draft: list[Leg]) -> None:
    """Short the core pro rata to what it is made of; spot core stays where it is (DOMAIN I-18, I-30)."""
    if task.hedge_change >= 0:
        return
    core = [(shelf.perp[c.asset_id], c.value) for c in task.core if c.value > 0 and c.asset_id in shelf.perp]
    whole = sum((value for _, value in core), ZERO)
    for listing, value in core:
        amount = usd(-task.hedge_change) * value / whole
        _open(task, draft, listing, column=-1, action=Action.OPEN_SHORT_HEDGE, amount=amount, side=-1)


def _open(
    task: Task, draft: list[Leg], listing: Listing, *, column: int, action: Action, amount: Decimal, side: int
) -> None:
    """Append an opening leg unless rounding leaves less than the smallest order."""
    quantity = _floored(amount / listing.price, listing.step)
    if quantity * listing.price >= max(task.min_notional, listing.min_notional):
        _perp(draft, task, listing, column=column, action=action, quantity=quantity, side=side)
