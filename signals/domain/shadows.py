"""Keep a book on paper through the ledger's own engine: what came in, what orders did, what it is worth (DOMAIN 4, 5).

Two such books stand beside every portfolio: one follows the engine, one never trades. Orders that were issued at one
close are filled at the next price; prices are closes in USD by asset.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from portfolio.domain.events import (
    USD,
    Conversion,
    Event,
    FundingPayment,
    PerpFill,
    Rebase,
    Side,
    SpotFill,
    TransferIn,
    TransferOut,
)
from portfolio.domain.futures import Position, Reason, unrealized
from portfolio.domain.ledger import fold
from portfolio.domain.money import ONE, ZERO, exact, floor_to_step, in_context, pro_rata
from portfolio.domain.outcomes import Outcome, State
from signals.domain.shelf import Action, Leg

ACCOUNT = 1
BUYS = (Action.BUY_SPOT, Action.OPEN_LONG, Action.CLOSE_HEDGE)
OPENS = (Action.OPEN_LONG, Action.OPEN_SHORT_HEDGE)
SPOT = (Action.SELL_SPOT, Action.BUY_SPOT)
STOP, LIQUIDATION = "STOP", "LIQUIDATION"
SELL, BUY = Action.SELL_SPOT.value, Action.BUY_SPOT.value
Prices = Mapping[str, Decimal]


class Order(NamedTuple):
    """Hold a leg that waits for the next price. Rates are fractions; `planned` is what it was to cost or bring.

    The stop is a price, as it was recommended; the liquidation is a ratio to whatever the entry will be.
    """

    position: int
    action: str
    instrument: int
    asset: str
    quantity: Decimal
    planned: Decimal
    step: Decimal
    fee: Decimal
    slippage: Decimal
    leverage: Decimal = ONE
    stop: Decimal | None = None
    liquidation: Decimal | None = None


class Filled(NamedTuple):
    """Hold what an order came to, in USD: the price includes the slippage, which is also named by itself."""

    position: int
    action: str
    instrument: int
    quantity: Decimal
    price: Decimal
    fee: Decimal
    slippage: Decimal


class Guard(NamedTuple):
    """Hold where a position opened on paper is closed against its will."""

    stop: Decimal | None
    liquidation: Decimal | None
    fee: Decimal


@dataclass(slots=True, kw_only=True)
class Paper:
    """Hold a book on paper while a day is written: its ledger, what waits, and what the engine must remember.

    `settled` names the stage whose change was followed; `sales` and `losses` are what turnover and stops look back on.
    """

    quote: str
    state: State = field(default_factory=State)
    sequence: int = 0
    orders: tuple[Order, ...] = ()
    guards: dict[int, Guard] = field(default_factory=dict)
    assets: dict[int, str] = field(default_factory=dict)
    settled: str = ""
    sales: list[tuple[datetime, str, Decimal]] = field(default_factory=list)
    losses: list[tuple[datetime, str]] = field(default_factory=list)
    fills: list[Filled] = field(default_factory=list)
    flow: Decimal = ZERO
    funding: Decimal = ZERO

    def post(self, kind: type[Event], moment: datetime, **values: Any) -> Outcome:
        """Fold one event into the ledger, and return what it did."""
        self.sequence += 1
        event = kind(sequence=self.sequence, account=ACCOUNT, executed_at=moment, **values)
        folded = fold(events=[event], opening=self.state)
        self.state = folded.state
        return folded.outcomes[0]

    def free(self, asset: str) -> Decimal:
        """Return what is held and not posted as margin."""
        return max(self.state.held(ACCOUNT, asset) - self.state.locked(ACCOUNT, asset), ZERO)

    def held(self) -> dict[str, Decimal]:
        """Return every balance that is not empty."""
        return {asset: quantity for (_, asset), quantity in self.state.balances.items() if quantity}

    def positions(self) -> dict[int, Position]:
        """Return open positions by instrument."""
        return {key[1]: position for key, position in self.state.positions.items() if position.quantity}

    def quote_usd(self, prices: Prices) -> Decimal | None:
        """Return what the reserve's asset is worth; without that nothing can be traded."""
        return ONE if self.quote == USD else prices.get(self.quote)


@in_context
def mirror(paper: Paper, events: Iterable[Event], *, prices: Prices, moment: datetime) -> None:
    """Let what came in come in, and what went out take its share of everything; what was traded is left out (F02)."""
    for event in events:
        if isinstance(event, TransferIn):
            _receive(paper, event, prices, moment)
        elif isinstance(event, TransferOut):
            _send(paper, exact(event.quantity * prices.get(event.asset, ZERO)), prices, moment)
        elif isinstance(event, Conversion):
            _convert(paper, event, moment)
        elif isinstance(event, Rebase) and paper.free(event.asset) + event.change > 0 and paper.free(event.asset):
            paper.post(Rebase, moment, asset=event.asset, change=event.change)


def _receive(paper: Paper, event: TransferIn, prices: Prices, moment: datetime) -> None:
    value = exact(event.quantity * (ONE if event.asset == USD else prices.get(event.asset, ZERO)))
    terms = {"asset": event.asset, "quantity": event.quantity, "value": value, "is_income": event.is_income}
    paper.post(TransferIn, moment, **terms)
    paper.flow += ZERO if event.is_income else value


def _send(paper: Paper, amount: Decimal, prices: Prices, moment: datetime) -> None:
    """Take the same share of everything that is free and priced."""
    free = {asset: paper.free(asset) for asset in paper.held()}
    known = {a: q for a, q in free.items() if q and (a == USD or a in prices)}
    whole = sum((exact(q * (ONE if a == USD else prices[a])) for a, q in known.items()), ZERO)
    if whole <= 0 or amount <= 0:
        return
    taken = min(amount, whole)
    for asset, quantity in known.items():
        part = min(pro_rata(total=quantity, part=taken, whole=whole), quantity)
        if part:
            paper.post(TransferOut, moment, asset=asset, quantity=part)
    paper.flow -= taken


def _convert(paper: Paper, event: Conversion, moment: datetime) -> None:
    """Turn all units of a token that migrated, at the ratio at which the person's own did (DOMAIN F63)."""
    quantity = paper.free(event.asset)
    received = pro_rata(total=event.received, part=quantity, whole=event.quantity)
    if quantity and received:
        paper.post(Conversion, moment, asset=event.asset, quantity=quantity, into=event.into, received=received)


@in_context
def guard(paper: Paper, *, prices: Prices, moment: datetime) -> None:
    """Close what a close found beyond its stop, at that close, but never worse than its liquidation (DOMAIN 4.3)."""
    quote = paper.quote_usd(prices)
    for instrument, position in paper.positions().items():
        price, rule = prices.get(paper.assets[instrument]), paper.guards.get(instrument)
        if price is None or quote is None or rule is None:
            continue
        is_hit = [level is not None and (price - level) * position.side <= 0 for level in rule[:2]]
        if any(is_hit):
            at = rule.liquidation if is_hit[1] and rule.liquidation is not None else price
            size, action = abs(position.quantity), LIQUIDATION if is_hit[1] else STOP
            order = Order(0, action, instrument, paper.assets[instrument], size, ZERO, ONE, rule.fee, ZERO)
            side = Side.SELL if position.quantity > 0 else Side.BUY
            _trade(paper, order, size, side=side, price=at, quote=quote, moment=moment)


@in_context
def fund(paper: Paper, *, annual: Mapping[str, Decimal], prices: Prices, moment: datetime) -> None:
    """Pay a day of funding on what stands open; a rate that nobody knows counts as none (DOMAIN 4.4)."""
    quote = paper.quote_usd(prices)
    for instrument, position in paper.positions().items():
        asset = paper.assets[instrument]
        rate, price = annual.get(asset), prices.get(asset)
        if not rate or price is None or quote is None:
            continue
        worth = -exact(position.quantity * price * rate / 365)
        amount = worth if paper.quote == USD else exact(worth / quote)
        if amount and (amount > 0 or -amount <= paper.free(paper.quote)):
            terms = {"instrument": instrument, "settle": paper.quote, "amount": amount, "value": worth}
            paper.post(FundingPayment, moment, **terms)
            paper.funding += worth


@in_context
def fill(paper: Paper, *, prices: Prices, moment: datetime) -> None:
    """Fill every waiting order at the first price after it was issued; one whose asset has none lapses.

    What was to be sold is sold, as far as it is held; buys share what the sales brought, as they were to.
    """
    orders, paper.orders = paper.orders, ()
    quote = paper.quote_usd(prices)
    if quote is None:
        return
    for order in orders:
        if order.action not in (SELL, BUY, *OPENS):
            _close(paper, order, prices, quote, moment)
    begun = paper.free(paper.quote)
    sells = [order for order in orders if order.action == SELL]
    for order in sells:
        _sell(paper, order, prices, quote, moment)
    planned = sum((order.planned for order in sells), ZERO)
    scale = (paper.free(paper.quote) - begun) * quote / planned if planned > 0 else ONE
    for order in orders:
        if order.action == BUY:
            _buy(paper, order, order.planned * scale, prices, quote, moment)
        elif order.action in OPENS:
            _open(paper, order, prices, quote, moment)


def _sell(paper: Paper, order: Order, prices: Prices, quote: Decimal, moment: datetime) -> None:
    quantity = min(order.quantity, paper.free(order.asset))
    if order.asset in prices and quantity > 0:
        _trade(paper, order, quantity, side=Side.SELL, price=prices[order.asset], quote=quote, moment=moment)


def _close(paper: Paper, order: Order, prices: Prices, quote: Decimal, moment: datetime) -> None:
    position = paper.positions().get(order.instrument)
    if position is not None and order.asset in prices:
        quantity = min(order.quantity, abs(position.quantity))
        side = Side.BUY if order.action in BUYS else Side.SELL
        _trade(paper, order, quantity, side=side, price=prices[order.asset], quote=quote, moment=moment)


def _buy(paper: Paper, order: Order, spend: Decimal, prices: Prices, quote: Decimal, moment: datetime) -> None:
    spend = min(spend, paper.free(paper.quote) * quote)
    price = prices.get(order.asset)
    if price is not None and spend > 0:
        quantity = floor_to_step(spend / (price * (ONE + order.slippage) * (ONE + order.fee)), order.step)
        if quantity > 0:
            _trade(paper, order, quantity, side=Side.BUY, price=price, quote=quote, moment=moment)


def _open(paper: Paper, order: Order, prices: Prices, quote: Decimal, moment: datetime) -> None:
    """Open as much as was recommended and as there is margin for, the fee included."""
    price = prices.get(order.asset)
    if price is None:
        return
    room = paper.free(paper.quote) * quote / (price * (ONE + order.slippage) * (ONE / order.leverage + order.fee))
    quantity = floor_to_step(min(order.quantity, max(room, ZERO)), order.step)
    if quantity > 0:
        side = Side.BUY if order.action in BUYS else Side.SELL
        _trade(paper, order, quantity, side=side, price=price, quote=quote, moment=moment)
        liquidation = None if order.liquidation is None else exact(price * order.liquidation)
        paper.guards[order.instrument] = Guard(order.stop, liquidation, order.fee)
        paper.assets[order.instrument] = order.asset


def _trade(
    paper: Paper, order: Order, quantity: Decimal, *, side: Side, price: Decimal, quote: Decimal, moment: datetime
) -> None:
    """Post a fill at a price made worse by the modelled slippage, with the person's own fee."""
    worse = ONE + order.slippage if side is Side.BUY else ONE - order.slippage
    paid = exact(price * worse / quote)
    fee = exact(quantity * paid * order.fee)
    terms = {"side": side, "quantity": quantity, "price": paid, "fee": fee, "fee_asset": paper.quote}
    if order.action in SPOT:
        paper.post(SpotFill, moment, base=order.asset, quote=paper.quote, quote_usd=quote, **terms)
    else:
        more = {"leverage": order.leverage, "settle_usd": quote, "reason": _reason(order)}
        done = paper.post(PerpFill, moment, instrument=order.instrument, settle=paper.quote, **terms, **more)
        _note_close(paper, order, side, moment, is_loss=done.perp_realized < 0)
    notional = exact(quantity * price)
    if order.action == Action.SELL_SPOT:
        paper.sales.append((moment, order.asset, notional))
    slipped = exact(notional * order.slippage)
    worth = (exact(paid * quote), exact(fee * quote), slipped)
    paper.fills.append(Filled(order.position, order.action, order.instrument, quantity, *worth))


def _reason(order: Order) -> Reason:
    return Reason.LIQUIDATION if order.action == LIQUIDATION else Reason.TRADE


def _note_close(paper: Paper, order: Order, side: Side, moment: datetime, *, is_loss: bool) -> None:
    """Forget the stop of what was closed; a long closed at a loss is remembered as a stop is (DECISIONS 31)."""
    if order.instrument in paper.positions():
        return
    paper.guards.pop(order.instrument, None)
    if is_loss and side is Side.SELL:
        paper.losses.append((moment, order.asset))


class PaperWorth(NamedTuple):
    """Hold what a book on paper is worth in USD, and how many holdings had no price."""

    equity: Decimal
    unpriced: int


@in_context
def worth_of(paper: Paper, prices: Prices) -> PaperWorth:
    """Value balances and open positions (DOMAIN 4.5); what has no price is counted, not guessed."""
    equity, unpriced = ZERO, 0
    for asset, quantity in paper.held().items():
        price = ONE if asset == USD else prices.get(asset)
        if price is None:
            unpriced += 1
        else:
            equity += exact(quantity * price)
    quote = paper.quote_usd(prices)
    for instrument, position in paper.positions().items():
        mark = prices.get(paper.assets[instrument])
        if mark is None or quote is None:
            unpriced += 1
        else:
            equity += exact(unrealized(position=position, mark=exact(mark / quote)) * quote)
    return PaperWorth(equity, unpriced)


@in_context
def order_of(leg: Leg, *, asset: str, step: Decimal, fee: Decimal) -> Order:
    """Return the order that carries out a leg; a purchase plans its whole cost, a sale what arrives."""
    action = Action(leg.action)
    costs = leg.fee + leg.slippage
    planned = leg.notional + costs if action is Action.BUY_SPOT else leg.notional - costs
    slipped_on = planned if action is Action.BUY_SPOT else leg.notional
    return Order(
        position=leg.position,
        action=leg.action,
        instrument=leg.instrument_id,
        asset=asset,
        quantity=leg.quantity,
        planned=planned,
        step=step,
        fee=fee,
        slippage=leg.slippage / slipped_on if slipped_on else ZERO,
        leverage=leg.leverage,
        stop=leg.stop,
        liquidation=None if leg.liquidation is None else leg.liquidation / leg.price,
    )


def take_up(paper: Paper, orders: Iterable[Order], *, episode: str) -> None:
    """Let orders wait for the next price; the change they answer counts as followed from now on."""
    paper.orders = tuple(sorted(orders, key=lambda order: order.position))
    paper.settled = episode


def forget_before(paper: Paper, moment: datetime) -> None:
    """Drop what no rolling turnover looks back on any more."""
    paper.sales = [sale for sale in paper.sales if sale[0] > moment]
