"""Read a venue's account events into futures executions, and tell forced closes from own trades (DOMAIN 4.2)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from portfolio.domain.futures import PositionSide, Reason
from portfolio.domain.money import ZERO, Refusal

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

BINANCE_FORCED = {
    "autoclose-": Reason.LIQUIDATION,
    "adl_autoclose": Reason.ADL,
    "settlement_autoclose-": Reason.SETTLEMENT,
    "delivery_autoclose-": Reason.SETTLEMENT,
}
"""What Binance writes at the front of the client order id of a forced order."""

BINANCE_STATUS = {"NEW_INSURANCE": Reason.LIQUIDATION, "NEW_ADL": Reason.ADL}
"""An order that the insurance fund or a counterparty takes over."""

BYBIT_REASONS = {
    "Trade": Reason.TRADE,
    "BlockTrade": Reason.TRADE,
    "FutureSpread": Reason.TRADE,
    "MovePosition": Reason.TRADE,
    "AdlTrade": Reason.ADL,
    "BustTrade": Reason.LIQUIDATION,
    "Delivery": Reason.SETTLEMENT,
    "Settle": Reason.SETTLEMENT,
    "SessionSettlePnL": Reason.SETTLEMENT,
}
"""Bybit's `execType`; funding is no execution."""


class UnreadableExecution(Refusal):
    """Refuse an execution whose amounts cannot be read, or whose kind nobody has described."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """Hold one execution as the venue reports it; quantity in the venue's own unit, the fee in its own asset."""

    venue: str
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    executed_at: datetime
    reason: Reason
    external_id: str
    position_side: PositionSide = PositionSide.NET
    fee: Decimal = ZERO
    fee_asset: str = ""

    @property
    def is_forced(self) -> bool:
        """Tell whether the venue closed it, not the person."""
        return self.reason is not Reason.TRADE


def executions(payload: Any) -> tuple[Execution, ...]:
    """Give the executions in a Binance or Bybit account event; orders, balances and rates hold none."""
    found: list[Execution] = []
    for row in _rows(payload):
        read = _reader(row)
        execution = None if read is None else read(row)
        if execution is not None:
            found.append(execution)
    return tuple(found)


def _rows(payload: Any) -> Iterator[Mapping[str, Any]]:
    """Give every object that may be an execution: the payload, a list of them, or what the answer wraps."""
    for item in payload if isinstance(payload, list) else [payload]:
        if isinstance(item, dict):
            yield from _unwrapped(item)


def _unwrapped(item: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    inner = item.get("result", item.get("data"))
    if isinstance(inner, dict):
        inner = inner.get("list", inner)
    if inner is None:
        return [item]
    return _rows(inner)


def _reader(row: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Execution | None] | None:
    if row.get("e") == "ORDER_TRADE_UPDATE":
        return _binance_update
    if row.get("e") == "TRADE_LITE":
        return _binance_lite
    if "execQty" in row:
        return _bybit
    return _binance_trade if {"qty", "price", "commission", "time"} <= row.keys() else None


def _binance_update(row: Mapping[str, Any]) -> Execution | None:
    """Read an order's update; only what was filled since the last one is an execution."""
    order = row["o"]
    if order["x"] not in ("TRADE", "CALCULATED") or not _amount(order["l"]):
        return None
    return Execution(
        venue="binance",
        symbol=order["s"],
        side=order["S"].lower(),
        quantity=_amount(order["l"]),
        price=_amount(order["L"]),
        executed_at=_moment(order.get("T") or row["T"]),
        reason=_binance_reason(order),
        external_id=f"{order['s']}:{order['t']}" if order.get("t") else f"{order['s']}:{order['i']}:{row['T']}",
        position_side=_binance_side(order.get("ps")),
        fee=_amount(order.get("n") or "0"),
        fee_asset=order.get("N") or "",
    )


def _binance_reason(order: Mapping[str, Any]) -> Reason:
    """Tell by the client order id, the order's status, its kind and the execution's kind, in this order."""
    name = str(order.get("c", ""))
    for start, reason in BINANCE_FORCED.items():
        if name.startswith(start):
            return reason
    if order.get("X") in BINANCE_STATUS:
        return BINANCE_STATUS[order["X"]]
    is_liquidation = "LIQUIDATION" in (order.get("o"), order.get("ot")) or order["x"] == "CALCULATED"
    return Reason.LIQUIDATION if is_liquidation else Reason.TRADE


def _binance_lite(row: Mapping[str, Any]) -> Execution | None:
    """Read the short form of a trade, which says nothing of its fee."""
    return Execution(
        venue="binance",
        symbol=row["s"],
        side=row["S"].lower(),
        quantity=_amount(row["l"]),
        price=_amount(row["L"]),
        executed_at=_moment(row["T"]),
        reason=_binance_reason({"c": row.get("c", ""), "x": "TRADE"}),
        external_id=f"{row['s']}:{row['t']}",
    )


def _binance_trade(row: Mapping[str, Any]) -> Execution:
    """Read a row of the account's trade list, which does not tell forced closes apart."""
    is_buy = row.get("buyer", row.get("isBuyer", str(row.get("side", "")).upper() == "BUY"))
    return Execution(
        venue="binance",
        symbol=row["symbol"],
        side="buy" if is_buy else "sell",
        quantity=_amount(row["qty"]),
        price=_amount(row["price"]),
        executed_at=_moment(row["time"]),
        reason=Reason.TRADE,
        external_id=f"{row['symbol']}:{row['id']}",
        position_side=_binance_side(row.get("positionSide")),
        fee=_amount(row["commission"]),
        fee_asset=row.get("commissionAsset", ""),
    )


def _bybit(row: Mapping[str, Any]) -> Execution | None:
    """Read an execution; funding is a cash flow of its own, and the fast stream names no kind: it has trades only."""
    kind = row.get("execType", "Trade")
    if kind == "Funding":
        return None
    if kind not in BYBIT_REASONS:
        raise UnreadableExecution(f"Bybit's execution kind {kind} is not known.")
    return Execution(
        venue="bybit",
        symbol=row["symbol"],
        side=row["side"].lower(),
        quantity=_amount(row["execQty"]),
        price=_amount(row["execPrice"]),
        executed_at=_moment(row["execTime"]),
        reason=BYBIT_REASONS[kind],
        external_id=row["execId"],
        fee=_amount(row.get("execFee") or "0"),
        fee_asset=row.get("feeCurrency") or "",
    )


def _binance_side(word: str | None) -> PositionSide:
    return PositionSide.NET if word in (None, "", "BOTH") else PositionSide(word.lower())


def _amount(text: Any) -> Decimal:
    try:
        amount = Decimal(str(text))
    except InvalidOperation as error:
        raise UnreadableExecution(f"{text} is not an amount.") from error
    if not amount.is_finite():
        raise UnreadableExecution(f"{text} is not an amount.")
    return amount


def _moment(milliseconds: Any) -> datetime:
    return EPOCH + timedelta(milliseconds=int(milliseconds))
