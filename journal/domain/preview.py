"""Work out what a draft would change, before anything is recorded (DOMAIN 1.3, 1.4; E02, E03, E06). Amounts in USD."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from portfolio.domain.futures import Position, trade
from portfolio.domain.futures import unrealized as unrealized_gain
from portfolio.domain.margin import Tier, liquidation_price
from portfolio.domain.money import CONTEXT, ONE, ZERO, exact, in_context
from portfolio.domain.valuation import Drift, Held, HeldFutures, Quoted, Sleeves, drifts, sleeves
from signals.domain.costs import break_even

ROOM = Decimal("0.66")
"""A stop stands at most this far on the way to liquidation (DOMAIN F56)."""

RATE_PLACES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """What is held of an asset, margin included, and where the asset belongs."""

    quantity: Decimal = ZERO
    core: Decimal = ZERO
    quoted: Quoted | None = None
    is_reserve: bool = False
    haircut: Decimal | None = None
    sectors: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A perp, its position, and the terms under which it is liquidated; the mark is in the settlement asset.

    `marked` is the price of the perp's asset that the mark was taken from.
    """

    position: Position
    mark: Decimal | None
    marked: Quoted | None = None
    maintenance_rate: Decimal = ZERO
    maintenance_amount: Decimal = ZERO
    sectors: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aims:
    """What the policy and the stage ask for: sleeves of equity, sectors as shares of the pool."""

    sleeves: Mapping[str, Decimal]
    sectors: Mapping[str, Decimal]
    band: Decimal
    reserve_floor: Decimal
    is_carved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What is held: assets by symbol, perps by name; `cash` is the asset that everything is traded against."""

    stocks: Mapping[str, Stock]
    contracts: Mapping[str, Contract]
    cash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One leg of a draft; `quantity` is signed, price and fee are in the cash asset unless a fee asset is named."""

    name: str
    asset: str
    is_futures: bool
    quantity: Decimal
    price: Decimal
    fee: Decimal = ZERO
    fee_asset: str = ""
    fee_usd: Decimal = ZERO
    leverage: Decimal | None = None
    stop_price: Decimal | None = None
    is_opening: bool = False

    @property
    @in_context
    def notional(self) -> Decimal:
        """Return size times price, in the cash asset."""
        return exact(abs(self.quantity) * self.price)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A book, valued and compared with its aims."""

    sleeves: Sleeves
    sleeve_drifts: Mapping[str, Drift]
    sector_drifts: Mapping[str, Drift]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A sector's exposure: spot, signed futures, both, and both as a share of the pool (E03: 105%)."""

    sector: str
    spot: Decimal
    futures: Decimal
    over_pool: Decimal | None

    @property
    @in_context
    def total(self) -> Decimal:
        """Return spot and futures together."""
        return self.spot + self.futures


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """What an opened futures leg may lose; prices in the settlement asset, the rest in USD (E03)."""

    name: str
    entry: Decimal
    margin: Decimal
    notional: Decimal
    liquidation: Decimal | None
    stop: Decimal | None
    one_r: Decimal | None
    stop_on_the_way: Decimal | None

    @property
    def is_stop_in_time(self) -> bool:
        """Tell whether the stop is hit well before liquidation."""
        return self.stop_on_the_way is None or self.stop_on_the_way <= ROOM


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreSale:
    """How much of an asset is core, and how much of it a draft would leave."""

    asset: str
    core: Decimal
    left: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """What a draft needs of an asset beyond what is free."""

    asset: str
    missing: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """All that a draft changes; break-evens are fractions, None without a spot leg."""

    before: Standing
    after: Standing
    fees: Decimal
    leg_fees: tuple[tuple[str, Decimal], ...]
    one_way: Decimal | None
    round_trip: Decimal | None
    ladder: tuple[Rung, ...]
    risks: tuple[Risk, ...]
    margin: Decimal
    one_r: Decimal | None
    one_r_share: Decimal | None
    core_sales: tuple[CoreSale, ...]
    shortfalls: tuple[Shortfall, ...]
    reserve_left: Decimal
    reserve_floor: Decimal


@in_context
def preview(*, book: Book, moves: Sequence[Move], aims: Aims, cash_usd: Decimal, now: datetime) -> Preview:
    """Return what the moves change, in their order; `cash_usd` is what one unit of the cash asset is worth."""
    after = book
    for move in moves:
        after = moved(after, move)
    before_them, after_them = standing(book, aims=aims, now=now), standing(after, aims=aims, now=now)
    risks = tuple(_risk(after, move, cash_usd) for move in moves if move.is_futures and move.is_opening)
    equity = before_them.sleeves.equity.value
    losses = [risk.one_r for risk in risks if risk.one_r is not None]
    one_r = sum(losses, ZERO) if losses else None
    one_way, round_trip = break_evens(moves)
    return Preview(
        before=before_them,
        after=after_them,
        fees=sum((move.fee_usd for move in moves), ZERO),
        leg_fees=tuple((move.name, move.fee_usd) for move in moves),
        one_way=one_way,
        round_trip=round_trip,
        ladder=ladder(after, pool=after_them.sleeves.rotation_pool, aims=aims, cash_usd=cash_usd),
        risks=risks,
        margin=sum((risk.margin for risk in risks), ZERO),
        one_r=one_r,
        one_r_share=exact(one_r / equity) if one_r is not None and equity > 0 else None,
        core_sales=core_sales(after, moves),
        shortfalls=shortfalls(after),
        reserve_left=after_them.sleeves.reserve.value,
        reserve_floor=exact(aims.reserve_floor * equity),
    )


@in_context
def moved(book: Book, move: Move) -> Book:
    """Return the book after one leg."""
    stocks, contracts = dict(book.stocks), dict(book.contracts)
    if move.is_futures:
        contract = contracts[move.name]
        traded = trade(
            position=contract.position, quantity=move.quantity, price=move.price, leverage=move.leverage or ONE
        )
        contracts[move.name] = replace(contract, position=traded.position)
        _add(stocks, book.cash, traded.realized)
    else:
        _add(stocks, move.asset, move.quantity)
        _add(stocks, book.cash, move.notional if move.quantity < 0 else -move.notional)
    _add(stocks, move.fee_asset or book.cash, -move.fee)
    return replace(book, stocks=stocks, contracts=contracts)


@in_context
def standing(book: Book, *, aims: Aims, now: datetime) -> Standing:
    """Value a book as every page does, and compare it with its aims (DOMAIN 4.5, F20)."""
    parts = sleeves(holdings=_held(book), futures=_held_futures(book, aims), now=now)
    carved = parts.carved
    whole = {
        "core": parts.core.value,
        "reserve": parts.reserve.value + parts.futures.value - sum(carved.values(), ZERO),
        "pool": parts.rotation_pool,
        "other": parts.other.value,
    }
    pool = {name: worth.value + carved.get(name, ZERO) for name, worth in parts.sectors.items()}
    pool |= {name: margin for name, margin in carved.items() if name not in pool}
    return Standing(
        sleeves=parts,
        sleeve_drifts=drifts(values=whole, targets=aims.sleeves, band=aims.band),
        sector_drifts=drifts(values=pool, targets=aims.sectors, band=aims.band),
    )


@in_context
def break_evens(moves: Sequence[Move]) -> tuple[Decimal | None, Decimal | None]:
    """Return what the spot legs must earn to pay for themselves: one way, and back again (DOMAIN 3.7; E06, E19)."""
    spot = [move for move in moves if not move.is_futures]
    sold, sale_cost = _sum(move for move in spot if move.quantity < 0)
    bought, purchase_cost = _sum(move for move in spot if move.quantity > 0)
    if not sold and not bought:
        return None, None
    kept = (sold - sale_cost) / sold if sold else ONE
    kept *= bought / (bought + purchase_cost) if bought else ONE
    if kept <= 0:
        return None, None
    one_way, round_trip = break_even(float(1 - CONTEXT.sqrt(kept)))
    return _as_decimal(one_way), _as_decimal(round_trip)


@in_context
def ladder(book: Book, *, pool: Decimal, aims: Aims, cash_usd: Decimal) -> tuple[Rung, ...]:
    """Return each sector's spot and futures exposure, as shares of the pool too (DOMAIN F35; E03)."""
    spot: dict[str, Decimal] = dict.fromkeys(aims.sectors, ZERO)
    futures: dict[str, Decimal] = {}
    for stock in book.stocks.values():
        price = ZERO if stock.quoted is None else stock.quoted.price
        locked, held = min(stock.core, stock.quantity), max(stock.quantity, ZERO)
        spot["core"] = spot.get("core", ZERO) + exact(max(locked, ZERO) * price)
        for sector, share in stock.sectors.items():
            spot[sector] = spot.get(sector, ZERO) + exact(max(held - locked, ZERO) * price * share)
    for contract in book.contracts.values():
        own = contract.position
        notional = own.quantity if own.is_inverse else own.quantity * (contract.mark or ZERO) * cash_usd
        for sector, share in contract.sectors.items():
            futures[sector] = futures.get(sector, ZERO) + exact(notional * share)
    return tuple(
        _rung(sector, spot.get(sector, ZERO), futures.get(sector, ZERO), pool)
        for sector in {**aims.sectors, **{name: value for name, value in futures.items() if value}}
    )


@in_context
def core_sales(after: Book, moves: Sequence[Move]) -> tuple[CoreSale, ...]:
    """Return the assets of which the moves sell core (DOMAIN F54)."""
    sold = dict.fromkeys(move.asset for move in moves if not move.is_futures and move.quantity < 0)
    stocks = ((asset, after.stocks[asset]) for asset in sold)
    return tuple(
        CoreSale(asset=asset, core=stock.core, left=max(stock.quantity, ZERO))
        for asset, stock in stocks
        if stock.quantity < stock.core
    )


@in_context
def shortfalls(after: Book) -> tuple[Shortfall, ...]:
    """Return what is missing where more is sold, spent or posted than is held (DECISIONS 14)."""
    free = {asset: stock.quantity - _posted(after, asset) for asset, stock in after.stocks.items()}
    return tuple(Shortfall(asset=asset, missing=-quantity) for asset, quantity in free.items() if quantity < 0)


def _risk(after: Book, move: Move, cash_usd: Decimal) -> Risk:
    """Return an opened leg's own margin and loss to the stop, and the position's liquidation (E03)."""
    contract = after.contracts[move.name]
    tier = Tier(ZERO, contract.maintenance_rate, contract.maintenance_amount)
    has_position = bool(contract.position.quantity)
    liquidation = liquidation_price(position=contract.position, tiers=[tier]) if has_position else None
    one_r = way = None
    if move.stop_price is not None:
        rate = move.fee_usd / (move.notional * cash_usd) if move.notional and cash_usd else ZERO
        at_stop = exact(abs(move.quantity) * move.stop_price)
        lost = exact(abs(move.quantity) * abs(move.price - move.stop_price))
        one_r = exact(lost * cash_usd + move.fee_usd + at_stop * cash_usd * rate)
        distance = None if liquidation is None else abs(move.price - liquidation)
        way = exact(abs(move.price - move.stop_price) / distance) if distance else None
    return Risk(
        name=move.name,
        entry=move.price,
        margin=exact(move.notional / (move.leverage or ONE) * cash_usd),
        notional=exact(move.notional * cash_usd) * (1 if move.quantity > 0 else -1),
        liquidation=liquidation,
        stop=move.stop_price,
        one_r=one_r,
        stop_on_the_way=way,
    )


def _rung(sector: str, spot: Decimal, futures: Decimal, pool: Decimal) -> Rung:
    over = exact((spot + futures) / pool) if pool > 0 else None
    return Rung(sector=sector, spot=spot, futures=futures, over_pool=over)


def _held(book: Book) -> list[Held]:
    """Give what is free of each asset; what a draft lacks counts as nothing held."""
    return [
        Held(
            asset=asset,
            quantity=max(stock.quantity - _posted(book, asset), ZERO),
            quoted=stock.quoted,
            core=stock.core,
            is_reserve=stock.is_reserve,
            sectors=stock.sectors,
            haircut=stock.haircut,
        )
        for asset, stock in book.stocks.items()
    ]


def _held_futures(book: Book, aims: Aims) -> list[HeldFutures]:
    return [
        HeldFutures(
            margin=contract.position.margin,
            unrealized=_unrealized(contract),
            settle=book.stocks[contract.position.settle].quoted,
            marked=contract.marked,
            carved_from=next((name for name in contract.sectors if name in aims.sectors), None)
            if aims.is_carved
            else None,
            haircut=book.stocks[contract.position.settle].haircut,
        )
        for contract in book.contracts.values()
        if contract.position.quantity
    ]


def _unrealized(contract: Contract) -> Decimal | None:
    return None if contract.mark is None else unrealized_gain(position=contract.position, mark=contract.mark)


def _posted(book: Book, asset: str) -> Decimal:
    margins = (c.position.margin for c in book.contracts.values() if c.position.settle == asset)
    return sum(margins, ZERO)


def _add(stocks: dict[str, Stock], asset: str, quantity: Decimal) -> None:
    stocks[asset] = replace(stocks[asset], quantity=stocks[asset].quantity + quantity)


def _sum(moves: Iterable[Move]) -> tuple[Decimal, Decimal]:
    """Return the value and the fees of some moves."""
    value = cost = ZERO
    for move in moves:
        value, cost = value + move.notional, cost + move.fee_usd
    return value, cost


def _as_decimal(value: float) -> Decimal:
    return Decimal(f"{value:.{RATE_PLACES}f}")
