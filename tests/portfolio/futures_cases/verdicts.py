"""Read the cases of futures, and say of each whether the ledger agrees."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.portfolio.futures_cases.adapter import OutOfScope, answer, plain

FOLDER = Path(os.environ.get("CASES_FOLDER") or Path(__file__).resolve().parents[4] / "shared" / "cases")
REASONS = {
    "informational": "the publisher's page contradicts itself or states no figures; collected as no gate",
    "borrowed": "margin trading on borrowed coins, whose interest Rotabook does not keep",
}
EXACT = Decimal("1e-9")


def load(name: str) -> Any:
    """Return a file of cases, its numbers as exact decimals; nothing where it is absent."""
    path = FOLDER / name
    return json.loads(path.read_text(), parse_float=Decimal, parse_int=Decimal) if path.exists() else {}


CASES: list[dict[str, Any]] = load("futures.json").get("cases", [])
WORKED = [case for case in CASES if case.get("part") != "events"]
EVENTS = [case for case in CASES if case.get("part") == "events"]
TIERS: dict[str, list[dict[str, Any]]] = load("futures_binance_leverage_tiers_subset.json").get("tiers", {})


def differences(case: dict[str, Any]) -> list[str]:
    """Return the figures of a case on which the ledger says something else."""
    found, wrong, compared = answer(case), list[str](), 0
    tolerance = Decimal(case.get("tolerance", EXACT))
    for name, wanted in case["expected"].items():
        if name not in found and plain(name) not in found:
            if isinstance(wanted, Decimal) and not name.startswith("published"):
                wrong.append(f"{name}: nothing is said")
            continue
        compared += 1
        given = found.get(name, found.get(plain(name)))
        is_same = given is wanted if wanted is None or given is None else abs(given - wanted) <= tolerance
        if not is_same:
            wrong.append(f"{name}: {given}, not {wanted}")
    return wrong if compared or wrong else ["nothing is compared"]


def outcome(case: dict[str, Any]) -> str:
    """Return passed, the reason why a case is listed, or what is wrong with it."""
    try:
        wrong = differences(case)
    except OutOfScope as reason:
        return f"listed: {REASONS.get(str(reason.args[0]), reason)}"
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        return f"wrong: {type(error).__name__} {error}"
    return "passed" if not wrong else f"wrong: {wrong}"
