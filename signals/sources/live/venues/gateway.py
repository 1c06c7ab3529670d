"""Speak to venues through ccxt, with every request sent by our own fetching layer; the only module that knows ccxt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import Any
from urllib.parse import urlsplit

from signals.sources.fetch import Fetcher, FetchError

SAFE_METHOD = "GET"
WANTED_MARKETS = frozenset({"spot", "linear", "inverse"})


def connect(venue: str, ask: Fetcher, *, address: str = "", markets: Sequence[Mapping[str, Any]] = ()) -> Any:
    """Return a venue's ccxt exchange whose requests go through a fetcher; `address` replaces its hosts."""
    exchange = _described(venue)
    exchange.fetch = partial(_fetch, exchange, ask, address)
    exchange.throttle = partial(_pace, exchange, ask)
    exchange.apiKey = exchange.secret = exchange.password = exchange.uid = None
    exchange.markets = exchange.markets_by_id = None
    if markets:
        exchange.set_markets([dict(market) for market in markets])
    return exchange


@cache
def _described(venue: str) -> Any:
    """Return a venue's exchange, described once in each process: that takes longer than to ask it. It holds no keys."""
    import ccxt  # type: ignore[import-untyped]  # it takes two seconds, so it is paid only where it is used (DECISIONS 1)

    exchange = getattr(ccxt, venue)({"enableRateLimit": True})
    kinds = exchange.options.get("fetchMarkets", {}).get("types")
    if isinstance(kinds, list):
        exchange.options["fetchMarkets"]["types"] = [kind for kind in kinds if kind in WANTED_MARKETS]
    return exchange


def _pace(exchange: Any, ask: Fetcher, cost: float | None = None) -> None:
    """Leave as much time between requests as the venue asks for."""
    if ask.requests:
        ask.sleep(exchange.rateLimit * (1 if cost is None else cost) / 1000)


def _fetch(
    exchange: Any,
    ask: Fetcher,
    address: str,
    url: str,
    method: str = SAFE_METHOD,
    headers: Any = None,
    body: Any = None,
) -> Any:
    """Send what ccxt would have sent; error bodies are read by ccxt, so that it names them in its own classes."""
    if method != SAFE_METHOD:
        raise FetchError("refused", f"{method} is never sent: sources are only read", subject=urlsplit(url).path)
    try:
        answer = ask.get(_rebased(url, address), headers=_text_headers(headers))
    except FetchError as error:
        if error.status >= 400:
            _name_error(exchange, error, url, method, headers, body)
        raise
    answer.json()
    text = answer.body.decode("utf-8")
    found = exchange.parse_json(text)
    exchange.handle_errors(answer.status, "", url, method, dict(answer.headers), text, found, headers or {}, body)
    return found


def _name_error(exchange: Any, error: FetchError, url: str, method: str, headers: Any, body: Any) -> None:
    """Let ccxt raise its own error for a status and a body."""
    text = error.body.decode("utf-8", "replace")
    found = exchange.parse_json(text)
    exchange.handle_errors(error.status, "", url, method, {}, text, found, headers or {}, body)
    exchange.handle_http_status_code(error.status, "", url, method, text)


def _rebased(url: str, address: str) -> str:
    """Return an address below another host."""
    parts = urlsplit(url)
    return f"{address}{parts.path}{'?' + parts.query if parts.query else ''}" if address else url


def _text_headers(headers: Any) -> dict[str, str]:
    """Return headers as text."""
    return {str(name): str(value) for name, value in (headers or {}).items()}


@contextmanager
def naming_errors(what: str) -> Iterator[None]:
    """Turn whatever ccxt raises about an answer into a FetchError: it stumbles in its own ways over broken ones."""
    try:
        yield
    except FetchError:
        raise
    except Exception as error:
        kind = type(error).__name__
        reason = "refused" if type(error).__module__.startswith("ccxt") else "unreadable"
        raise FetchError(reason, f"{kind}: {error}"[:300], subject=what) from error
