"""Load a market into the arrays the signals are computed from, with a constant number of queries."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from portfolio.models import Asset, Market, Price, Sector, SectorMembership, closes_on
from portfolio.queries.raw import raw_rows
from signals.domain.arrays import Codes, Floats, Ints
from signals.domain.panel import MarketPanel, SectorProfile, no_events
from signals.domain.params import Params, profile_of
from signals.queries.readings import event_coverage, event_table, reading_series

Places = tuple[Ints, Ints]

_EPOCH = date(1970, 1, 1).toordinal()


class Closes(NamedTuple):
    """Hold closes column by column as the database sends them, in the order of days.

    Amounts are in USD: text on SQLite, Decimal on PostgreSQL.
    """

    assets: Sequence[int]
    dates: Sequence[date]
    prices: Sequence[Decimal | str]
    market_caps: Sequence[Decimal | str | None]
    volumes: Sequence[Decimal | str | None]
    scopes: Sequence[str]

    def since(self, first: date) -> Closes:
        """Return those from a day on."""
        start = bisect_left(self.dates, first)
        return Closes._make(column[start:] for column in self) if start else self


class Grid(NamedTuple):
    """Tell where a day and an asset stand in the arrays."""

    first: int
    days: int
    columns: dict[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """Return days by assets."""
        return self.days, len(self.columns)

    def row(self, day: date) -> int:
        """Return a day's row, within the first and one beyond the last."""
        return min(max(day.toordinal() - self.first, 0), self.days)


def load_panel(*, market: Market, until: datetime, params: Params, is_prices_only: bool = False) -> MarketPanel | None:
    """Return what was known of a market when the last day was decided that had been decided by `until`.

    It starts with the first close of a member of a narrative sector; None where there is none. Who only wants prices
    gets neither events nor readings.
    """
    narratives = Sector.objects.filter(kind=Sector.Kind.NARRATIVE, memberships__market=market)
    sectors = list(narratives.distinct())
    memberships = list(SectorMembership.objects.filter(market=market, sector__in=sectors))
    closes = _closes(market, until - timedelta(minutes=params.decision_delay_minutes))
    members = {membership.asset_id for membership in memberships}
    first = next((day for asset, day in zip(closes.assets, closes.dates, strict=True) if asset in members), None)
    if first is None:
        return None
    closes = closes.since(first)
    assets = list(Asset.objects.filter(pk__in=set(closes.assets)).order_by("symbol"))
    panel = _panel(market, sectors, memberships, assets, closes)
    return panel if is_prices_only else _with_news(panel, market, [sector.pk for sector in sectors], params=params)


def _closes(market: Market, decided: datetime) -> Closes:
    """Return the closes of the days that had been decided, in the order of days."""
    columns = ("asset_id", "date", "price_usd", "market_cap_usd", "volume_usd", "volume_scope")
    rows = Price.objects.filter(market=market).usable_at(decided).order_by("date", "asset_id").values_list(*columns)
    found = raw_rows(rows)
    return Closes(*zip(*found, strict=True)) if found else Closes((), (), (), (), (), ())


def _panel(
    market: Market,
    sectors: list[Sector],
    memberships: list[SectorMembership],
    assets: list[Asset],
    closes: Closes,
) -> MarketPanel:
    """Put rows on their places in the arrays."""
    first, last = closes.dates[0], closes.dates[-1]
    grid = Grid(first.toordinal(), (last - first).days + 1, {asset.pk: place for place, asset in enumerate(assets)})
    places = _places(closes, grid)
    dates = (np.arange(grid.days) + grid.first - _EPOCH).astype("datetime64[D]")
    return MarketPanel(
        dates=dates,
        assets=tuple(asset.symbol for asset in assets),
        sectors=tuple(SectorProfile(s.slug, profile_of(s.slug), float(s.defensiveness)) for s in sectors),
        closes=_amounts(places, grid, closes.prices),
        market_caps=_amounts(places, grid, closes.market_caps),
        volumes=_amounts(places, grid, closes.volumes),
        volume_scopes=_scopes(places, grid, closes.scopes),
        memberships=_memberships(memberships, grid, [sector.pk for sector in sectors]),
        is_stable=np.array([asset.kind != Asset.Kind.CRYPTO for asset in assets]),
        events=no_events(len(sectors)),
    )


def _with_news(panel: MarketPanel, market: Market, sectors: list[int], *, params: Params) -> MarketPanel:
    """Add the events and readings that were known when the last day was decided."""
    last: date = panel.dates[-1].astype(object)
    known_until = closes_on(last) + timedelta(minutes=params.decision_delay_minutes)
    return replace(
        panel,
        events=event_table(market=market, sectors=sectors, known_until=known_until, params=params),
        readings=reading_series(market=market, known_until=known_until, params=params),
        event_coverage=event_coverage(market=market, dates=panel.dates, params=params),
    )


def _places(closes: Closes, grid: Grid) -> Places:
    """Return the rows and columns of closes."""
    rows = {day: day.toordinal() - grid.first for day in set(closes.dates)}
    return np.array([rows[day] for day in closes.dates]), np.array([grid.columns[asset] for asset in closes.assets])


def _amounts(places: Places, grid: Grid, amounts: Iterable[Decimal | str | None]) -> Floats:
    """Return one figure of the closes as days by assets, NaN where there is none."""
    values = np.full(grid.shape, np.nan)
    values[places] = [np.nan if amount is None else float(amount) for amount in amounts]
    return values


def _scopes(places: Places, grid: Grid, named: Sequence[str]) -> Codes:
    """Give every scope of volumes a number, 0 for an unnamed one (DECISIONS 19)."""
    names = sorted({*named, ""})
    numbers = {name: number for number, name in enumerate(names)}
    scopes = np.zeros(grid.shape, np.int8)
    scopes[places] = [numbers[scope] for scope in named]
    return scopes


def _memberships(memberships: list[SectorMembership], grid: Grid, sectors: list[int]) -> Floats:
    """Return who belonged where on each day (DOMAIN F01: always as of the day)."""
    shares = np.zeros((*grid.shape, len(sectors)))
    for member in memberships:
        if member.asset_id in grid.columns:
            start = grid.row(member.since_date)
            end = grid.days if member.until_date is None else grid.row(member.until_date)
            shares[start:end, grid.columns[member.asset_id], sectors.index(member.sector_id)] = float(member.weight)
    return shares
