"""Read the five venues: quotes, funding, open interest, tiers and fees, each as far as it goes (DOMAIN 2.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from signals.sources.base import SCOPE_EXCHANGE, QuoteRow, ReadingRow
from signals.sources.fetch import Fetcher, FetchError
from signals.sources.live.base import (
    BadValueError,
    Doubt,
    Scope,
    Skipped,
    Yielded,
    amount,
    doubt,
    first_of_each,
    guarded,
    moment,
    rate,
)
from signals.sources.live.venues.candles import MARK_VENUE, VOLUME_VENUE, marked, traded
from signals.sources.live.venues.gateway import connect, naming_errors
from signals.sources.live.venues.units import base_units, fee_rate, interval_hours, yearly

FUNDING_VENUE, INTEREST_VENUE, FUNDING_NOW = "funding_venue", "interest_venue", "funding_now"
TAKER, MAKER, MAINTENANCE = "taker_rate", "maker_rate", "maintenance_rate"
STALE = timedelta(minutes=60)
INTEREST_STALE = timedelta(hours=12)
FUNDING_STALE = timedelta(days=2)
FIRST_HISTORY = timedelta(days=30)
HOURLY, DAILY = timedelta(hours=1), timedelta(hours=25)
MARKETS_FOR = timedelta(hours=12)
TIERS_FOR = timedelta(days=7)
ESTIMATED_MAINTENANCE = 0.01

_loaded: dict[str, tuple[datetime, Sequence[Mapping[str, Any]]]] = {}


class Contract(NamedTuple):
    """One of our assets as a linear perpetual of a venue."""

    asset: str
    symbol: str


class Venue:
    """Yield what one venue shows of our assets; what it lacks is left out, and what it lacks by nature is said."""

    def __init__(self, name: str, *, markets: Sequence[Mapping[str, Any]] = ()) -> None:
        """Take the name as ccxt knows it; given markets need not be loaded."""
        self.name, self.markets = name, markets

    def observations(self, ask: Fetcher, scope: Scope) -> Iterator[Yielded]:
        """Ask part by part; the parts that are due."""
        yield from guarded(ask, "markets", self._everything(ask, scope))

    def _everything(self, ask: Fetcher, scope: Scope) -> Iterator[Yielded]:
        """Load the venue's markets, then ask for what it has on ours."""
        exchange = self._connected(ask, scope)
        spot = [f"{asset}/USDT" for asset in scope.aliases if f"{asset}/USDT" in exchange.markets]
        perps = [
            Contract(asset, f"{asset}/USDT:USDT") for asset in scope.aliases if f"{asset}/USDT:USDT" in exchange.markets
        ]
        if not (spot or perps):
            raise FetchError("unreadable", f"{self.name} lists none of our assets", subject="markets")
        yield from guarded(ask, "tickers", self._quotes(exchange, scope, spot))
        if perps:
            yield from self._contracts(exchange, ask, scope, perps)
        yield from self._candles(exchange, ask, scope, spot, perps)
        yield from self._fees(exchange, scope, spot[:1], "spot")
        yield from self._fees(exchange, scope, [perp.symbol for perp in perps[:1]], "perp")

    def _connected(self, ask: Fetcher, scope: Scope) -> Any:
        """Return the exchange with its markets, loaded at most twice a day by each process."""
        kept = _loaded.get(self.name)
        is_kept = kept is not None and scope.now - kept[0] < MARKETS_FOR and not scope.address
        markets = self.markets or (kept[1] if is_kept and kept else ())
        exchange = connect(self.name, ask, address=scope.address, markets=markets)
        if not markets:
            with naming_errors("markets"):
                exchange.load_markets()
            _loaded[self.name] = (scope.now, list(exchange.markets.values()))
        return exchange

    def _quotes(self, exchange: Any, scope: Scope, symbols: list[str]) -> Iterator[Yielded]:
        """Read the newest prices of spot."""
        if not symbols:
            return
        with naming_errors("tickers"):
            found = exchange.fetch_tickers(symbols)
        _require_any(found, symbols, "tickers")
        for symbol in symbols:
            if symbol in found:
                yield self._quote(symbol.split("/", maxsplit=1)[0], found[symbol], scope)

    def _quote(self, asset: str, ticker: Mapping[str, Any], scope: Scope) -> Yielded:
        """Return a quote, or the doubt about it; a ticker without a time is of now."""
        try:
            at = _at(ticker.get("timestamp"), scope, oldest=STALE)
            price = amount(ticker.get("last"), f"the price of {asset}")
        except BadValueError as error:
            return doubt(asset, error)
        traded = ticker.get("quoteVolume")
        try:
            volume = None if traded is None else amount(traded, "volume", is_zero_allowed=True)
        except BadValueError as error:
            return doubt(asset, error)
        return QuoteRow(asset, at, price, None, volume, SCOPE_EXCHANGE, self.name)

    def _contracts(self, exchange: Any, ask: Fetcher, scope: Scope, perps: list[Contract]) -> Iterator[Yielded]:
        """Read funding, open interest and tiers of perpetuals, whatever is due; one ticker call prices them all."""
        tickers: dict[str, Any] = {}
        hours: dict[str, object] = {}
        yield from guarded(ask, "perp tickers", self._priced(exchange, perps, tickers))
        for part, some in self._rate_calls(exchange, perps):
            yield from guarded(ask, part, self._rates(exchange, scope, some, hours))
        for perp in perps:
            subject = f"{self.name}:{perp.asset}"
            if scope.is_due(FUNDING_VENUE, subject, HOURLY):
                yield from guarded(
                    ask, f"funding of {perp.asset}", self._funding(exchange, scope, perp, hours.get(perp.symbol))
                )
            if scope.is_due(INTEREST_VENUE, subject, HOURLY):
                found = self._interest(exchange, scope, perp, tickers.get(perp.symbol, {}))
                yield from guarded(ask, f"open interest of {perp.asset}", found)
            if scope.is_due(MAINTENANCE, subject, TIERS_FOR):
                yield from self._tier(exchange, scope, perp)

    def _priced(self, exchange: Any, perps: list[Contract], into: dict[str, Any]) -> Iterator[Yielded]:
        """Keep the tickers of the perpetuals: open interest in USD is converted with them (trap 2)."""
        with naming_errors("perp tickers"):
            into |= exchange.fetch_tickers([perp.symbol for perp in perps])
        _require_any(into, [perp.symbol for perp in perps], "perp tickers")
        yield from ()

    def _candles(
        self, exchange: Any, ask: Fetcher, scope: Scope, spot: list[str], perps: list[Contract]
    ) -> Iterator[Yielded]:
        """Read the daily candles that are missing, once a day: of spot, and the mark of perpetuals."""
        for symbol in spot:
            subject = f"{self.name}:{symbol.partition('/')[0]}"
            if scope.is_due(VOLUME_VENUE, subject, DAILY):
                found = traded(exchange, scope, symbol=symbol, subject=subject, source=self.name)
                yield from guarded(ask, f"candles of {symbol}", found)
        for perp in perps:
            subject = f"{self.name}:{perp.asset}"
            if scope.is_due(MARK_VENUE, subject, DAILY):
                found = marked(exchange, scope, symbol=perp.symbol, subject=subject, source=self.name)
                yield from guarded(ask, f"mark of {perp.asset}", found)

    def _rate_calls(self, exchange: Any, perps: list[Contract]) -> list[tuple[str, list[Contract]]]:
        """Return what is asked together: all, or one by one, so that one that is refused takes none with it."""
        if exchange.has["fetchFundingRates"]:
            return [("funding rates", perps)]
        return [(f"funding rate of {perp.asset}", [perp]) for perp in perps]

    def _rates(self, exchange: Any, scope: Scope, perps: list[Contract], hours: dict[str, object]) -> Iterator[Yielded]:
        """Read the funding that runs, at once where the venue tells it so (MEXC does not: one by one, trap 5)."""
        due = [perp for perp in perps if scope.is_due(FUNDING_NOW, f"{self.name}:{perp.asset}", HOURLY)]
        if not due:
            return
        with naming_errors("funding rates"):
            if exchange.has["fetchFundingRates"]:
                found = exchange.fetch_funding_rates([perp.symbol for perp in due])
            else:
                found = {perp.symbol: exchange.fetch_funding_rate(perp.symbol) for perp in due}
        for perp in due:
            row = found.get(perp.symbol)
            if row is None:
                continue
            subject, hours[perp.symbol] = f"{self.name}:{perp.asset}", row.get("interval")
            try:
                value = yearly(row.get("fundingRate"), hours=interval_hours(row.get("interval"), []))
            except BadValueError as error:
                yield doubt(f"{FUNDING_NOW} {subject}", error)
            else:
                yield ReadingRow(FUNDING_NOW, subject, _whole_hour(scope.now), scope.now, value, self.name)

    def _funding(self, exchange: Any, scope: Scope, perp: Contract, stated: object) -> Iterator[Yielded]:
        """Read the funding that was paid since the newest we have; a month on first use."""
        subject = f"{self.name}:{perp.asset}"
        since = scope.newest_reading.get((FUNDING_VENUE, subject), scope.now - FIRST_HISTORY)
        start = int((since - timedelta(days=1)).timestamp() * 1000)
        with naming_errors(f"funding of {perp.asset}"):
            paid = exchange.fetch_funding_rate_history(perp.symbol, start)
        hours = interval_hours(stated, [row["timestamp"] for row in paid if row.get("timestamp")])
        points: list[tuple[datetime, float]] = []
        for row in paid:
            try:
                at = moment(row.get("timestamp"), scope.now, is_milliseconds=True)
                points.append((_whole_hour(at), yearly(row.get("fundingRate"), hours=hours)))
            except BadValueError as error:
                yield doubt(f"funding {subject}", error)
        if points and max(points)[0] < scope.now - FUNDING_STALE:
            yield Doubt("stale", f"funding {subject}", f"the newest payment is of {max(points)[0]:%Y-%m-%d %H:%M}")
            return
        for item in first_of_each(points, f"funding {subject}"):
            if isinstance(item, Doubt):
                yield item
            elif item[0] > since:
                yield ReadingRow(FUNDING_VENUE, subject, item[0], item[0], item[1], self.name)

    def _interest(self, exchange: Any, scope: Scope, perp: Contract, ticker: Mapping[str, Any]) -> Iterator[Yielded]:
        """Read open interest in base units: with its history where there is one, else as it is now (2.2)."""
        subject, market = f"{self.name}:{perp.asset}", exchange.markets[perp.symbol]
        with naming_errors(f"open interest of {perp.asset}"):
            found = self._interest_rows(exchange, scope, perp, ticker)
        for row in found:
            try:
                at = _at(row.get("timestamp"), scope, oldest=FIRST_HISTORY + INTEREST_STALE)
                held = base_units(row, market=market, price=ticker.get("last"))
            except BadValueError as error:
                yield doubt(f"open interest {subject}", error)
                continue
            yield ReadingRow(INTEREST_VENUE, subject, _whole_hour(at), max(at, _whole_hour(at)), held, self.name)

    def _interest_rows(
        self, exchange: Any, scope: Scope, perp: Contract, ticker: Mapping[str, Any]
    ) -> list[Mapping[str, Any]]:
        """Return what the venue has: history in days on first use, else a snapshot; MEXC tells it in its ticker."""
        is_first = (INTEREST_VENUE, f"{self.name}:{perp.asset}") not in scope.newest_reading
        if is_first and exchange.has["fetchOpenInterestHistory"]:
            return list(exchange.fetch_open_interest_history(perp.symbol, "1d", None, 30))
        if exchange.has["fetchOpenInterest"]:
            return [exchange.fetch_open_interest(perp.symbol)]
        contracts = (ticker.get("info") or {}).get("holdVol")
        size = exchange.markets[perp.symbol].get("contractSize") or 1
        if contracts is None:
            raise FetchError("unreadable", "the ticker tells no open interest", subject=perp.symbol)
        held = float(contracts) * float(size)
        return [{"openInterestAmount": held, "timestamp": ticker.get("timestamp")}]

    def _tier(self, exchange: Any, scope: Scope, perp: Contract) -> Iterator[Yielded]:
        """Read the maintenance margin of the lowest tier; a venue that does not tell keylessly has an estimate."""
        subject = f"{self.name}:{perp.asset}"
        try:
            value, source = self._lowest_tier(exchange, perp), self.name
        except Exception as error:  # noqa: BLE001 - the estimate stands in for every way of not telling
            value, source = ESTIMATED_MAINTENANCE, f"{self.name} (estimate)"
            yield Skipped(f"tiers of {subject}", f"{type(error).__name__}, so that an estimate stands in")
        yield ReadingRow(MAINTENANCE, subject, _whole_hour(scope.now), scope.now, value, source)

    def _lowest_tier(self, exchange: Any, perp: Contract) -> float:
        """Ask for the tiers of one market; Binance wants a signature, WEEX has none."""
        if exchange.has["fetchMarketLeverageTiers"] is True:
            tiers = exchange.fetch_market_leverage_tiers(perp.symbol)
        elif exchange.has["fetchLeverageTiers"] and self.name != "binance":
            tiers = exchange.fetch_leverage_tiers([perp.symbol])[perp.symbol]
        else:
            raise BadValueError("no tiers without a key")
        return rate(tiers[0]["maintenanceMarginRate"], "the maintenance rate", limit=0.5)

    def _fees(self, exchange: Any, scope: Scope, symbols: list[str], product: str) -> Iterator[Yielded]:
        """Read the fees that the venue lists, once a week; a percentage instead of a fraction is doubted (trap 4)."""
        for symbol in symbols:
            for indicator, key in ((TAKER, "taker"), (MAKER, "maker")):
                subject = f"{self.name}:{product}"
                raw = exchange.markets[symbol].get(key)
                if raw is None or not scope.is_due(indicator, subject, TIERS_FOR):
                    continue
                try:
                    value = fee_rate(raw)
                except BadValueError as error:
                    yield doubt(f"{indicator} {subject}", error)
                else:
                    yield ReadingRow(indicator, subject, _whole_hour(scope.now), scope.now, value, self.name)


def _require_any(found: Mapping[str, Any], symbols: Sequence[str], what: str) -> None:
    """Refuse an answer that names none of our markets: it is of another form, not silence. Raises FetchError."""
    if not any(symbol in found for symbol in symbols):
        raise FetchError("unreadable", f"{what} name none of our {len(symbols)} markets", subject=what)


def _at(raw: Any, scope: Scope, *, oldest: timedelta) -> datetime:
    """Read a venue's time in milliseconds; where it gives none, its answer is of now."""
    return scope.now if raw is None else moment(raw, scope.now, is_milliseconds=True, oldest=oldest)


def _whole_hour(at: datetime) -> datetime:
    """Return the hour a moment lies in: venues settle a few milliseconds after it."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
