"""Load a market into the arrays the signals are computed from, with a constant number of queries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from portfolio.models import Asset, Market, Price, Sector, SectorMembership, closes_on
from signals.domain.arrays import Codes, Floats
from signals.domain.panel import MarketPanel, SectorProfile, no_events
from signals.domain.params import Params, profile_of
from signals.queries.raw import raw_rows
from signals.queries.readings import event_coverage, event_table, reading_series

_EPOCH = date(1970, 1, 1).toordinal()


class Close(NamedTuple):
    """Hold one close as the database sends it. Amounts in USD: text on SQLite, Decimal on PostgreSQL."""

    asset_id: int
    date: date
    price: Decimal | str
    market_cap: Decimal | str | None
    volume: Decimal | str | None
    scope: str


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
    first = min((row.date for row in closes if row.asset_id in members), default=None)
    if first is None:
        return None
    closes = [row for row in closes if row.date >= first]
    assets = list(Asset.objects.filter(pk__in={row.asset_id for row in closes}).order_by("symbol"))
    panel = _panel(market, sectors, memberships, assets, closes)
    return panel if is_prices_only else _with_news(panel, market, [sector.pk for sector in sectors], params=params)


def _closes(market: Market, decided: datetime) -> list[Close]:
    """Return the closes of the days that had been decided, in the order of days."""
    columns = ("asset_id", "date", "price_usd", "market_cap_usd", "volume_usd", "volume_scope")
    rows = Price.objects.filter(market=market).usable_at(decided).order_by("date", "asset_id").values_list(*columns)
    return [Close(*row) for row in raw_rows(rows)]


def _panel(
    market: Market,
    sectors: list[Sector],
    memberships: list[SectorMembership],
    assets: list[Asset],
    closes: list[Close],
) -> MarketPanel:
    """Put rows on their places in the arrays."""
    first, last = closes[0].date, closes[-1].date
    grid = Grid(first.toordinal(), (last - first).days + 1, {asset.pk: place for place, asset in enumerate(assets)})
    dates = (np.arange(grid.days) + grid.first - _EPOCH).astype("datetime64[D]")
    return MarketPanel(
        dates=dates,
        assets=tuple(asset.symbol for asset in assets),
        sectors=tuple(SectorProfile(s.slug, profile_of(s.slug), float(s.defensiveness)) for s in sectors),
        closes=_amounts(closes, grid, [row.price for row in closes]),
        market_caps=_amounts(closes, grid, [row.market_cap for row in closes]),
        volumes=_amounts(closes, grid, [row.volume for row in closes]),
        volume_scopes=_scopes(closes, grid),
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


def _places(closes: list[Close], grid: Grid) -> tuple[list[int], list[int]]:
    """Return the rows and columns of closes."""
    return [row.date.toordinal() - grid.first for row in closes], [grid.columns[row.asset_id] for row in closes]


def _amounts(closes: list[Close], grid: Grid, amounts: Iterable[Decimal | str | None]) -> Floats:
    """Return one figure of the closes as days by assets, NaN where there is none."""
    values = np.full(grid.shape, np.nan)
    values[_places(closes, grid)] = [np.nan if amount is None else float(amount) for amount in amounts]
    return values


def _scopes(closes: list[Close], grid: Grid) -> Codes:
    """Give every scope of volumes a number, 0 for an unnamed one (DECISIONS 19)."""
    names = sorted({row.scope for row in closes} | {""})
    numbers = {name: number for number, name in enumerate(names)}
    scopes = np.zeros(grid.shape, np.int8)
    scopes[_places(closes, grid)] = [numbers[row.scope] for row in closes]
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
