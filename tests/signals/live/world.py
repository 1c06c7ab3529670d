"""Show a small world through every source at once: a few assets, in the shapes that the sources send."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from portfolio.models import Market, Price, Quote
from signals.models import Event, Reading, Score
from signals.services.live import LiveReport, listed, refresh_source
from signals.sources.fetch import Fetcher
from signals.sources.live.names import COINGECKO, COINGECKO_CATEGORIES, DEFILLAMA
from tests.signals.live.internet import Internet, Page

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
COINS = {"bitcoin": 90000.0, "ethereum": 3000.0, "uniswap": 10.0, "aave": 200.0, "fetch-ai": 2.0, "bittensor": 400.0}
FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>
<item><title>Bittensor teams up with a large cloud</title><link>https://news.example.org/a?utm_source=x</link>
<pubDate>Fri, 20 Nov 2026 09:00:00 GMT</pubDate></item>
<item><title>Aave exploited for 3 million dollars</title><link>https://news.example.org/b</link>
<pubDate>Thu, 19 Nov 2026 09:00:00 GMT</pubDate></item>
<item><title>What to cook on Sunday</title><link>https://news.example.org/c</link>
<pubDate>Fri, 20 Nov 2026 10:00:00 GMT</pubDate></item></channel></rss>"""


def midnight(back: int = 0) -> datetime:
    """Return a midnight of so many days ago."""
    return NOW.replace(hour=0, minute=0) - timedelta(days=back)


def internet(*, days: int = 20) -> Internet:
    """Return pages of every keyless source that is no venue."""
    pages: dict[str, Page] = {
        f"/coins/{name}/market_chart": _chart(COINS.get(name, 5.0)) for name in COINGECKO.values()
    }
    pages |= {
        "/coins/markets": lambda query: [
            _coin(name, COINS.get(name, 5.0)) for name in query.get("ids", ",".join(COINS)).split(",") if name
        ],
        "/coins/categories": lambda _query: [
            _category(name) for name in (*COINGECKO_CATEGORIES.values(), "meme-token")
        ],
        "/global": lambda _query: {"data": {"total_market_cap": {"usd": 3.1e12}, "updated_at": int(NOW.timestamp())}},
        "/fng/": lambda _query: {
            "metadata": {"error": None},
            "data": [
                {"value": str(50 + back), "timestamp": str(int(midnight(back).timestamp()))} for back in range(days)
            ],
        },
        "/protocols": lambda _query: [
            {"name": "Uniswap V3", "slug": "uniswap-v3", "tvl": 2.0e9},
            {"name": "Aave V3", "slug": "aave-v3", "tvl": 3.0e10},
            *(
                {"name": slug, "slug": slug, "tvl": 1.0e9}
                for slug in DEFILLAMA.values()
                if slug not in {"uniswap-v3", "aave-v3"}
            ),
        ],
        "/pools": lambda _query: {
            "data": [_pool("aave-v3", 4.0, 3e9), _pool("aave-v3", 8.0, 1e9), _pool("other", 90.0, 1e9)]
        },
        "/v2/historicalChainTvl": lambda _query: [
            {"date": int(midnight(back).timestamp()), "tvl": 1.0e11 + back} for back in range(days, -1, -1)
        ],
        "/v2/chains": lambda _query: [
            {"name": "Ethereum", "tvl": 6.0e10},
            {"name": "Base", "tvl": 4.0e9},
            {"name": "Arbitrum", "tvl": 3.0e9},
        ],
        "/overview/dexs": lambda _query: {
            "totalDataChart": [[int(midnight(back).timestamp()), 7.0e9 + back] for back in range(days, 0, -1)]
        },
        "/stablecoincharts/all": lambda _query: [
            {"date": str(int(midnight(back).timestamp())), "totalCirculating": {"peggedUSD": 2.5e11 + back}}
            for back in range(days, 0, -1)
        ],
        "/arc/outboundfeeds/rss/": lambda _query: FEED.encode(),
        "/rss": lambda _query: FEED.encode(),
        "/news/pressreleases.rss": lambda _query: FEED.encode(),
    }
    return Internet(pages=pages)


def refreshed(market: Market, name: str, *, now: datetime = NOW, is_whole: bool = False) -> LiveReport:
    """Refresh one source without really sleeping; CoinGecko is asked about a few coins only, unless `is_whole`."""
    source = listed(name)
    if name == "coingecko" and not is_whole:
        source = source._replace(names={symbol: coin for symbol, coin in COINGECKO.items() if coin in COINS})
    asking = Fetcher(source.policy, now, sleep=lambda _seconds: None)
    return refresh_source(market=market, source=source, now=now, fetcher=asking)


def stored() -> dict[str, Sequence[Any]]:
    """Return everything that a score can read, and the scores."""
    return {
        "prices": list(Price.objects.order_by("pk").values_list()),
        "quotes": list(Quote.objects.order_by("pk").values_list()),
        "readings": list(Reading.objects.exclude(indicator="event_coverage").order_by("pk").values_list()),
        "events": list(Event.objects.order_by("pk").values_list()),
        "scores": list(Score.objects.order_by("pk").values_list()),
    }


def _chart(price: float) -> Callable[[Mapping[str, str]], Any]:
    """Return a chart of the days asked for, with the snapshot that runs at its end."""

    def page(query: Mapping[str, str]) -> Any:
        """Answer with a chart."""
        moments = [midnight(back) for back in range(min(int(query["days"]), 40) - 1, -1, -1)] + [NOW]
        stamps = [int(at.timestamp() * 1000) for at in moments]
        return {
            "prices": [[stamp, price + place / 100] for place, stamp in enumerate(stamps)],
            "market_caps": [[stamp, price * 1e6] for stamp in stamps],
            "total_volumes": [[stamp, price * 1e4] for stamp in stamps],
        }

    return page


def _coin(name: str, price: float) -> dict[str, Any]:
    """Return a row of the markets."""
    return {
        "id": name,
        "symbol": "btc",
        "current_price": price,
        "market_cap": price * 1e6,
        "total_volume": price * 1e4,
        "price_change_percentage_24h": 1.0 if price > 10 else -1.0,
        "last_updated": (NOW - timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    }


def _pool(project: str, percent: float, held: float) -> dict[str, Any]:
    """Return a pool's row."""
    return {"project": project, "apy": percent, "tvlUsd": held, "stablecoin": project == "aave-v3", "outlier": False}


def _category(name: str) -> dict[str, Any]:
    """Return a row of the categories."""
    return {"id": name, "market_cap": 1e11, "volume_24h": 5e9, "updated_at": NOW.strftime("%Y-%m-%dT%H:%M:%S.000Z")}
