"""Read what the daily values are made of: closes, flows, and what was held at each close, in constant queries."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from portfolio.domain.benchmark import Flow
from portfolio.domain.events import USD, standing
from portfolio.domain.futures import Position as DomainPosition
from portfolio.domain.ledger import fold
from portfolio.domain.lending import LoanKind
from portfolio.domain.lots import Method
from portfolio.domain.money import ONE, ZERO, exact, in_context
from portfolio.domain.outcomes import State
from portfolio.domain.valuation import Owed, Quoted, preferred
from portfolio.models import (
    Asset,
    CoreQuantity,
    Holding,
    Instrument,
    LoanEntry,
    ManualPrice,
    Policy,
    Portfolio,
    Position,
    Price,
    SectorMembership,
    Transfer,
    Unmatched,
    closes_on,
)
from portfolio.queries.events import domain_position, events_of, last_order
from portfolio.queries.lending import standing_loans
from portfolio.queries.prices import last_closes
from portfolio.queries.sectors import memberships

Dated = list[tuple[datetime, Quoted]]


@dataclass(frozen=True, kw_only=True)
class DayBook:
    """Hold the quantities of all accounts at a close: what is held, what of it is margin, and the positions."""

    held: Mapping[str, Decimal]
    locked: Mapping[str, Decimal]
    positions: Sequence[tuple[int, DomainPosition]]


@dataclass(kw_only=True)
class Quotes:
    """Hold the closes of assets over time, and the prices that a person entered."""

    closes: dict[int, Dated] = field(default_factory=dict)
    manual: dict[int, Dated] = field(default_factory=dict)
    fiat: set[int] = field(default_factory=set)

    def at(self, asset: int, moment: datetime) -> Quoted | None:
        """Return what was known of a price at a moment."""
        if asset in self.fiat:
            return Quoted(price=ONE, observed_at=moment)
        market = _last(self.closes.get(asset, []), moment)
        return preferred(market=market, manual=_last(self.manual.get(asset, []), moment), now=moment)


@dataclass(frozen=True, kw_only=True)
class Past:
    """Hold everything that the daily values of a span are made of."""

    assets: Mapping[str, Asset]
    instruments: Mapping[int, Instrument]
    quotes: Quotes
    flows: Sequence[tuple[date, Flow]]
    cores: Sequence[CoreQuantity]
    policies: Sequence[Policy]
    members: Sequence[SectorMembership]
    loans: Sequence[LoanEntry] = ()

    @in_context
    def owed_on(self, moment: datetime) -> list[Owed]:
        """Return what was owed at a moment (DOMAIN 4.5)."""
        owed: dict[int, Decimal] = {}
        for row in self.loans:
            if row.executed_at < moment:
                sign = -1 if row.kind == LoanKind.REPAY else 1
                owed[row.asset_id] = owed.get(row.asset_id, ZERO) + sign * row.quantity
        return [Owed(quantity=left, quoted=self.quotes.at(asset, moment)) for asset, left in owed.items() if left]

    def core_on(self, moment: datetime) -> dict[str, Decimal]:
        """Return how much of each asset was core at a moment."""
        return {row.asset.symbol: row.quantity for row in self.cores if row.effective_at <= moment}

    def policy_on(self, moment: datetime) -> Policy | None:
        """Return the policy in force at a moment."""
        return next((policy for policy in self.policies if policy.effective_at <= moment), None)


@in_context
def past_of(*, portfolio: Portfolio, from_date: date, to_date: date) -> Past:
    """Read closes, flows, core flags, policies and memberships for a span of days."""
    transfers = _transfers(portfolio, closes_on(to_date))
    instruments = {
        row.instrument_id: row.instrument
        for row in Position.objects.filter(portfolio=portfolio).select_related("instrument__asset", "quote_asset")
    }
    loans = standing_loans(portfolio.pk)
    assets = _assets(portfolio, [*transfers, *loans], instruments.values())
    withdrawn = [row.executed_at.date() for row in transfers if row.kind == Transfer.Kind.WITHDRAWAL]
    quotes = quotes_of(
        portfolio=portfolio, assets=assets.values(), from_date=min([from_date, *withdrawn]), to_date=to_date
    )
    return Past(
        assets=assets,
        instruments=instruments,
        quotes=quotes,
        flows=_flows(transfers, _missing(portfolio, closes_on(to_date)), _elsewhere(loans), quotes),
        cores=list(CoreQuantity.objects.filter(portfolio=portfolio).select_related("asset").order_by("effective_at")),
        policies=list(Policy.objects.filter(portfolio=portfolio).order_by("-version")),
        members=memberships(
            market=portfolio.market_id, assets=[a.pk for a in assets.values()], since=from_date, until=to_date
        ),
        loans=loans,
    )


def quotes_of(*, portfolio: Portfolio, assets: Iterable[Asset], from_date: date, to_date: date) -> Quotes:
    """Read the closes of a span and the last ones before it."""
    found = list(assets)
    ids = {asset.pk for asset in found}
    quotes = Quotes(fiat={asset.pk for asset in found if asset.kind == Asset.Kind.FIAT})
    before = last_closes(market=portfolio.market_id, assets=ids, moment=closes_on(from_date - timedelta(days=1)))
    within = Price.objects.filter(market=portfolio.market_id, asset__in=ids, date__gte=from_date, date__lte=to_date)
    for price in [*before, *within.order_by("date")]:
        quoted = Quoted(price=price.price_usd, observed_at=price.closes_at)
        quotes.closes.setdefault(price.asset_id, []).append((price.closes_at, quoted))
    for manual in ManualPrice.objects.filter(portfolio=portfolio, asset__in=ids).order_by("effective_at"):
        quoted = Quoted(price=manual.price_usd, observed_at=manual.effective_at, is_assumed=True)
        quotes.manual.setdefault(manual.asset_id, []).append((manual.effective_at, quoted))
    return quotes


def day_books(*, portfolio: Portfolio, days: Sequence[date], method: Method) -> Iterator[DayBook]:
    """Give what was held at each close: as stored if nothing happened since the first, else by replaying."""
    last = last_order(portfolio)
    if last is None or last[0] < closes_on(days[0]):
        stored = _stored_book(portfolio)
        yield from (stored for _ in days)
        return
    state = State()
    waiting = standing(events_of(portfolio=portfolio))
    moments = [event.executed_at for event in waiting]
    done = 0
    for day in days:
        due = max(done, _count_before(moments, closes_on(day)))
        if due > done:
            state = fold(events=waiting[done:due], opening=state, method=method).state
            done = due
        yield _book(state)


def _count_before(moments: Sequence[datetime], close: datetime) -> int:
    """Count what happened before a close; what happens at midnight belongs to the day that begins."""
    return bisect_right(moments, close - timedelta(microseconds=1))


def _book(state: State) -> DayBook:
    held: dict[str, Decimal] = {USD: sum(state.cash.values(), ZERO)}
    for (_, asset), lots in state.lots.items():
        held[asset] = held.get(asset, ZERO) + sum((lot.remaining_quantity for lot in lots), ZERO)
    return _day_book(held, [(instrument, position) for (_, instrument, _), position in state.positions.items()])


def _stored_book(portfolio: Portfolio) -> DayBook:
    held: dict[str, Decimal] = {}
    for symbol, quantity in Holding.objects.filter(portfolio=portfolio).values_list("asset__symbol", "quantity"):
        held[symbol] = held.get(symbol, ZERO) + quantity
    rows = Position.objects.filter(portfolio=portfolio).select_related("quote_asset")
    return _day_book(held, [(row.instrument_id, domain_position(row)) for row in rows])


def _day_book(held: Mapping[str, Decimal], positions: Sequence[tuple[int, DomainPosition]]) -> DayBook:
    locked: dict[str, Decimal] = {}
    for _, position in positions:
        locked[position.settle] = locked.get(position.settle, ZERO) + position.margin
    return DayBook(held=held, locked=locked, positions=[row for row in positions if row[1].quantity])


def _elsewhere(loans: Iterable[LoanEntry]) -> list[tuple[datetime, Decimal]]:
    """Return what was borrowed (negative) and repaid without coins of this portfolio: that is a flow."""
    kinds = {LoanKind.BORROW: -1, LoanKind.REPAY: 1}
    apart = [row for row in loans if row.kind in kinds and row.transfer_id is None]
    return [(row.executed_at, kinds[LoanKind(row.kind)] * row.value_usd) for row in apart]


def _transfers(portfolio: Portfolio, close: datetime) -> list[Transfer]:
    kinds = [Transfer.Kind.DEPOSIT, Transfer.Kind.WITHDRAWAL]
    rows = Transfer.objects.filter(portfolio=portfolio, kind__in=kinds, executed_at__lt=close, loan__isnull=True)
    stand = rows.filter(reverses__isnull=True, reversed_by__isnull=True)
    return list(stand.select_related("asset").order_by("executed_at", "sequence"))


def _missing(portfolio: Portfolio, close: datetime) -> list[Unmatched]:
    return list(Unmatched.objects.filter(portfolio=portfolio, disposed_at__lt=close).order_by("disposed_at"))


def _assets(
    portfolio: Portfolio, transfers: Iterable[Transfer | LoanEntry], instruments: Iterable[Instrument]
) -> dict[str, Asset]:
    """Return USD and every asset that was ever held; a balance that is spent keeps its row."""
    held = Holding.objects.filter(portfolio=portfolio).select_related("asset")
    found = [row.asset for row in held] + [row.asset for row in transfers] + [row.asset for row in instruments]
    found += Asset.objects.filter(kind=Asset.Kind.FIAT)
    return {asset.symbol: asset for asset in found}


def _flows(
    transfers: Iterable[Transfer],
    missing: Iterable[Unmatched],
    loans: Iterable[tuple[datetime, Decimal]],
    quotes: Quotes,
) -> list[tuple[date, Flow]]:
    """Return deposits and withdrawals; what an import could not match came in as its worth in USD."""
    flows = [(row.executed_at, _flow(row, quotes)) for row in transfers]
    worth = [(row.disposed_at, row.proceeds_usd) for row in missing if row.proceeds_usd] + list(loans)
    flows += [(moment, Flow(asset=USD, quantity=value, value=value)) for moment, value in worth]
    return [(moment.date(), flow) for moment, flow in sorted(flows, key=lambda pair: pair[0])]


def _flow(row: Transfer, quotes: Quotes) -> Flow:
    quoted = quotes.at(row.asset_id, closes_on(row.executed_at.date()))
    at_close = None if quoted is None else exact(row.quantity * quoted.price)
    value = next((known for known in (row.value_usd, at_close, row.cost_usd) if known is not None), ZERO)
    sign = -1 if row.kind == Transfer.Kind.WITHDRAWAL else 1
    return Flow(asset=row.asset.symbol, quantity=sign * row.quantity, value=sign * value)


def _last(dated: Dated, moment: datetime) -> Quoted | None:
    place = bisect_right(dated, moment, key=lambda pair: pair[0])
    return dated[place - 1][1] if place else None
