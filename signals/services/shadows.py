"""Advance the shadows of a market close by close: fill what waits, value, ask the engine (DOMAIN 3.5, 6.1).

The engine answers a shadow's own holdings, as it answers everybody: `books`, `decide` and `Desk` are those of
`recommend`. Nothing here is the person's: all rows are derived, and are written anew where what they mirror changes.
"""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F, Min, Q

from jobs.bulk import insert_rows
from portfolio.domain.events import Event
from portfolio.domain.money import Refusal
from portfolio.models import Asset, Instrument, ManualPrice, Market, Portfolio, Price, Transfer, closes_on
from portfolio.queries.transfers import TRANSFER_FIELDS, transfer_event
from signals.domain.shadow_memory import memory_of, paper_of, state_text
from signals.domain.shadows import Paper, Prices, fill, forget_before, fund, guard, mirror, order_of, take_up, worth_of
from signals.models import Evidence, Score, Shadow, ShadowDay, ShadowFill
from signals.models.shadows import Kind
from signals.queries.books import TURNOVER_DAYS, Span, Stock, books
from signals.queries.market import newest_close
from signals.queries.reference import Reference, reference
from signals.queries.situation import Situation, situation
from signals.services.recommend import Run, desks

CHUNK = 2_000
MOST_DAYS = 120
DAY = timedelta(days=1)
DAY_FIELDS = (
    "portfolio_id", "kind", "date", "equity_usd", "flow_usd", "fee_usd", "slippage_usd", "funding_usd",
    "unpriced_count",
)  # fmt: skip
FILL_FIELDS = (
    "portfolio_id", "date", "position", "action", "instrument_id", "quantity", "price_usd", "fee_usd", "slippage_usd",
    "slot",
)  # fmt: skip
MIRRORED = (Transfer.Kind.DEPOSIT, Transfer.Kind.WITHDRAWAL, Transfer.Kind.INCOME, Transfer.Kind.MIGRATION)
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Advanced:
    """Tell what one run wrote: days of shadows, and whether closes are left to write."""

    days: int = 0
    is_behind: bool = False


@dataclass(slots=True)
class _Today:
    """Hold what all shadows of a market meet at one close."""

    market: Market
    day: date
    prices: Prices
    fresh: Prices
    instruments: Mapping[int, tuple[str, Decimal]]
    run: Run | None
    funding: dict[str, Decimal] | None = field(default=None)

    @property
    def moment(self) -> datetime:
        """Return when the day closed."""
        return closes_on(self.day)


class _Open(NamedTuple):
    """Hold a shadow's row with its book, read out."""

    row: Shadow
    paper: Paper


def advance_shadows(*, market: Market, now: datetime, most_days: int = MOST_DAYS) -> Advanced:
    """Write the shadows of all active portfolios up to the market's newest close; repeating adds nothing."""
    newest = newest_close(market=market, until=market.clock(now))
    if newest is None:
        return Advanced()
    _begin(market)
    forget_changed(market=market)
    opened = _opened(market)
    first = _first_day(market, opened)
    if first is None or first > newest:
        return Advanced()
    last = min(newest, first + timedelta(days=most_days - 1))
    instruments = {pk: (symbol, step) for pk, symbol, step in _instruments()}
    result = Advanced(is_behind=last < newest)
    for day in (first + timedelta(days=n) for n in range((last - first).days + 1)):
        result.days += _write_day(market, day, opened=opened, instruments=instruments)
    return result


def forget_shadows(*, market: Market) -> None:
    """Let all shadows of a market be written anew, because its past was."""
    _forget(list(Shadow.objects.filter(portfolio__market=market).values_list("portfolio_id", flat=True)))


def forget_changed(*, market: Market) -> None:
    """Begin again where what came in or went out before the last written day is no longer what was mirrored."""
    rows = Shadow.objects.filter(portfolio__market=market).exclude(ledger_version=F("portfolio__ledger_version"))
    found = list(rows.select_related("portfolio"))
    transfers = _transfers([row.portfolio_id for row in found], None, None)
    stale = []
    for row in found:
        known = [] if row.through is None else transfers.get(row.portfolio_id, [])
        until = None if row.through is None else closes_on(row.through)
        if _chain("", [t for t in known if until is not None and t[2] < until]) != row.mirrored:
            stale.append(row.portfolio_id)
    kept = [row.pk for row in found if row.portfolio_id not in stale]
    for row in found:
        row.ledger_version = row.portfolio.ledger_version
    Shadow.objects.bulk_update([row for row in found if row.pk in kept], ["ledger_version"], batch_size=500)
    _forget(stale)


@transaction.atomic
def _forget(portfolios: Sequence[int]) -> None:
    for related in (ShadowDay, ShadowFill, Shadow):
        related._default_manager.filter(portfolio__in=portfolios).delete()
    _create(portfolios)


def _begin(market: Market) -> None:
    """Give every active portfolio that owes itself shadows a pair of them."""
    active = Portfolio.objects.active().filter(market=market, policies__isnull=False)
    _create(list(active.exclude(shadows__kind=Kind.STAY).order_by("pk").values_list("pk", flat=True).distinct()))


def _create(portfolios: Sequence[int]) -> None:
    rows = [(pk, kind, 0, "", "", "{}") for pk in dict.fromkeys(portfolios) for kind in Kind.values]
    fields = ("portfolio_id", "kind", "ledger_version", "mirrored", "state", "memory")
    insert_rows(Shadow, fields, rows, ignore_conflicts=True)


def _opened(market: Market) -> dict[int, date]:
    """Return the day on which each portfolio first held something."""
    arrivals = Transfer.objects.filter(portfolio__market=market, portfolio__is_active=True).order_by()
    rows = arrivals.values_list("portfolio_id").annotate(first=Min("executed_at"))
    return {portfolio: moment.date() for portfolio, moment in rows}


def _first_day(market: Market, opened: Mapping[int, date]) -> date | None:
    """Return the first day that some shadow still lacks."""
    rows = Shadow.objects.filter(portfolio__market=market, portfolio__in=opened).values_list("portfolio_id", "through")
    return min((opened[pk] if through is None else through + DAY for pk, through in rows), default=None)


def _instruments() -> Any:
    return Instrument.objects.order_by().values_list("pk", "asset__symbol", "lot_step")


def _write_day(
    market: Market, day: date, *, opened: Mapping[int, date], instruments: Mapping[int, tuple[str, Decimal]]
) -> int:
    """Write one day of every shadow that stands before it, chunk by chunk."""
    due = [pk for pk, since in opened.items() if since <= day]
    rows = Shadow.objects.filter(portfolio__in=due).filter(Q(through__lt=day) | Q(through__isnull=True))
    portfolios = sorted(set(rows.values_list("portfolio_id", flat=True)))
    if not portfolios:
        return 0
    prices, fresh = _prices(market, day)
    today = _Today(market, day, prices, fresh, instruments, _run(market, day))
    chunks = [portfolios[n : n + CHUNK] for n in range(0, len(portfolios), CHUNK)]
    return sum(_write_chunk(today, chunk) for chunk in chunks)


def _prices(market: Market, day: date) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Return what assets are valued at, a close of the day before standing in, and which of it closed today."""
    rows = Price.objects.filter(market=market, date__in=[day - DAY, day]).order_by("date")
    valued, fresh = {}, {}
    for symbol, closed, price in rows.values_list("asset__symbol", "date", "price_usd"):
        valued[symbol] = price
        if closed == day:
            fresh[symbol] = price
    return valued, fresh


def _run(market: Market, day: date) -> Run | None:
    """Return what the engine answers from at a close; nothing where it never froze what it knew."""
    slot = closes_on(day)
    if not Evidence.objects.filter(market=market, as_of=slot).exists():
        return None
    shared = reference(market=market, moment=slot)
    return Run(market, shared, situation(market=market, as_of=slot, reference=shared), 0)


@transaction.atomic
def _write_chunk(today: _Today, portfolios: Sequence[int]) -> int:
    """Write one day of a chunk's shadows; a run that raced another finds nothing left to do."""
    rows = Shadow.objects.select_for_update(of=("self",)).filter(portfolio__in=portfolios)
    waiting = rows.filter(Q(through__lt=today.day) | Q(through__isnull=True)).order_by("portfolio_id", "kind")
    opened = [_Open(row, _read(row)) for row in waiting.select_related("portfolio__reserve_asset")]
    slots = {one.row.pk: _slot(one.row) for one in opened if one.paper.orders}
    transfers = _transfers(portfolios, _since(opened), today.moment)
    manual = _manual(portfolios, today.moment)
    days = [_live(today, one, transfers=transfers, manual=manual) for one in opened]
    if today.run is not None:
        _ask(today, today.run, [one for one in opened if one.row.kind == Kind.FOLLOW])
    insert_rows(ShadowDay, DAY_FIELDS, days)
    insert_rows(ShadowFill, FILL_FIELDS, list(_fill_rows(today, opened, slots)))
    for row, paper in opened:
        row.through, row.state, row.memory = today.day, state_text(paper), memory_of(paper)
        row.ledger_version = row.portfolio.ledger_version if row.ledger_version == 0 else row.ledger_version
    fields = ["through", "state", "memory", "mirrored", "ledger_version"]
    Shadow.objects.bulk_update([one.row for one in opened], fields, batch_size=200)
    return len(opened)


def _read(row: Shadow) -> Paper:
    return paper_of(quote=row.portfolio.reserve_asset.symbol, state=row.state, memory=row.memory)


def _slot(row: Shadow) -> datetime | None:
    return None if row.through is None else closes_on(row.through)


def _since(opened: Sequence[_Open]) -> datetime | None:
    """Return from when on transfers have to be read: from the oldest book's last close."""
    closes = [_slot(one.row) for one in opened]
    return None if None in closes else min((close for close in closes if close is not None), default=None)


def _live(
    today: _Today,
    one: _Open,
    *,
    transfers: Mapping[int, list[tuple[Any, ...]]],
    manual: Mapping[int, Mapping[str, Decimal]],
) -> tuple[Any, ...]:
    """Live one day of one shadow, and return its row: what came in, stops, funding, waiting orders, worth."""
    row, paper = one
    start = _slot(row)
    mine = [t for t in transfers.get(row.portfolio_id, ()) if start is None or t[2] >= start]
    row.mirrored = _chain(row.mirrored, mine)
    prices = {**manual.get(row.portfolio_id, {}), **today.prices}
    try:
        mirror(paper, _events(mine), prices=prices, moment=today.moment)
        guard(paper, prices=today.fresh, moment=today.moment)
        if paper.positions():
            fund(paper, annual=_funding(today), prices=today.fresh, moment=today.moment)
        fill(paper, prices=today.fresh, moment=today.moment)
    except Refusal:
        log.exception("a day of shadow %s could not be written whole", row.pk)
    forget_before(paper, today.moment - timedelta(days=TURNOVER_DAYS))
    found = worth_of(paper, prices)
    fees = sum((f.fee for f in paper.fills), Decimal(0))
    slipped = sum((f.slippage for f in paper.fills), Decimal(0))
    worth = (found.equity, paper.flow, fees, slipped, paper.funding, found.unpriced)
    return (row.portfolio_id, row.kind, today.day, *worth)


def _events(rows: Sequence[tuple[Any, ...]]) -> Iterator[Event]:
    return (transfer_event(row[3]) for row in rows)


def _fill_rows(
    today: _Today, opened: Sequence[_Open], slots: Mapping[int, datetime | None]
) -> Iterator[tuple[Any, ...]]:
    """Return what was filled today as rows."""
    for row, paper in opened:
        for done in paper.fills:
            slot = slots.get(row.pk) if done.position else None
            yield (row.portfolio_id, today.day, *done, slot)


def _ask(today: _Today, run: Run, opened: Sequence[_Open]) -> None:
    """Ask the engine about what the shadows hold now, and let what it recommends wait for the next price."""
    papers = {one.row.portfolio_id: one.paper for one in opened}
    if not papers:
        return
    episode = _episode(run.found)
    span = Span(run.market, min(papers), max(papers))
    settled = {pk for pk, paper in papers.items() if paper.settled == episode}
    stock = _stock(opened, run.reference, run.found)
    read = books(span=span, reference=run.reference, found=run.found, accepted=settled, stock=stock)
    for desk in desks(run, read):
        rates = (desk.counter.spot_rate, desk.counter.perp_rate)
        for place, row in enumerate(desk.rows):
            paper = papers.get(read.owners[row].portfolio_id)
            legs = desk.stored(place).legs if paper is not None and desk.decision.is_trade[place] else []
            if paper is not None and legs:
                take_up(paper, [_order(leg, today.instruments, rates) for leg in legs], episode=episode)


def _order(leg: Any, instruments: Mapping[int, tuple[str, Decimal]], rates: tuple[Decimal, Decimal]) -> Any:
    symbol, step = instruments[leg.instrument_id]
    return order_of(leg, asset=symbol, step=step, fee=rates[0 if leg.action.endswith("_SPOT") else 1])


def _episode(found: Situation) -> str:
    """Name the stage whose change is owed until it is followed (DECISIONS 30)."""
    return f"{found.day.stage.stage} {found.day.stage.since}"


def _stock(opened: Sequence[_Open], shared: Reference, found: Situation) -> Stock:
    """Return what shadows hold and did lately as rows of a ledger, sorted by portfolio."""
    symbols = {symbol for one in opened for symbol in one.paper.held()}
    symbols |= {symbol for one in opened for _, symbol in one.paper.losses}
    known = dict(Asset.objects.filter(symbol__in=symbols).values_list("symbol", "pk"))
    elsewhere = {asset: venue for venue, asset in shared.listings}
    rows = [(one.row.portfolio_id, one.row.portfolio.venue_id, one.paper) for one in opened]
    return Stock(
        holdings=[
            (pk, _venue(known[symbol], own, shared, elsewhere), known[symbol], quantity)
            for pk, own, paper in rows
            for symbol, quantity in sorted(paper.held().items())
        ],
        positions=[
            (pk, instrument, position.quantity, position.margin)
            for pk, _, paper in rows
            for instrument, position in sorted(paper.positions().items())
        ],
        sales=[(pk, amount, 1, 1) for pk, _, paper in rows for _, _, amount in paper.sales],
        closed=_losses(rows, known, shared, found),
    )


def _venue(asset: int, own: int, shared: Reference, elsewhere: Mapping[int, int]) -> int:
    """Return where an asset would be sold: at the portfolio's own venue, else where it is listed."""
    return own if (own, asset) in shared.listings else elsewhere.get(asset, own)


def _losses(
    rows: Sequence[tuple[int, int, Paper]], known: Mapping[str, int], shared: Reference, found: Situation
) -> list[tuple[int, int]]:
    """Return whose long on the leader was closed at a loss since the stage began."""
    leader = shared.columns.get(found.day.stage.leader_id or 0, -1)
    led = {asset for column, asset, _ in shared.members if column == leader}
    since = closes_on(found.day.stage.since)
    return [
        (pk, -1) for pk, _, paper in rows for when, symbol in paper.losses if when >= since and known[symbol] in led
    ]


def _funding(today: _Today) -> dict[str, Decimal]:
    """Return each asset's annual funding of the day, its narrative's; read once a day, and only if somebody pays it."""
    if today.funding is None:
        today.funding = {}
        rates = dict(Score.objects.filter(market=today.market, date=today.day).values_list("sector_id", "details"))
        members = today.market.memberships.filter(since_date__lte=today.day)
        current = members.filter(Q(until_date__isnull=True) | Q(until_date__gt=today.day))
        for sector, symbol in current.values_list("sector_id", "asset__symbol"):
            annual = rates.get(sector, {}).get("funding", {}).get("annual")
            if annual is not None:
                today.funding[symbol] = Decimal(repr(annual))
    return today.funding


def _transfers(
    portfolios: Sequence[int], since: datetime | None, until: datetime | None
) -> dict[int, list[tuple[Any, ...]]]:
    """Return what came in, went out or migrated by portfolio, in order: its id, then TRANSFER_FIELDS."""
    stands = {"reverses__isnull": True, "reversed_by__isnull": True, "kind__in": MIRRORED}
    rows = Transfer.objects.filter(portfolio__in=portfolios, **stands).order_by("executed_at", "sequence")
    if since is not None:
        rows = rows.filter(executed_at__gte=since)
    if until is not None:
        rows = rows.filter(executed_at__lt=until)
    found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for portfolio, *row in rows.values_list("portfolio_id", *TRANSFER_FIELDS):
        found[portfolio].append((portfolio, row[0], row[2], tuple(row)))
    return found


def _chain(before: str, rows: Sequence[tuple[Any, ...]]) -> str:
    """Return the hash of what was mirrored, continued."""
    for row in rows:
        before = hashlib.sha256(f"{before}{row[3]!r}".encode()).hexdigest()
    return before


def _manual(portfolios: Sequence[int], moment: datetime) -> dict[int, dict[str, Decimal]]:
    """Return the prices that people assumed; the newest counts (DECISIONS 13)."""
    rows = ManualPrice.objects.filter(portfolio__in=portfolios, effective_at__lte=moment).order_by("effective_at")
    found: dict[int, dict[str, Decimal]] = defaultdict(dict)
    for portfolio, symbol, price in rows.values_list("portfolio_id", "asset__symbol", "price_usd"):
        found[portfolio][symbol] = price
    return found
