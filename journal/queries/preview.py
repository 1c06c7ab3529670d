"""Lay a draft over what a portfolio holds now, so that its consequences can be worked out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from journal.domain.preview import Aims, Book, Contract, Move, Preview, Stock, preview
from journal.queries.legs import OPENS, SELLS, SPOT
from portfolio.domain.futures import Position
from portfolio.domain.money import ONE, ZERO, exact, in_context
from portfolio.domain.valuation import Quoted
from portfolio.models import Asset, Instrument, Policy
from portfolio.provided import StageNow
from portfolio.queries.aims import own_split, stage_split
from portfolio.queries.holdings import Snapshot
from portfolio.queries.positions import PositionLine
from portfolio.queries.prices import quoted_at
from portfolio.queries.sectors import Belonging, belongings, memberships

NO_AIMS = Aims(sleeves={}, sectors={}, band=ZERO, reserve_floor=ZERO)


class StatedLeg(Protocol):
    """What a leg has to say to be previewed."""

    @property
    def action(self) -> str:
        """What it does."""

    @property
    def instrument(self) -> Instrument:
        """What is traded."""

    @property
    def quantity(self) -> Decimal:
        """How much."""

    @property
    def price(self) -> Decimal:
        """At which price, in the quote asset."""

    @property
    def fee_amount(self) -> Decimal:
        """For which fee."""

    @property
    def fee_asset(self) -> Asset | None:
        """In which asset the fee was charged; None is the quote asset."""

    @property
    def leverage(self) -> Decimal | None:
        """With which leverage."""

    @property
    def stop_price(self) -> Decimal | None:
        """With which stop."""


@in_context
def preview_of(*, found: Snapshot, legs: Sequence[StatedLeg], stage: StageNow | None, now: datetime) -> Preview:
    """Return what a draft would change in a portfolio as it stands; the stage's split is the aim where there is one."""
    portfolio = found.portfolio
    moment = portfolio.clock(now)
    cash = portfolio.reserve_asset
    quotes, where = _known(found, _assets(legs, cash), moment)
    book = _book(found, legs, quotes, where)
    quoted = book.stocks[cash.symbol].quoted
    cash_usd = ONE if quoted is None else quoted.price
    moves = [_move(leg, book, cash_usd) for leg in legs]
    return preview(book=book, moves=moves, aims=_aims(found, stage), cash_usd=cash_usd, now=moment)


def _assets(legs: Iterable[StatedLeg], cash: Asset) -> dict[int, Asset]:
    """Return what a draft is about, the reserve asset included."""
    found = [leg.instrument.asset for leg in legs] + [leg.fee_asset for leg in legs if leg.fee_asset is not None]
    return {asset.pk: asset for asset in [*found, cash]}


def _known(
    found: Snapshot, assets: Mapping[int, Asset], moment: datetime
) -> tuple[Mapping[int, Quoted], Mapping[int, Belonging]]:
    """Return prices and sectors of a draft's assets; only what the snapshot does not know is read."""
    missing = [asset for pk, asset in assets.items() if pk not in found.belongings]
    if not missing:
        return found.quotes, found.belongings
    day, wanted = moment.date(), [asset.pk for asset in missing]
    members = memberships(market=found.portfolio.market_id, assets=wanted, since=day, until=day)
    quotes = quoted_at(portfolio=found.portfolio, assets=wanted, moment=moment)
    return {**found.quotes, **quotes}, {**found.belongings, **belongings(assets=missing, members=members, on=day)}


def _book(
    found: Snapshot, legs: Iterable[StatedLeg], quotes: Mapping[int, Quoted], where: Mapping[int, Belonging]
) -> Book:
    """Return everything that is held, and an empty line for everything that a leg is about."""
    cash = found.portfolio.reserve_asset
    stocks = {asset.symbol: _stock(asset, quotes.get(pk), where[pk]) for pk, asset in _assets(list(legs), cash).items()}
    for line in found.holdings:
        known = stocks.get(line.asset.symbol) or _stock(line.asset, line.quoted, line.belonging)
        stocks[line.asset.symbol] = replace(
            known, quantity=known.quantity + line.quantity, core=known.core + line.core, quoted=line.quoted
        )
    for position in found.positions:
        settle = position.quote_asset.symbol
        cut = position.quote_asset.haircut
        stocks.setdefault(settle, Stock(quoted=position.settle_quoted, is_reserve=True, haircut=cut, sectors={}))
    return Book(stocks=stocks, contracts=_contracts(found, legs, stocks, where), cash=cash.symbol)


def _stock(asset: Asset, quoted: Quoted | None, belonging: Belonging) -> Stock:
    narratives = belonging.narratives
    return Stock(quoted=quoted, is_reserve=belonging.is_reserve, haircut=asset.haircut, sectors=narratives)


def _contracts(
    found: Snapshot, legs: Iterable[StatedLeg], stocks: Mapping[str, Stock], where: Mapping[int, Belonging]
) -> dict[str, Contract]:
    """Return the open positions, and flat ones for the perps of the draft; a second account's stand apart."""
    contracts: dict[str, Contract] = {}
    for line in found.positions:
        name = line.instrument.name
        contracts[f"{name}, {line.account}" if name in contracts else name] = _contract(line)
    cash = found.portfolio.reserve_asset.symbol
    for leg in legs:
        if leg.action not in SPOT and leg.instrument.name not in contracts:
            mark, quote = stocks[leg.instrument.asset.symbol].quoted, stocks[cash].quoted
            contracts[leg.instrument.name] = Contract(
                position=Position(settle=cash),
                mark=None if mark is None else exact(mark.price / (ONE if quote is None else quote.price)),
                marked=mark,
                maintenance_rate=leg.instrument.maintenance_rate or ZERO,
                maintenance_amount=leg.instrument.maintenance_amount,
                sectors=where[leg.instrument.asset_id].shares,
            )
    return contracts


def _contract(line: PositionLine) -> Contract:
    position = Position(
        settle=line.quote_asset.symbol,
        quantity=line.quantity,
        entry_cost=line.entry_cost,
        margin=line.margin,
        is_inverse=line.instrument.is_inverse,
    )
    return Contract(
        position=position,
        mark=line.mark,
        marked=line.asset_quoted,
        maintenance_rate=line.instrument.maintenance_rate or ZERO,
        maintenance_amount=line.instrument.maintenance_amount,
        sectors=line.belonging.shares,
    )


def _move(leg: StatedLeg, book: Book, cash_usd: Decimal) -> Move:
    fee_asset = book.cash if leg.fee_asset is None else leg.fee_asset.symbol
    return Move(
        name=leg.instrument.name,
        asset=leg.instrument.asset.symbol,
        is_futures=leg.action not in SPOT,
        quantity=-leg.quantity if leg.action in SELLS else leg.quantity,
        price=leg.price,
        fee=leg.fee_amount,
        fee_asset=fee_asset,
        fee_usd=exact(leg.fee_amount * _fee_price(leg, fee_asset, book, cash_usd)),
        leverage=leg.leverage,
        stop_price=leg.stop_price,
        is_opening=leg.action in OPENS,
    )


def _fee_price(leg: StatedLeg, fee_asset: str, book: Book, cash_usd: Decimal) -> Decimal:
    """Return what one unit of the fee's asset is worth: a fee in the traded asset counts at the leg's price."""
    if fee_asset == book.cash:
        return cash_usd
    if fee_asset == leg.instrument.asset.symbol and leg.action in SPOT:
        return exact(leg.price * cash_usd)
    quoted = book.stocks[fee_asset].quoted
    return ZERO if quoted is None else quoted.price


def _aims(found: Snapshot, stage: StageNow | None) -> Aims:
    policy = found.policy
    if policy is None:
        return NO_AIMS
    leading = found.sector_drifts.get((stage.leader if stage is not None else None) or "")
    split = (
        own_split(policy)
        if stage is None
        else stage_split(policy=policy, stage=stage, held_share=leading.actual if leading else ZERO)
    )
    return Aims(
        sleeves={"core": policy.core_weight, "reserve": policy.reserve_weight, "pool": policy.pool_weight},
        sectors=split,
        band=policy.band,
        reserve_floor=policy.reserve_floor,
        is_carved=policy.margin_source == Policy.MarginSource.CARVE_OUT,
    )
