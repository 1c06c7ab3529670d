"""Forced closes are told from trades, and what is no execution gives none (DOMAIN 4.2)."""

from datetime import UTC, datetime
from decimal import Decimal as D
from typing import Any

import pytest

from portfolio.domain.futures import PositionSide, Reason
from portfolio.importers.executions import UnreadableExecution, executions

MOMENT = 1_760_000_000_123


def binance(**order: Any) -> dict[str, Any]:
    """An order's update: 2 of 5 were sold at 100."""
    filled = {"s": "UNIUSDT", "c": "mine", "S": "SELL", "o": "MARKET", "x": "TRADE", "X": "PARTIALLY_FILLED", "i": 7}
    amounts = {"q": "5", "l": "2", "L": "100.5", "z": "2", "n": "0.04", "N": "BNB", "t": 11, "T": MOMENT, "ps": "BOTH"}
    return {"e": "ORDER_TRADE_UPDATE", "T": MOMENT, "E": MOMENT, "o": {**filled, **amounts, **order}}


def bybit(**row: Any) -> dict[str, Any]:
    """An answer with one execution."""
    execution = {"symbol": "BTCUSDT", "side": "Buy", "execQty": "0.5", "execPrice": "50000", "execId": "a-1"}
    terms = {"execType": "Trade", "execTime": str(MOMENT), "execFee": "1.5", "feeCurrency": "USDT"}
    return {"retCode": 0, "result": {"category": "linear", "list": [{**execution, **terms, **row}]}}


class TestBinance:
    def test_reads_what_was_filled_since_the_last_update(self) -> None:
        (one,) = executions(binance())

        assert (one.symbol, one.side, one.quantity, one.price) == ("UNIUSDT", "sell", 2, D("100.5"))
        assert (one.fee, one.fee_asset, one.external_id) == (D("0.04"), "BNB", "UNIUSDT:11")
        assert one.executed_at == datetime(2025, 10, 9, 8, 53, 20, 123_000, tzinfo=UTC)
        assert (one.reason, one.is_forced, one.position_side) == (Reason.TRADE, False, PositionSide.NET)

    @pytest.mark.parametrize(
        ("order", "reason"),
        [
            ({"c": "autoclose-123"}, Reason.LIQUIDATION),
            ({"c": "autoclose-123", "x": "CALCULATED"}, Reason.LIQUIDATION),
            ({"c": "adl_autoclose"}, Reason.ADL),
            ({"c": "settlement_autoclose-9"}, Reason.SETTLEMENT),
            ({"c": "delivery_autoclose-9"}, Reason.SETTLEMENT),
            ({"o": "LIQUIDATION"}, Reason.LIQUIDATION),
            ({"ot": "LIQUIDATION"}, Reason.LIQUIDATION),
            ({"x": "CALCULATED"}, Reason.LIQUIDATION),
            ({"X": "NEW_INSURANCE"}, Reason.LIQUIDATION),
            ({"X": "NEW_ADL", "x": "CALCULATED"}, Reason.ADL),
            ({"c": "not_autoclose-123"}, Reason.TRADE),
        ],
    )
    def test_tells_forced_closes(self, order: dict[str, str], reason: Reason) -> None:
        assert [one.reason for one in executions(binance(**order))] == [reason]

    @pytest.mark.parametrize("order", [{"x": "NEW"}, {"x": "CANCELED"}, {"x": "CALCULATED", "l": "0"}])
    def test_an_order_without_a_fill_is_no_execution(self, order: dict[str, str]) -> None:
        assert executions(binance(**order)) == ()

    def test_hedge_mode_names_the_side(self) -> None:
        assert executions(binance(ps="SHORT"))[0].position_side is PositionSide.SHORT

    def test_a_forced_close_without_a_trade_id_is_named_by_its_order_and_time(self) -> None:
        assert executions(binance(t=0))[0].external_id == f"UNIUSDT:7:{MOMENT}"

    def test_reads_the_short_form_and_the_list(self) -> None:
        lite = {"e": "TRADE_LITE", "T": MOMENT, "s": "UNIUSDT", "S": "BUY", "l": "1", "L": "9", "t": 3, "c": "mine"}
        terms = {"qty": "1", "price": "9", "commission": "0.1", "commissionAsset": "USDT", "time": MOMENT, "id": 4}
        row = {"symbol": "UNIUSDT", "positionSide": "LONG", **terms}

        found = executions([lite, {**row, "buyer": True}, {**row, "side": "SELL"}])

        assert [(one.external_id, one.side, one.quantity) for one in found] == [
            ("UNIUSDT:3", "buy", 1),
            ("UNIUSDT:4", "buy", 1),
            ("UNIUSDT:4", "sell", 1),
        ]


class TestBybit:
    def test_reads_the_list(self) -> None:
        (one,) = executions(bybit())

        assert (one.venue, one.symbol, one.side, one.quantity, one.price) == (
            "bybit",
            "BTCUSDT",
            "buy",
            D("0.5"),
            50000,
        )
        assert (one.fee, one.fee_asset, one.external_id) == (D("1.5"), "USDT", "a-1")

    @pytest.mark.parametrize(
        ("kind", "reason"),
        [
            ("AdlTrade", Reason.ADL),
            ("BustTrade", Reason.LIQUIDATION),
            ("Delivery", Reason.SETTLEMENT),
            ("Settle", Reason.SETTLEMENT),
            ("BlockTrade", Reason.TRADE),
        ],
    )
    def test_tells_forced_closes(self, kind: str, reason: Reason) -> None:
        assert executions(bybit(execType=kind))[0].reason is reason

    def test_the_fast_stream_has_trades_only(self) -> None:
        answer = bybit()
        row = {name: value for name, value in answer["result"]["list"][0].items() if name != "execType"}

        assert executions({"topic": "execution.fast", "data": [row]})[0].reason is Reason.TRADE

    def test_funding_is_no_execution(self) -> None:
        assert executions(bybit(execType="Funding")) == ()

    @pytest.mark.parametrize("row", [{"execType": "Novelty"}, {"execQty": "many"}, {"execPrice": "NaN"}])
    def test_what_cannot_be_read_is_refused(self, row: dict[str, str]) -> None:
        with pytest.raises(UnreadableExecution):
            executions(bybit(**row))


class TestNothing:
    @pytest.mark.parametrize(
        "payload",
        [
            {"e": "ACCOUNT_UPDATE", "a": {"B": [], "P": []}},
            [{"asset": "USDT", "balance": "5"}],
            {"result": {"list": [{"symbol": "BTCUSDT", "fundingRate": "0.0001"}]}},
            [],
            "text",
        ],
    )
    def test_holds_no_execution(self, payload: Any) -> None:
        assert executions(payload) == ()
