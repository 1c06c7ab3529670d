"""rotki's own steps on one asset: acquire, spend, reduce and swap, with what each matches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from portfolio.domain.events import Side, Swap, TransferOut
from portfolio.domain.lots import Method
from portfolio.domain.money import in_context
from portfolio.domain.outcomes import Disposal, Outcome
from tests.portfolio.cases.reading import Case, Comparison, Differing, Lacking, Sheet, Unread, number, only
from tests.portfolio.cases.script import Script

METHODS = {"FIFO": Method.FIFO, "LIFO": Method.LIFO, "HIFO": Method.HIFO, "ACB": Method.AVG, "AVERAGE_COST": Method.AVG}
SETTINGS = (
    "method",
    "taxfree_after_period_seconds",
    "use_asset_collections_in_cost_basis",
    "event_taxable",
    "include_crypto2crypto",
)
WORDS = ("op", "amount", "timestamp", "rate", "lot", "asset", "expect", "out", "in", "held_before")
EXPECTED = (
    "taxable_amount",
    "taxfree_bought_cost",
    "taxable_bought_cost",
    "matched",
    "is_complete",
    "remaining",
    "missing_acquisitions",
    "out",
    "in",
)
TOLERANCE = Decimal("1e-6")
ZERO = Decimal(0)


class Steps:
    """Write a case's steps, and compare after each what it asks for."""

    def __init__(self, case: Case) -> None:
        """Read the method and the period after which gains are free of tax."""
        self.case, self.settings = case, case["settings"]
        only(self.settings, SETTINGS, "A setting")
        self.method = chosen_method(self.settings.get("method", "FIFO"))
        self.script = Script()
        self.names: dict[int, str] = {}
        self.now = datetime(1970, 1, 1, tzinfo=UTC)

    def write(self, step: Mapping[str, Any]) -> int:
        """Write one step, and give its sequence."""
        only(step, WORDS, "A step")
        self.now = moment(step["timestamp"]) if "timestamp" in step else self.now + timedelta(seconds=1)
        write = {"acquire": self._acquire, "spend": self._spend, "reduce": self._reduce, "swap": self._swap}
        if step["op"] not in write:
            raise Unread(f"The step {step['op']} is not known.")
        return write[step["op"]](step)

    def _acquire(self, step: Mapping[str, Any]) -> int:
        units = number(step["amount"])
        terms = {"base": self._asset(step), "quantity": units, "total": units * number(step["rate"])}
        sequence = self.script.trade(Side.BUY, self.now, **terms)
        self.names[sequence] = step["lot"]
        return sequence

    def _spend(self, step: Mapping[str, Any]) -> int:
        units = number(step["amount"])
        terms = {"base": self._asset(step), "quantity": units, "total": units * number(step.get("rate", "1"))}
        return self.script.trade(Side.SELL, self.now, is_imported=True, **terms)

    def _reduce(self, step: Mapping[str, Any]) -> int:
        terms = {"asset": self._asset(step), "quantity": number(step["amount"])}
        return self.script.add(TransferOut, self.now, is_imported=True, **terms)

    def _swap(self, step: Mapping[str, Any]) -> int:
        if not self.settings.get("include_crypto2crypto", True) or not self.settings.get("event_taxable", True):
            raise Differing("swaps_are_sales")
        given, taken = step["out"], step["in"]
        units = number(given["amount"])
        terms = {"asset": given["asset"], "quantity": units, "value": units * number(given["price_eur"])}
        terms |= {"into": taken["asset"], "received": number(taken["amount"])}
        return self.script.add(Swap, self.now, is_imported=True, **terms)

    def _asset(self, step: Mapping[str, Any]) -> str:
        asset: str = step.get("asset", self.case["asset"])
        return asset

    def split(self, disposal: Disposal) -> dict[bool, tuple[Decimal, Decimal, Decimal]]:
        """Return units, cost and gain, free of tax and not."""
        return split(disposal, self.settings.get("taxfree_after_period_seconds"))


@in_context
def split(disposal: Disposal, period: Any) -> dict[bool, tuple[Decimal, Decimal, Decimal]]:
    """Split a disposal into what was held longer than a period, whose gain is free of tax, and the rest.

    rotki's gain has what came for units that nobody saw come in; Rotabook counts that beside its own.
    """
    parts = {True: [ZERO] * 3, False: [disposal.unmatched_quantity, ZERO, disposal.unmatched_proceeds]}
    for lot, units, cost in disposal.matches:
        is_held = period is not None and number(period) >= 0
        is_free = is_held and lot.acquired_at + timedelta(seconds=int(period)) < disposal.disposed_at
        gain = disposal.proceeds * units / disposal.quantity - cost
        parts[is_free] = [total + amount for total, amount in zip(parts[is_free], (units, cost, gain), strict=True)]
    return {is_free: (units, cost, gain) for is_free, (units, cost, gain) in parts.items()}


@in_context
def compare_steps(case: Case) -> Comparison:
    """Fold after every step that expects something."""
    steps, sheet, excuse = Steps(case), Sheet(), ""
    for place, step in enumerate(case["steps"]):
        steps.write(step)
        if "expect" not in step:
            continue
        only(step["expect"], EXPECTED, "What is expected")
        folded = steps.script.fold(steps.method)
        disposals = [one for one in folded.outcomes[-1].disposals if one.asset != "USD"]
        lots = [lot for (_, asset), lots in folded.state.lots.items() for lot in lots if asset == case["asset"]]
        _put(sheet, place, step, _said(steps, disposals, folded.outcomes[-1], lots))
        excuse = excuse or _excuse(steps, step, disposals)
    return sheet.comparison(TOLERANCE, excuse)


def _said(steps: Steps, disposals: list[Disposal], outcome: Outcome, lots: Iterable[Any]) -> dict[str, Any]:
    """Return what the ledger says about one step."""
    free = [ZERO] * 3
    taxable = [ZERO] * 3
    for disposal in disposals:
        parts = steps.split(disposal)
        free = [total + amount for total, amount in zip(free, parts[True], strict=True)]
        taxable = [total + amount for total, amount in zip(taxable, parts[False], strict=True)]
    matches = [match for disposal in disposals for match in disposal.matches]
    return {
        "taxable_amount": taxable[0],
        "taxfree_bought_cost": free[1],
        "taxable_bought_cost": taxable[1],
        "matched": [(steps.names.get(lot.sequence, "?"), units) for lot, units, _ in matches],
        "is_complete": not any(one.unmatched_quantity for one in disposals),
        "remaining": sorted((steps.names.get(lot.sequence, "?"), lot.remaining_quantity) for lot in lots),
        "missing_acquisitions": [one.asset for one in disposals if one.unmatched_quantity],
        "out.taxable_amount": taxable[0],
        "out.free_amount": free[0],
        "out.pnl_taxable": taxable[2],
        "out.pnl_free": free[2],
        "in.taxable_amount": ZERO,
        "in.free_amount": sum((lot.quantity for lot in outcome.acquired), ZERO),
        "in.pnl": outcome.income,
    }


def _put(sheet: Sheet, place: int, step: Mapping[str, Any], said: Mapping[str, Any]) -> None:
    """Put every expectation of a step beside what the ledger says."""
    for name, wanted in step["expect"].items():
        where = f"{place}.{name}"
        if name in ("out", "in"):
            for part, amount in wanted.items():
                sheet.put(f"{where}.{part}", number(amount), said.get(f"{name}.{part}"))
        elif name in ("matched", "remaining"):
            rows = [(lot, number(units)) for lot, units in wanted]
            sheet.put(where, sorted(rows) if name == "remaining" else rows, said[name])
        elif isinstance(wanted, bool | list):
            sheet.put(where, wanted, said[name])
        else:
            sheet.put(where, number(wanted), said[name])


def _excuse(steps: Steps, step: Mapping[str, Any], disposals: list[Disposal]) -> str:
    """Name the convention that plays a part where units were let go that are not held."""
    if not any(one.unmatched_quantity for one in disposals):
        return ""
    return (
        "unmatched_has_no_gain" if steps.case["asset"] == step.get("asset", steps.case["asset"]) else "no_collections"
    )


def chosen_method(name: str) -> Method:
    """Return the method by rotki's name for it."""
    if name not in METHODS:
        raise Lacking(name)
    return METHODS[name]


def moment(seconds: Any) -> datetime:
    """Read a moment in seconds since 1970."""
    return datetime.fromtimestamp(int(number(seconds)), UTC)
