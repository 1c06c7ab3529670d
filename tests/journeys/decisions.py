"""Work decisions and their reviews out from the raw closes, in fractions, importing nothing of the product."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

HORIZONS = (1, 7, 30, 90)
RATE = Fraction("0.001")
STEP = Fraction("0.0001")
OPENING = Fraction(1_000)
"""What is held of each asset before the first decision is worth this much; a decision sells a third and more."""

Closes = Mapping[tuple[str, str], Fraction]
Found = Mapping[int, Mapping[str, Fraction]]


@dataclass(frozen=True, kw_only=True)
class Trade:
    """One leg as it is written on the ticket; amounts in USD."""

    action: str
    asset: str
    quantity: Fraction
    price: Fraction
    fee: Fraction
    stop: Fraction | None = None


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What was done at noon of a day, with which chance."""

    day: date
    chance: Fraction
    trades: tuple[Trade, ...]

    def of(self, action: str) -> list[Trade]:
        """Return the legs of one action."""
        return [trade for trade in self.trades if trade.action == action]


def closes_of(path: Path, assets: Sequence[str]) -> Closes:
    """Return the closes of some assets in a file."""
    with path.open() as file:
        return {
            (row["asset"], row["date"]): Fraction(row["price_usd"])
            for row in csv.DictReader(file)
            if row["asset"] in assets and row["price_usd"]
        }


def window(closes: Closes, first: date, *, count: int, every: int, pairs: Sequence[tuple[str, str]]) -> list[Decision]:
    """Return decisions to and fro between assets, one every so many days, at the closes of the day before."""
    found, held = [], {asset: OPENING for pair in pairs for asset in pair}
    units = {asset: stepped(OPENING / _close(closes, asset, first - timedelta(days=1))) for asset in held}
    for number in range(count):
        day, (source, target) = first + timedelta(days=every * number), pairs[number % len(pairs)]
        source, target = (source, target) if number // len(pairs) % 2 == 0 else (target, source)
        found.append(_decision(closes, day, number, source, target, units))
        for trade in found[-1].trades:
            if trade.action.endswith("SPOT"):
                units[trade.asset] += trade.quantity * (1 if trade.action == "BUY_SPOT" else -1)
    return found


def reviews(closes: Closes, decisions: Sequence[Decision], last: date) -> list[dict[int, dict[str, Fraction]]]:
    """Return each decision's review at every horizon that is over by a close, and to date under 0 (DOMAIN 5.1)."""
    later = resold(closes, decisions)
    return [
        {
            days: _review(closes, decision, later[number], at)
            for days in (*HORIZONS, 0)
            if (at := last if not days else decision.day + timedelta(days=days)) <= last
        }
        for number, decision in enumerate(decisions)
    ]


def resold(closes: Closes, decisions: Sequence[Decision]) -> list[list[tuple[str, Fraction, Fraction, date]]]:
    """Return what was sold again of what each decision bought, oldest lot first: asset, units, net proceeds, day."""
    first = decisions[0].day - timedelta(days=1)
    assets = {trade.asset for decision in decisions for trade in decision.trades}
    lots: dict[str, list[list[Fraction | int]]] = {
        asset: [[stepped(OPENING / _close(closes, asset, first)), -1]] for asset in assets
    }
    found: list[list[tuple[str, Fraction, Fraction, date]]] = [[] for _ in decisions]
    for number, decision in enumerate(decisions):
        for trade in decision.trades:
            if trade.action == "BUY_SPOT":
                lots[trade.asset].append([trade.quantity, number])
            elif trade.action == "SELL_SPOT":
                left, unit = trade.quantity, trade.price - trade.fee / trade.quantity
                while left:
                    lot = lots[trade.asset][0]
                    part = min(left, Fraction(lot[0]))
                    if lot[1] >= 0:
                        found[int(lot[1])].append((trade.asset, part, part * unit, decision.day))
                    lot[0], left = lot[0] - part, left - part
                    if not lot[0]:
                        lots[trade.asset].pop(0)
    return found


def lessons(
    decisions: Sequence[Decision], found: Sequence[Mapping[int, Mapping[str, Fraction]]]
) -> dict[str, Fraction | int]:
    """Return what all decisions with a result of 30 days teach (DOMAIN 5.3, 5.4)."""
    known = [(decision, each[30]) for decision, each in zip(decisions, found, strict=True) if 30 in each]
    came = [Fraction(row["total_alpha_usd"] > 0) for _, row in known]
    multiples = [row["overlay_usd"] / risk(decision) for decision, row in known if risk(decision)]
    return {
        "known": len(known),
        "ahead": int(sum(came)),
        "brier": sum((each.chance - one) ** 2 for (each, _), one in zip(known, came, strict=True)) / len(known),
        "expectancy": sum(multiples) / len(multiples),
        "gross": sum(row["gross_alpha_usd"] for _, row in known),
        "net": sum(row["alpha_usd"] for _, row in known),
        "fees": sum(trade.fee for decision in decisions for trade in decision.trades),
    }


def risk(decision: Decision) -> Fraction:
    """Return 1R: the loss from entry to stop with fees at both ends (E03)."""
    return sum(
        (
            trade.quantity * abs(trade.price - trade.stop) + trade.fee * (1 + trade.stop / trade.price)
            for trade in decision.trades
            if trade.stop is not None
        ),
        Fraction(0),
    )


def _decision(
    closes: Closes, day: date, number: int, source: str, target: str, units: Mapping[str, Fraction]
) -> Decision:
    """Sell a good part of one asset, buy another with what it brings, and go long on every fourth decision."""
    eve = day - timedelta(days=1)
    sold = stepped(units[source] * Fraction(5 + number % 4, 10))
    sale = _trade("SELL_SPOT", source, sold, _close(closes, source, eve))
    money = sale.quantity * sale.price - sale.fee
    at = _close(closes, target, eve)
    trades = [sale, _trade("BUY_SPOT", target, stepped(money * Fraction(9, 10) / at), at)]
    if number % 4 == 1:
        stop = stepped(at * Fraction(7, 8), Fraction(1, 10**8))
        trades.append(_trade("OPEN_LONG", target, Fraction(int(Fraction(300) / at) + 1), at, stop=stop))
    return Decision(day=day, chance=Fraction(5 + number % 5, 10), trades=tuple(trades))


def _trade(action: str, asset: str, quantity: Fraction, price: Fraction, stop: Fraction | None = None) -> Trade:
    fee = stepped(quantity * price * RATE, Fraction(1, 10**6))
    return Trade(action=action, asset=asset, quantity=quantity, price=price, fee=fee, stop=stop)


def _review(
    closes: Closes, decision: Decision, later: Sequence[tuple[str, Fraction, Fraction, date]], at: date
) -> dict[str, Fraction]:
    sold, bought, opened = (decision.of(action) for action in ("SELL_SPOT", "BUY_SPOT", "OPEN_LONG"))
    fees = sum(trade.fee for trade in (*sold, *bought))
    spent = sum(trade.quantity * trade.price for trade in bought)
    cash = sum(trade.quantity * trade.price for trade in sold) - spent - fees
    hold = sum(trade.quantity * _close(closes, trade.asset, at) for trade in sold)
    kept = sum(trade.quantity * _close(closes, trade.asset, at) for trade in bought)
    overlay = sum(trade.quantity * (_close(closes, trade.asset, at) - trade.price) - trade.fee for trade in opened)
    frozen = sum(proceeds - part * _close(closes, asset, at) for asset, part, proceeds, day in later if day <= at)
    return {
        "hold_usd": hold,
        "actual_usd": kept + cash,
        "freeze_usd": kept + cash + frozen,
        "overlay_usd": Fraction(overlay),
        "alpha_usd": kept + cash - hold,
        "total_alpha_usd": kept + cash - hold + overlay,
        "gross_alpha_usd": kept * (spent + fees) / spent + cash - hold,
    }


def _close(closes: Closes, asset: str, day: date) -> Fraction:
    return closes[asset, day.isoformat()]


def stepped(value: Fraction, step: Fraction = STEP) -> Fraction:
    """Round down to a step, as a venue asks."""
    return int(value / step) * step
