"""Answer as each of the five venues does about BTC: its markets, then whatever a refresh asks for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.signals.live.internet import Page
from tests.signals.live.world import NOW, midnight

PRICE, HELD, RATE = "90000", "80000", "0.0001"
STAMP = int(NOW.timestamp() * 1000)
SETTLED = [int((NOW - timedelta(minutes=30, hours=4 + 8 * back)).timestamp() * 1000) + 7 for back in range(5, -1, -1)]
DAYS = [int(midnight(back).timestamp() * 1000) for back in range(4, -1, -1)]
OF_CONTRACTS = frozenset({"openInterest", "openInterestValue", "fundingRate", "nextFundingTime"})
VENUES = ("binance", "bybit", "bingx", "weex", "mexc")


def pages(venue: str) -> dict[str, Page]:
    """Return a venue's pages by path."""
    return {path: _always(body) if not callable(body) else body for path, body in TABLES[venue]().items()}


def _always(body: Any) -> Page:
    """Answer the same, whatever the query."""
    return lambda _query: body


def _candles(*, kind: type = str) -> list[list[Any]]:
    """Return daily candles, the one that runs at the end."""
    return [[day, *(kind(figure) for figure in (90000, 91000, 89000, 90000, 20)), day + 86_399_999, "1800000", 5]
            for day in DAYS]  # fmt: skip


def _ticker(symbol: str) -> dict[str, Any]:
    """Return a ticker in the form that Binance began."""
    return {
        "symbol": symbol, "lastPrice": PRICE, "volume": "20", "quoteVolume": "1800000", "closeTime": STAMP,
        "bidPrice": "89999", "askPrice": "90001", "bidQty": "1", "askQty": "1",
    }  # fmt: skip


def _filters() -> list[dict[str, str]]:
    """Return the steps of a market."""
    return [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
    ]


def _perp_ticker() -> dict[str, Any]:
    """Return a perpetual's ticker, which says nothing of the book."""
    told = {key: value for key, value in _ticker("BTCUSDT").items() if not key.startswith(("bid", "ask"))}
    return {**told, "markPrice": PRICE}


def _symbol(**other: Any) -> dict[str, Any]:
    """Return a market in the form that Binance began."""
    return {
        "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT", "baseAssetPrecision": 8,
        "quotePrecision": 8, "filters": _filters(), "permissions": ["SPOT"], "permissionSets": [["SPOT"]],
        "isSpotTradingAllowed": True, "isMarginTradingAllowed": False, "orderTypes": ["LIMIT"], **other,
    }  # fmt: skip


def _binance() -> dict[str, Any]:
    """Return Binance's pages."""
    perp = _symbol(
        contractType="PERPETUAL", marginAsset="USDT", pair="BTCUSDT", contractStatus="TRADING",
        deliveryDate=4133404800000, onboardDate=1569398400000, pricePrecision=2, quantityPrecision=3,
    )  # fmt: skip
    return {
        "/api/v3/exchangeInfo": {"symbols": [_symbol()]},
        "/fapi/v1/exchangeInfo": {"symbols": [perp]},
        "/dapi/v1/exchangeInfo": {"symbols": []},
        "/api/v3/ticker/24hr": [_ticker("BTCUSDT")],
        "/fapi/v1/ticker/24hr": [_perp_ticker()],
        "/fapi/v1/premiumIndex": [
            {"symbol": "BTCUSDT", "markPrice": PRICE, "indexPrice": PRICE, "lastFundingRate": RATE,
             "nextFundingTime": STAMP + 9_000_000, "time": STAMP}
        ],
        "/fapi/v1/fundingRate": [{"symbol": "BTCUSDT", "fundingTime": at, "fundingRate": RATE} for at in SETTLED],
        "/fapi/v1/fundingInfo": [],
        "/futures/data/openInterestHist": [
            {"symbol": "BTCUSDT", "sumOpenInterest": HELD, "sumOpenInterestValue": "7200000000", "timestamp": day}
            for day in DAYS
        ],
        "/fapi/v1/openInterest": {"symbol": "BTCUSDT", "openInterest": HELD, "time": STAMP},
        "/api/v3/klines": _candles(),
        "/fapi/v1/markPriceKlines": _candles(),
    }  # fmt: skip


def _bybit() -> dict[str, Any]:
    """Return Bybit's pages."""
    spot = {
        "symbol": "BTCUSDT", "baseCoin": "BTC", "quoteCoin": "USDT", "status": "Trading", "marginTrading": "both",
        "lotSizeFilter": {"basePrecision": "0.000001", "quotePrecision": "0.00000001", "minOrderQty": "0.00004",
                          "maxOrderQty": "63", "minOrderAmt": "1", "maxOrderAmt": "100000"},
        "priceFilter": {"tickSize": "0.01"},
    }  # fmt: skip
    perp = {
        "symbol": "BTCUSDT", "contractType": "LinearPerpetual", "status": "Trading", "baseCoin": "BTC",
        "quoteCoin": "USDT", "settleCoin": "USDT", "launchTime": "1585526400000", "deliveryTime": "0",
        "priceScale": "2", "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": "0.50", "maxPrice": "999999.00", "tickSize": "0.50"},
        "lotSizeFilter": {"maxOrderQty": "100.000", "minOrderQty": "0.001", "qtyStep": "0.001"}, "fundingInterval": 480,
    }  # fmt: skip
    markets: dict[str, list[Any]] = {"spot": [spot], "linear": [perp]}
    ticker = {
        "symbol": "BTCUSDT", "lastPrice": PRICE, "bid1Price": "89999", "ask1Price": "90001", "turnover24h": "1800000",
        "volume24h": "20", "markPrice": PRICE, "indexPrice": PRICE, "openInterest": HELD, "fundingRate": RATE,
        "nextFundingTime": str(STAMP + 9_000_000), "openInterestValue": "7200000000",
    }  # fmt: skip
    return {
        "/v5/market/instruments-info": lambda query: _listed(
            query["category"], [] if "status" in query else markets.get(query["category"], [])
        ),
        "/v5/market/tickers": lambda query: _listed(
            query["category"],
            [{key: value for key, value in ticker.items() if query["category"] == "linear" or key not in OF_CONTRACTS}],
        ),
        "/v5/market/funding/history": _listed(
            "linear", [{"symbol": "BTCUSDT", "fundingRate": RATE, "fundingRateTimestamp": str(at)} for at in SETTLED]
        ),
        "/v5/market/open-interest": _listed("linear", [{"openInterest": HELD, "timestamp": str(day)} for day in DAYS]),
        "/v5/market/risk-limit": _listed("linear", [
            {"id": 1, "symbol": "BTCUSDT", "riskLimitValue": "2000000", "maintenanceMargin": "0.005",
             "initialMargin": "0.01", "isLowestRisk": 1, "maxLeverage": "100.00"}]),
        "/v5/market/kline": _listed("linear", [[str(each) for each in row[:6]] + ["1800000"] for row in _candles()]),
        "/v5/market/mark-price-kline": _listed("linear", [[str(each) for each in row[:5]] for row in _candles()]),
    }  # fmt: skip


def _listed(category: str, rows: list[Any]) -> dict[str, Any]:
    """Return rows as Bybit wraps them."""
    result = {"category": category, "symbol": "BTCUSDT", "list": rows, "nextPageCursor": ""}
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": STAMP}


def _bingx() -> dict[str, Any]:
    """Return BingX' pages."""
    spot = {
        "symbol": "BTC-USDT", "minQty": 0.0001, "maxQty": 100, "minNotional": 5, "maxNotional": 20000, "status": 1,
        "tickSize": 0.01, "stepSize": 0.0001, "apiStateSell": True, "apiStateBuy": True, "timeOnline": 0, "offTime": 0,
    }  # fmt: skip
    perp = {
        "contractId": "100", "symbol": "BTC-USDT", "size": "0.0001", "quantityPrecision": "4", "pricePrecision": "1",
        "feeRate": "0.0005", "makerFeeRate": "0.0002", "takerFeeRate": "0.0005", "tradeMinQuantity": "0.0001",
        "tradeMinUSDT": "2", "maxLongLeverage": "125", "maxShortLeverage": "125", "currency": "USDT", "asset": "BTC",
        "status": "1", "apiStateOpen": "true", "apiStateClose": "true",
    }  # fmt: skip
    candles = [{"open": "90000", "close": PRICE, "high": "91000", "low": "89000", "volume": "20", "time": day,
                "openTime": day, "closeTime": day + 86_399_999} for day in DAYS]  # fmt: skip
    return {
        "/openApi/swap/v2/quote/contracts": _data([perp]),
        "/openApi/cswap/v1/market/contracts": _data([]),
        "/openApi/spot/v1/common/symbols": _data({"symbols": [spot]}),
        "/openApi/spot/v1/ticker/24hr": _data([_ticker("BTC-USDT")]),
        "/openApi/swap/v2/quote/ticker": _data([{**_ticker("BTC-USDT"), "lastQty": "1"}]),
        "/openApi/swap/v2/quote/premiumIndex": _data([
            {"symbol": "BTC-USDT", "markPrice": PRICE, "indexPrice": PRICE, "lastFundingRate": RATE,
             "nextFundingTime": STAMP + 9_000_000}]),
        "/openApi/swap/v2/quote/fundingRate": _data(
            [{"symbol": "BTC-USDT", "fundingRate": RATE, "fundingTime": at} for at in SETTLED]
        ),
        "/openApi/swap/v2/quote/openInterest": _data(
            {"openInterest": "7200000000", "symbol": "BTC-USDT", "time": STAMP}
        ),
        "/openApi/swap/v1/maintMarginRatio": _data([
            {"tier": "Tier 1", "symbol": "BTC-USDT", "minPositionVal": "0", "maxPositionVal": "900000",
             "maintMarginRatio": "0.0033", "maintAmount": "0"}]),
        "/openApi/spot/v1/market/kline": _data([[row[0], *map(float, row[1:6]), row[6], 1.0] for row in _candles()]),
        "/openApi/spot/v2/market/kline": _data([[row[0], *map(float, row[1:6]), row[6], 1.0] for row in _candles()]),
        "/openApi/swap/v3/quote/klines": _data(candles),
        "/openApi/swap/v1/market/markPriceKlines": _data(candles),
    }  # fmt: skip


def _data(found: Any) -> dict[str, Any]:
    """Return what was found as BingX wraps it."""
    return {"code": 0, "msg": "", "timestamp": STAMP, "data": found}


def _weex() -> dict[str, Any]:
    """Return WEEX' pages; its listed fees are percentages."""
    perp = _symbol(
        contractType="PERPETUAL", marginAsset="USDT", pricePrecision=1, quantityPrecision=4, contract_val=1,
        makerFeeRate="0.0002", takerFeeRate="0.0008", minOrderSize="0.0001", maxOrderSize="1000", minLeverage=1,
        maxLeverage=400, simulationContract=False,
    )  # fmt: skip
    return {
        "/api/v3/coins": [],
        "/api/v3/exchangeInfo": {"symbols": [_symbol(tickSize="0.01", stepSize="0.0001")]},
        "/capi/v3/market/exchangeInfo": {"symbols": [perp]},
        "/api/v3/market/ticker/24hr": [_ticker("BTCUSDT")],
        "/capi/v3/market/ticker/24hr": [_perp_ticker()],
        "/capi/v3/market/premiumIndex": [
            {"symbol": "BTCUSDT", "markPrice": PRICE, "indexPrice": PRICE, "forecastFundingRate": RATE,
             "lastFundingRate": RATE, "nextFundingTime": STAMP + 9_000_000, "time": STAMP, "collectCycle": 480}
        ],
        "/capi/v3/market/fundingRate": [
            {"symbol": "BTCUSDT", "fundingRate": RATE, "fundingTime": at, "markPrice": PRICE} for at in SETTLED
        ],
        "/capi/v3/market/openInterest": {"symbol": "BTCUSDT", "openInterest": HELD, "time": STAMP},
        "/api/v3/market/klines": _candles(),
        "/capi/v3/market/klines": _candles(),
        "/capi/v3/market/markPriceKlines": _candles(),
    }  # fmt: skip


def _mexc() -> dict[str, Any]:
    """Return MEXC' pages."""
    perp = {
        "symbol": "BTC_USDT", "displayNameEn": "BTC_USDT SWAP", "positionOpenType": 3, "baseCoin": "BTC",
        "quoteCoin": "USDT", "settleCoin": "USDT", "contractSize": 0.0001, "minLeverage": 1, "maxLeverage": 125,
        "priceScale": 2, "volScale": 0, "amountScale": 4, "priceUnit": 0.5, "volUnit": 1, "minVol": 1,
        "maxVol": 1000000, "takerFeeRate": 0.0006, "makerFeeRate": 0.0002, "maintenanceMarginRate": 0.004,
        "initialMarginRate": 0.008, "riskBaseVol": 10000, "riskIncrVol": 200000, "riskIncrMmr": 0.004,
        "riskIncrImr": 0.004, "riskLevelLimit": 5, "state": 0, "isHidden": False,
    }  # fmt: skip
    spot = _symbol(
        status="1", baseSizePrecision="0.00001", quoteAmountPrecision="1", quoteAssetPrecision="2", makerCommission="0",
        takerCommission="0.0005", maxQuoteAmount="5000000",
    )  # fmt: skip
    ticker = {"symbol": "BTC_USDT", "lastPrice": 90000, "bid1": 89999, "ask1": 90001, "volume24": 200000,
              "amount24": 1800000, "holdVol": 800000000, "fairPrice": 90000, "timestamp": STAMP}  # fmt: skip
    return {
        "/api/v3/exchangeInfo": {"symbols": [spot]},
        "/api/v1/contract/detail": _good([perp]),
        "/api/v3/ticker/24hr": lambda query: _ticker("BTCUSDT") if "symbol" in query else [_ticker("BTCUSDT")],
        "/api/v1/contract/ticker": lambda query: _good(ticker if "symbol" in query else [ticker]),
        "/api/v1/contract/funding_rate/BTC_USDT": _good(
            {"symbol": "BTC_USDT", "fundingRate": 0.0001, "collectCycle": 8, "nextSettleTime": STAMP + 9_000_000,
             "timestamp": STAMP}),
        "/api/v1/contract/funding_rate/history": _good({
            "pageSize": 100, "totalCount": 6, "totalPage": 1, "currentPage": 1,
            "resultList": [{"symbol": "BTC_USDT", "fundingRate": 0.0001, "settleTime": at} for at in SETTLED]}),
        "/api/v3/klines": _candles(),
        "/api/v1/contract/kline/fair_price/BTC_USDT": _good({
            "time": [day // 1000 for day in DAYS], "open": [90000] * 5, "close": [90000] * 5, "high": [91000] * 5,
            "low": [89000] * 5, "vol": [0] * 5, "amount": [0] * 5}),
    }  # fmt: skip


def _good(found: Any) -> dict[str, Any]:
    """Return what was found as MEXC wraps it."""
    return {"success": True, "code": 0, "data": found}


TABLES = {"binance": _binance, "bybit": _bybit, "bingx": _bingx, "weex": _weex, "mexc": _mexc}
