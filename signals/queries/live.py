"""Ask what the live market holds: how far each source's history goes, and by which names it knows our assets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from django.db.models import Max, OuterRef, Q, Subquery

from portfolio.models import Asset, Market, Price, Sector, SectorMembership
from signals.models import Feed, Reading, SectorAlias, SourceAlias
from signals.sources.live.feeds import FEEDS

RECENT, SELDOM = timedelta(days=3), timedelta(days=40)


def newest_closes(*, market: Market) -> dict[str, date]:
    """Return the newest close of each asset."""
    mine = Price.objects.filter(market=market, asset=OuterRef("pk")).order_by("-date")
    priced = Asset.objects.annotate(newest=Subquery(mine.values("date")[:1])).filter(newest__isnull=False)
    return dict(priced.values_list("symbol", "newest"))


def newest_readings(*, market: Market, seldom: Iterable[str], now: datetime) -> dict[tuple[str, str], datetime]:
    """Return what the newest reading of each indicator and subject describes, of the last three days.

    Those that are `seldom` read are looked for in 40 days. A series that paused for longer is read as if it were new,
    which adds nothing that is there.
    """
    since, long_since = now - RECENT, now - SELDOM
    fresh = Q(ingested_at__gte=since, observed_at__gte=since)
    rare = Q(indicator__in=set(seldom), ingested_at__gte=long_since, observed_at__gte=long_since)
    recent = Reading.objects.filter(fresh | rare if seldom else fresh, market=market)
    rows = recent.values_list("indicator", "subject").annotate(newest=Max("observed_at"))
    return {(indicator, subject): newest for indicator, subject, newest in rows}


def latest_values(*, market: Market, indicators: Iterable[str], now: datetime) -> dict[tuple[str, str], float]:
    """Return the newest value of each indicator and subject, of the last three days."""
    since = now - timedelta(days=3)
    recent = Reading.objects.filter(market=market, ingested_at__gte=since, observed_at__gte=since)
    recent = recent.filter(indicator__in=set(indicators))
    rows = recent.order_by("observed_at", "ingested_at").values_list("indicator", "subject", "value")
    return {(indicator, subject): value for indicator, subject, value in rows}


def aliases(*, source: str, names: Mapping[str, str] | None) -> dict[str, str]:
    """Return a source's names of our assets by symbol: the listed ones, overruled by those an administrator entered."""
    if names is None:
        symbols = Asset.objects.filter(kind=Asset.Kind.CRYPTO).values_list("symbol", flat=True)
        return {symbol: symbol for symbol in symbols}
    known = set(Asset.objects.values_list("symbol", flat=True))
    entered = dict(SourceAlias.objects.filter(source=source).values_list("asset__symbol", "external_id"))
    return {symbol: name for symbol, name in {**names, **entered}.items() if symbol in known}


def sector_names(*, source: str, names: Mapping[str, str]) -> dict[str, str]:
    """Return a source's names of narratives by slug: the listed ones, overruled by those an administrator entered."""
    entered = SectorAlias.objects.filter(source=source).values_list("sector__slug", "external_id")
    return {**names, **dict(entered)}


def chosen_feeds() -> tuple[str, ...]:
    """Return the feeds that are read: the listed ones and those an administrator added, but none that is off."""
    entered = dict(Feed.objects.order_by("pk").values_list("url", "is_enabled"))
    return tuple(url for url in dict.fromkeys([*FEEDS, *entered]) if entered.get(url, True))


def narratives(*, market: Market, on: date) -> dict[str, tuple[str, ...]]:
    """Return the members of each narrative on a day."""
    rows = SectorMembership.objects.filter(
        market=market, sector__kind=Sector.Kind.NARRATIVE, since_date__lte=on
    ).exclude(until_date__lte=on)
    found: dict[str, list[str]] = {}
    for slug, symbol in rows.order_by("sector__position", "asset__symbol").values_list("sector__slug", "asset__symbol"):
        found.setdefault(slug, []).append(symbol)
    return {slug: tuple(members) for slug, members in found.items()}
