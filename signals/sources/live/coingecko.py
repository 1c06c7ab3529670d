"""Read CoinGecko (DOMAIN 2.1): prices, categories, the whole market, a year of daily closes; data by CoinGecko."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from signals.sources.base import MARKET_WIDE, SCOPE_GLOBAL, PriceRow, QuoteRow, ReadingRow
from signals.sources.fetch import Answer, Fetcher
from signals.sources.live.base import (
    BadValueError,
    Confirmed,
    Doubt,
    Scope,
    Yielded,
    amount,
    doubt,
    entry,
    first_of_each,
    guarded,
    jumps,
    moment,
    rate,
    rows,
)

NAME = "coingecko"
ADDRESS = "https://api.coingecko.com/api/v3"
PER_PAGE = 250
STALE = timedelta(hours=3)
CATEGORIES_EVERY, MEMBERS_EVERY = timedelta(minutes=29), timedelta(hours=24)
CATEGORY_CAP, CATEGORY_VOLUME, CATEGORY_BREADTH = "category_cap", "category_volume", "category_breadth"
MARKET_CAP = "market_cap"


class CoinGecko:
    """Yield what is of now first, then the closes that are missing, as far as the budget goes."""

    def observations(self, ask: Fetcher, scope: Scope) -> Iterator[Yielded]:
        """Ask part by part; of the closes, each asset is a part."""
        names = sorted(scope.aliases.items())
        for start in range(0, len(names), PER_PAGE):
            yield from guarded(ask, "markets", self._markets(ask, scope, dict(names[start : start + PER_PAGE])))
        yield from guarded(ask, "categories", self._categories(ask, scope))
        if scope.is_due(MARKET_CAP, MARKET_WIDE, CATEGORIES_EVERY):
            yield from guarded(ask, "global", self._global(ask, scope))
        for sector in scope.sectors:
            name = scope.sector_names.get(sector)
            if name and scope.is_due(CATEGORY_BREADTH, sector, MEMBERS_EVERY):
                yield from guarded(ask, f"members of {sector}", self._members(ask, scope, sector, name))
        for symbol, name in sorted(names, key=lambda pair: (-scope.missing_days(pair[0]), pair[0])):
            if scope.missing_days(symbol) > 0:
                yield from guarded(ask, f"closes of {symbol}", self._closes(ask, scope, symbol, name))

    def _get(self, ask: Fetcher, scope: Scope, path: str, **params: str) -> Answer:
        """Ask for a path, with the demo key where there is one."""
        headers = {"x-cg-demo-api-key": scope.key} if scope.key else {}
        return ask.get(f"{scope.address or ADDRESS}{path}", params=params, headers=headers, is_conditional=True)

    def _markets(self, ask: Fetcher, scope: Scope, aliases: dict[str, str]) -> Iterator[Yielded]:
        """Read the newest price of each of our assets; a price of three hours ago is stale."""
        ids = ",".join(aliases.values())
        answer = self._get(ask, scope, "/coins/markets", vs_currency="usd", ids=ids, per_page=str(PER_PAGE))
        if answer.is_unchanged:
            return
        symbols = {name: symbol for symbol, name in aliases.items()}
        seen: set[str] = set()
        for row in rows(answer.json(), "markets"):
            symbol = symbols.get(row.get("id", "")) if isinstance(row, dict) else None
            if symbol is not None and symbol in seen:
                yield Doubt("duplicate", symbol, "said twice in one answer")
            elif symbol is not None:
                seen.add(symbol)
                yield _quote(symbol, row, scope)
        yield from (_unknown(symbol, aliases[symbol], "source aliases") for symbol in aliases if symbol not in seen)

    def _categories(self, ask: Fetcher, scope: Scope) -> Iterator[Yielded]:
        """Read market cap and volume of the categories that are narratives of ours."""
        wanted = [slug for slug in scope.sectors if slug in scope.sector_names]
        if not any(scope.is_due(CATEGORY_CAP, slug, CATEGORIES_EVERY) for slug in wanted):
            return
        answer = self._get(ask, scope, "/coins/categories")
        if answer.is_unchanged:
            return
        sectors = {name: slug for slug, name in scope.sector_names.items() if slug in scope.sectors}
        found = [row for row in rows(answer.json(), "categories") if isinstance(row, dict)]
        for row in found:
            sector = sectors.pop(row.get("id", ""), None)
            if sector is not None:
                yield _reading(CATEGORY_CAP, sector, row.get("market_cap"), row.get("updated_at"), scope)
                yield _reading(CATEGORY_VOLUME, sector, row.get("volume_24h"), row.get("updated_at"), scope)
        yield from (_unknown(f"category {slug}", name, "sector aliases") for name, slug in sectors.items())

    def _members(self, ask: Fetcher, scope: Scope, sector: str, name: str) -> Iterator[Yielded]:
        """Read the coins of a narrative's category: the share of them that rose in a day."""
        answer = self._get(ask, scope, "/coins/markets", vs_currency="usd", category=name, per_page=str(PER_PAGE))
        if answer.is_unchanged:
            yield Confirmed(CATEGORY_BREADTH, (sector,), scope.now.replace(minute=0, second=0, microsecond=0))
            return
        moves: list[float] = []
        for row in rows(answer.json(), f"members of {sector}"):
            try:
                moves.append(rate(entry(row, "price_change_percentage_24h", "markets"), "the move", limit=100_000))
            except BadValueError as error:
                yield doubt(f"members of {sector}", error)
        if moves:
            at = scope.now.replace(minute=0, second=0, microsecond=0)
            yield ReadingRow(CATEGORY_BREADTH, sector, at, scope.now, sum(m > 0 for m in moves) / len(moves), NAME)

    def _global(self, ask: Fetcher, scope: Scope) -> Iterator[Yielded]:
        """Read the market cap of everything."""
        answer = self._get(ask, scope, "/global")
        if not answer.is_unchanged:
            data = entry(answer.json(), "data", "global")
            cap = entry(entry(data, "total_market_cap", "global"), "usd", "global")
            yield _reading(MARKET_CAP, MARKET_WIDE, cap, entry(data, "updated_at", "global"), scope)

    def _closes(self, ask: Fetcher, scope: Scope, symbol: str, name: str) -> Iterator[Yielded]:
        """Read the daily closes that are missing: a snapshot at 00:00 closes the day before.

        Volumes are those of the 24 hours before, so only snapshots a day apart do not overlap (DOMAIN 2.1, trap 6).
        """
        days = str(scope.missing_days(symbol) + 1)
        path = f"/coins/{name}/market_chart"
        chart = self._get(ask, scope, path, vs_currency="usd", days=days, interval="daily")
        if chart.is_unchanged:
            return
        table = chart.json()
        caps, volumes = _at_midnight(table, "market_caps"), _at_midnight(table, "total_volumes")
        yield from _prices(symbol, table, caps, volumes, scope)


def _unknown(subject: str, name: str, where: str) -> Doubt:
    """Doubt a name that the source does not know, and say where the right one is entered."""
    return Doubt("unknown", subject, f"CoinGecko does not know {name!r}; an administrator enters its id under {where}")


def _prices(
    symbol: str, table: Any, caps: dict[datetime, Any], volumes: dict[datetime, Any], scope: Scope
) -> Iterator[Yielded]:
    """Yield the closes of a chart that are missing; one that jumps against its neighbours is doubted."""
    kept: list[tuple[datetime, Decimal]] = []
    for item in first_of_each(_snapshots(table, symbol), symbol):
        if isinstance(item, Doubt):
            yield item
            continue
        try:
            kept.append((item[0], amount(item[1], f"the close of {symbol}")))
        except BadValueError as error:
            yield doubt(f"{symbol} {item[0]:%Y-%m-%d}", error, item[0])
    newest = scope.newest.get(symbol)
    for (at, price), is_bad in zip(kept, jumps([float(price) for _, price in kept]), strict=True):
        day = at.date() - timedelta(days=1)
        if day > scope.yesterday or (newest is not None and day <= newest):
            continue
        if is_bad:
            yield Doubt("spike", f"{symbol} {day}", f"{price} is far from the days beside", float(price), at)
        else:
            yield PriceRow(symbol, day, price, _optional(caps.get(at)), _optional(volumes.get(at)), SCOPE_GLOBAL, NAME)


def _snapshots(table: Any, symbol: str) -> list[tuple[datetime, Any]]:
    """Return the prices at 00:00 UTC, oldest first."""
    points = rows(entry(table, "prices", "market_chart"), f"closes of {symbol}")
    found = [(_exact(entry(point, 0, "market_chart")), entry(point, 1, "market_chart")) for point in points]
    return sorted(((at, value) for at, value in found if at is not None), key=lambda pair: pair[0])


def _quote(symbol: str, row: dict[str, Any], scope: Scope) -> Yielded:
    """Return a quote, or the doubt about it."""
    try:
        at = moment(row.get("last_updated"), scope.now, oldest=STALE)
        price = amount(row.get("current_price"), f"the price of {symbol}")
    except BadValueError as error:
        return doubt(symbol, error)
    cap, volume = _optional(row.get("market_cap")), _optional(row.get("total_volume"))
    return QuoteRow(symbol, at, price, cap, volume, SCOPE_GLOBAL, NAME)


def _reading(indicator: str, subject: str, raw: Any, at: Any, scope: Scope) -> Yielded:
    """Return a reading, or the doubt about it."""
    name = f"{indicator} {subject}".strip()
    try:
        observed, value = moment(at, scope.now, oldest=STALE), float(amount(raw, name))
    except BadValueError as error:
        return doubt(name, error)
    return ReadingRow(indicator, subject, observed, scope.now, value, NAME)


def _at_midnight(table: Any, key: str) -> dict[datetime, Any]:
    """Return the snapshots at 00:00 of one figure."""
    pairs = entry(table, key, "market_chart")
    found = ((_exact(pair[0]), pair[1]) for pair in pairs) if isinstance(pairs, list) else ()
    return {at: value for at, value in found if at is not None}


def _exact(raw: Any) -> datetime | None:
    """Return the midnight of a snapshot, nothing for the one that runs."""
    try:
        at = datetime.fromtimestamp(float(raw) / 1000, tz=UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return at if (at.hour, at.minute, at.second) == (0, 0, 0) else None


def _optional(raw: Any) -> Decimal | None:
    """Read a cap or a volume: zero and nonsense mean that it is not known."""
    try:
        return amount(raw, "amount")
    except BadValueError:
        return None
