"""Hold what is stored of a ledger against a replay from nothing (I07, I16)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from portfolio.domain.events import USD
from portfolio.domain.ledger import Folded, fold
from portfolio.domain.lots import EVERYWHERE, Method
from portfolio.domain.money import ZERO, Refusal
from portfolio.domain.outcomes import AssetKey
from portfolio.queries.events import domain_lot, domain_position, position_key
from portfolio.queries.ledger_rows import Rows, Violation


def replay_violations(*, rows: Rows, method: Method) -> Iterator[Violation]:
    """I16: lots, balances, positions and realised gains are what a replay from nothing gives."""
    try:
        folded = fold(events=rows.events, method=method)
    except Refusal as error:
        yield Violation(invariant="I16", row=f"portfolio {rows.portfolio.pk}", message=f"cannot be replayed: {error}")
        return
    yield from _replayed_lots(rows, folded)
    yield from _replayed_balances(rows, folded)
    yield from _identity(rows, folded)
    stored = {position_key(row): row for row in rows.positions}
    replayed = folded.state.positions
    for key in stored.keys() | replayed.keys():
        row = stored.get(key)
        if row is None or key not in replayed or domain_position(row) != replayed[key]:
            name = f"position in instrument {key[1]} of account {key[0]}"
            yield Violation(invariant="I16", row=name, message="differs from a replay")


def _replayed_lots(rows: Rows, folded: Folded) -> Iterator[Violation]:
    stored = {(lot.asset.symbol, lot.sequence, lot.ordinal): lot for lot in rows.lots}
    for key in stored.keys() | folded.lots.keys():
        if key not in stored or key not in folded.lots or domain_lot(stored[key]) != folded.lots[key]:
            name = f"lot {stored[key].pk}" if key in stored else f"lot of {key[0]} brought by entry {key[1]}"
            yield Violation(invariant="I16", row=name, message="differs from a replay")
    disposals = [disposal for outcome in folded.outcomes for disposal in outcome.disposals]
    yield from _compare(
        "realised gains", rows, _total(rows.disposals, "realized_pnl_usd"), _total(disposals, "realized")
    )
    unmatched = _total(disposals, "unmatched_proceeds")
    yield from _compare("unmatched proceeds", rows, _total(rows.unmatched, "proceeds_usd"), unmatched)
    futures = _total(folded.outcomes, "perp_realized") - _total(folded.outcomes, "perp_fees")
    changes = _total(rows.changes, "realized_pnl_usd") - _total(rows.changes, "fee_usd")
    yield from _compare("futures gains", rows, changes, futures)


def _replayed_balances(rows: Rows, folded: Folded) -> Iterator[Violation]:
    state = folded.state
    stored = {(row.account_id, row.asset.symbol): row for row in rows.holdings}
    for key in stored.keys() | state.balances.keys():
        row = stored.get(key)
        kept = (ZERO, ZERO) if row is None else (row.quantity, row.realized_pnl_usd)
        replayed = (state.held(*key), state.gains.get(key, ZERO))
        if kept != replayed:
            message = f"{kept[0]} held and {kept[1]} realised, a replay gives {replayed[0]} and {replayed[1]}"
            yield Violation(invariant="I16", row=f"holding of {key[1]} in account {key[0]}", message=message)
    costs: dict[AssetKey, Decimal] = defaultdict(Decimal)
    for row in rows.holdings:
        if row.asset.symbol != USD:
            costs[EVERYWHERE if rows.is_shared() else row.account_id, row.asset.symbol] += row.cost_usd
    for key in costs.keys() | state.costs.keys():
        if costs[key] != state.costs.get(key, ZERO):
            message = f"it cost {costs[key]}, a replay gives {state.costs.get(key, ZERO)}"
            yield Violation(invariant="I16", row=f"holding of {key[1]} in account {key[0]}", message=message)


def _identity(rows: Rows, folded: Folded) -> Iterator[Violation]:
    """I07: what is held cost exactly what came in, from outside and as gains; each fee counts once."""
    basis = _total(rows.holdings, "cost_usd")
    came = _total(folded.outcomes, "flow") + _total(folded.outcomes, "unmatched") + _total(folded.outcomes, "income")
    gained = _total(rows.holdings, "realized_pnl_usd") + _total(rows.positions, "funding_usd")
    gained += _total(rows.positions, "realized_pnl_usd") - _total(rows.positions, "fees_usd")
    if basis != came + gained:
        message = f"what is held cost {basis}, but {came} came in and {gained} was gained"
        yield Violation(invariant="I07", row=f"portfolio {rows.portfolio.pk}", message=message)


def _compare(what: str, rows: Rows, stored: Decimal, replayed: Decimal) -> Iterator[Violation]:
    if stored != replayed:
        message = f"{what} of {stored} are stored, a replay gives {replayed}"
        yield Violation(invariant="I16", row=f"portfolio {rows.portfolio.pk}", message=message)


def _total(rows: Iterable[Any], name: str) -> Decimal:
    return sum((getattr(row, name) for row in rows), ZERO)
