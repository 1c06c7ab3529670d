"""Read a market's daily closes and who belonged where, once, as arrays that every performance is measured with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
from django.db.models import Count, Max, OuterRef, Subquery

from portfolio.domain.figures import Floats
from portfolio.kept import kept
from portfolio.models import Asset, Market, Price, SectorMembership
from portfolio.provided import SectorMoves, sector_moves

KEPT_FOR_S = 3600
LAYOUT = "1"
"""Part of the cache key: raise it when the class below changes."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """Hold an asset's share in a sector between two days; the end is open while it still belongs."""

    asset: int
    sector: str
    kind: str
    share: float
    since: date
    until: date | None


@dataclass(frozen=True, kw_only=True, eq=False)
class MarketPast:
    """Hold closes [T, A] from a first day on, the last known where a day has none, and each narrative's moves [T]."""

    first: date
    columns: Mapping[int, int]
    closes: Floats
    moves: Mapping[str, Floats]
    members: tuple[Member, ...] = ()
    cash: frozenset[int] = field(default_factory=frozenset)
    reserves: frozenset[int] = field(default_factory=frozenset)

    def prices(self, assets: Sequence[int], dates: Sequence[date]) -> Floats:
        """Return the closes of some assets on some days; USD is worth 1, what is not known is NaN."""
        table = np.full((len(dates), len(assets)), np.nan)
        rows = self._rows(dates)
        for place, asset in enumerate(assets):
            if asset in self.cash:
                table[:, place] = 1.0
            elif asset in self.columns:
                table[:, place] = _picked(self.closes[:, self.columns[asset]], rows)
        return table

    def narrative(self, sector: str, dates: Sequence[date]) -> Floats:
        """Return a narrative's daily returns on some days, NaN where its index does not run."""
        known = self.moves.get(sector)
        return np.full(len(dates), np.nan) if known is None else _picked(known, self._rows(dates))

    def _rows(self, dates: Sequence[date]) -> list[int]:
        return [(day - self.first).days for day in dates]


def market_past(*, market: Market, now: datetime) -> MarketPast:
    """Return a market's past up to its last close. One query while nothing was added; it is kept for an hour."""
    return kept(_key(market), seconds=KEPT_FOR_S, make=lambda: _read(market, now))


def _key(market: Market) -> str:
    """Name what is kept by how many closes and memberships there are, the newest, and what ended. One query."""
    prices, members = (
        model._default_manager.filter(market=OuterRef("pk")).order_by().values("market")
        for model in (Price, SectorMembership)
    )
    marks = {
        "closes": prices.values(mark=Count("pk")),
        "newest": prices.values(mark=Max("pk")),
        "members": members.values(mark=Count("pk")),
        "newcomer": members.values(mark=Max("pk")),
        "ended": members.values(mark=Count("until_date")),
        "end": members.values(mark=Max("until_date")),
    }
    found = Market.objects.filter(pk=market.pk).annotate(**{name: Subquery(rows) for name, rows in marks.items()})
    return ":".join(map(str, ("market-past", LAYOUT, market.pk, *found.values_list(*marks).get())))


def _read(market: Market, now: datetime) -> MarketPast:
    rows = list(Price.objects.filter(market=market).order_by("date").values_list("asset_id", "date", "price_usd"))
    first, last = (rows[0][1], rows[-1][1]) if rows else (date.min, date.min)
    columns = {asset: place for place, asset in enumerate(sorted({row[0] for row in rows}))}
    closes = np.full(((last - first).days + 1 if rows else 0, len(columns)), np.nan)
    for asset, day, price in rows:
        closes[(day - first).days, columns[asset]] = float(price)
    found = sector_moves(market=market, now=now)
    kinds = list(Asset.objects.exclude(kind=Asset.Kind.CRYPTO).values_list("pk", "kind"))
    return MarketPast(
        first=first,
        columns=columns,
        closes=_carried(closes),
        moves={} if found is None else _aligned(found, first),
        members=tuple(_members(market)),
        cash=frozenset(pk for pk, kind in kinds if kind == Asset.Kind.FIAT),
        reserves=frozenset(pk for pk, _ in kinds),
    )


def _members(market: Market) -> Iterable[Member]:
    rows: Any = SectorMembership.objects.filter(market=market).values_list(
        "asset_id", "sector__slug", "sector__kind", "weight", "since_date", "until_date"
    )
    for asset, sector, kind, share, since, until in rows:
        yield Member(asset=asset, sector=sector, kind=kind, share=float(share), since=since, until=until)


def _carried(closes: Floats) -> Floats:
    """Fill a gap with the last close before it."""
    places = np.where(np.isnan(closes), 0, np.arange(len(closes))[:, None])
    last = np.maximum.accumulate(places, axis=0)
    return np.asarray(np.take_along_axis(closes, last, axis=0), np.float64) if len(closes) else closes


def _aligned(found: SectorMoves, first: date) -> dict[str, Floats]:
    """Give the narratives' moves the same first day as the closes."""
    gap = (found.first - first).days
    return {
        name: np.concatenate([np.full(max(gap, 0), np.nan), row[max(-gap, 0) :]]) for name, row in found.moves.items()
    }


def _picked(values: Floats, rows: Sequence[int]) -> Floats:
    """Return the values on some rows, NaN outside."""
    places = np.array(rows, np.int64)
    is_in = (places >= 0) & (places < len(values))
    found = np.full(len(places), np.nan)
    found[is_in] = values[places[is_in]]
    return found
