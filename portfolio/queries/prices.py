"""Find what an asset was worth at a moment, and say how that is known (DOMAIN 4.5, DECISIONS 13)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.db.models import OuterRef, Subquery

from portfolio.domain.money import ONE
from portfolio.domain.valuation import Quoted, preferred
from portfolio.models import Asset, ManualPrice, Portfolio, Price, Quote


def quoted_at(*, portfolio: Portfolio, assets: Iterable[int], moment: datetime) -> dict[int, Quoted]:
    """Return the price of each asset that had one: the newest of the market's, else a person's own; USD is worth 1."""
    wanted = set(assets)
    market = _closes(portfolio.market_id, wanted, moment)
    for asset, quoted in _between_closes(portfolio.market_id, wanted, moment).items():
        if asset not in market or market[asset].observed_at < quoted.observed_at:
            market[asset] = quoted
    manual = _manual(portfolio, wanted, moment)
    found = {a: preferred(market=market.get(a), manual=manual.get(a), now=moment) for a in wanted}
    priced = {asset: quoted for asset, quoted in found.items() if quoted is not None}
    return {**priced, **_fiat(wanted, moment)}


def price_at(*, portfolio: Portfolio, asset: int, moment: datetime) -> Decimal | None:
    """Return one asset's price in USD, or nothing where it is not known."""
    quoted = quoted_at(portfolio=portfolio, assets=[asset], moment=moment).get(asset)
    return None if quoted is None else quoted.price


def last_closes(*, market: int, assets: Iterable[int], moment: datetime) -> list[Price]:
    """Return each asset's last daily close known at a moment."""
    closes = Price.objects.filter(market=market, asset=OuterRef("pk")).usable_at(moment).order_by("-date")
    newest = Asset.objects.filter(pk__in=set(assets)).annotate(newest=Subquery(closes.values("pk")[:1]))
    return list(Price.objects.filter(pk__in=[pk for pk in newest.values_list("newest", flat=True) if pk]))


def _closes(market: int, assets: set[int], moment: datetime) -> dict[int, Quoted]:
    return {
        close.asset_id: Quoted(price=close.price_usd, observed_at=close.closes_at)
        for close in last_closes(market=market, assets=assets, moment=moment)
    }


def _between_closes(market: int, assets: set[int], moment: datetime) -> dict[int, Quoted]:
    quotes = Quote.objects.filter(market=market, asset__in=assets, quoted_at__lte=moment)
    return {quote.asset_id: Quoted(price=quote.price_usd, observed_at=quote.quoted_at) for quote in quotes}


def _manual(portfolio: Portfolio, assets: set[int], moment: datetime) -> dict[int, Quoted]:
    prices = ManualPrice.objects.filter(portfolio=portfolio, asset__in=assets, effective_at__lte=moment)
    return {
        price.asset_id: Quoted(price=price.price_usd, observed_at=price.effective_at, is_assumed=True)
        for price in prices.order_by("effective_at")
    }


def _fiat(assets: set[int], moment: datetime) -> dict[int, Quoted]:
    fiat = Asset.objects.filter(pk__in=assets, kind=Asset.Kind.FIAT).values_list("pk", flat=True)
    return {asset: Quoted(price=ONE, observed_at=moment) for asset in fiat}
