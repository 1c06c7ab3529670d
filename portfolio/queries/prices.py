"""Find what an asset was worth at a moment, and say how that is known (DOMAIN 4.5, DECISIONS 13)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from typing import Any

from django.db.models import DateTimeField, OuterRef, QuerySet, Subquery, Value

from portfolio.domain.valuation import Quoted, preferred
from portfolio.models import Asset, ManualPrice, Portfolio, Price, Quote


class Source(IntEnum):
    """Tell where a price comes from; of two of the market's at one moment the close counts."""

    QUOTE = 0
    CLOSE = 1
    MANUAL = 2
    FIAT = 3


def quoted_at(*, portfolio: Portfolio, assets: Iterable[int], moment: datetime) -> dict[int, Quoted]:
    """Return the price of each asset that had one: the newest of the market's, else a person's own; USD is worth 1.

    One query.
    """
    market: dict[int, Quoted] = {}
    manual: dict[int, Quoted] = {}
    fiat: dict[int, Quoted] = {}
    kept = {Source.QUOTE: market, Source.CLOSE: market, Source.MANUAL: manual, Source.FIAT: fiat}
    wanted = set(assets)
    rows = _sources(portfolio, wanted, moment) if wanted else ()
    for asset, price, seen_at, source in sorted(rows, key=lambda row: (row[2], row[3])):
        is_assumed = source == Source.MANUAL
        kept[source][asset] = Quoted(price=price, observed_at=seen_at, is_assumed=is_assumed)
    found = {a: preferred(market=market.get(a), manual=manual.get(a), now=moment) for a in wanted}
    return {**{asset: quoted for asset, quoted in found.items() if quoted is not None}, **fiat}


def price_at(*, portfolio: Portfolio, asset: int, moment: datetime) -> Decimal | None:
    """Return one asset's price in USD, or nothing where it is not known."""
    quoted = quoted_at(portfolio=portfolio, assets=[asset], moment=moment).get(asset)
    return None if quoted is None else quoted.price


def last_closes(*, market: int, assets: Iterable[int], moment: datetime) -> QuerySet[Price]:
    """Return each asset's last daily close known at a moment. One query."""
    closes = Price.objects.filter(market=market, asset=OuterRef("pk")).usable_at(moment).order_by("-date")
    newest = Asset.objects.filter(pk__in=set(assets)).order_by().values(newest=Subquery(closes.values("pk")[:1]))
    return Price.objects.filter(pk__in=newest)


def _sources(portfolio: Portfolio, assets: set[int], moment: datetime) -> QuerySet[Any, tuple[Any, ...]]:
    """Return asset, price, moment and source of every price of some assets known at a moment; USD is worth 1."""
    market = portfolio.market_id
    closes = last_closes(market=market, assets=assets, moment=moment)
    quotes = Quote.objects.filter(market=market, asset__in=assets, quoted_at__lte=moment)
    manual = ManualPrice.objects.filter(portfolio=portfolio, asset__in=assets, effective_at__lte=moment)
    fiat = Asset.objects.filter(pk__in=assets, kind=Asset.Kind.FIAT)
    return _rows(closes, "asset_id", "price_usd", "closes_at", Source.CLOSE).union(
        _rows(quotes, "asset_id", "price_usd", "quoted_at", Source.QUOTE),
        _rows(manual, "asset_id", "price_usd", "effective_at", Source.MANUAL),
        fiat.order_by().values_list(
            "pk", Value(1), Value(moment, output_field=DateTimeField()), Value(int(Source.FIAT))
        ),
        all=True,
    )


def _rows(found: QuerySet[Any], asset: str, price: str, seen_at: str, source: Source) -> QuerySet[Any, tuple[Any, ...]]:
    return found.order_by().values_list(asset, price, seen_at, Value(int(source)))
