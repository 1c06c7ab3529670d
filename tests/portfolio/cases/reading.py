"""Read the cases of other systems, and judge what the ledger answers to one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

Case = Mapping[str, Any]
OPEN = "open"
FOLDER = Path(os.environ.get("CASES_FOLDER") or Path(__file__).resolve().parents[4] / "shared" / "cases")


class Unread(ValueError):
    """Say what in a case the adapter does not know: the case is neither right nor wrong."""


class Aside(ValueError):
    """Say why the ledger gives no answer to a case; the key stands in a table of `listed`."""

    def __init__(self, key: str, detail: str = "") -> None:
        """Keep the key of the table."""
        super().__init__(f"{key}: {detail}" if detail else key)
        self.key = key


class Lacking(Aside):
    """Name a whole method that Rotabook lacks."""


class Differing(Aside):
    """Name a documented convention of Rotabook that differs."""


class Elsewhere(Aside):
    """Name a subject that is not lots, fees or realized PnL."""


class Kind(StrEnum):
    """Say how a case ended."""

    PASSED = "passed"
    WRONG = "wrong"
    UNREAD = "unread"
    METHOD = "method lacking"
    DIFFERS = "convention differs"
    ELSEWHERE = "another subject"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Tell how a case ended, and why."""

    kind: Kind
    key: str = ""
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Hold what the ledger says beside what the case expects; a missing figure is None.

    The excuse is the key of what plays a part in the case, should the figures differ: a documented convention, or a
    method that Rotabook lacks.
    """

    found: Mapping[str, Any]
    wanted: Mapping[str, Any]
    tolerance: Decimal = Decimal(0)
    excuse: str = ""
    excuse_kind: Kind = Kind.DIFFERS

    def differences(self) -> list[str]:
        """Name the figures that are not the same."""
        return [
            f"{name}: expected {wanted}, the ledger says {self.found.get(name)}"
            for name, wanted in self.wanted.items()
            if not self._agree(self.found.get(name), wanted)
        ]

    def _agree(self, found: Any, wanted: Any) -> bool:
        if isinstance(wanted, Decimal) and isinstance(found, Decimal):
            return abs(found - wanted) <= self.tolerance
        if isinstance(wanted, list | tuple) and isinstance(found, list | tuple):
            return len(found) == len(wanted) and all(map(self._agree, found, wanted))
        return bool(found == wanted) and type(found) is type(wanted)


class Sheet:
    """Collect figures side by side: what a case expects, and what the ledger says."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.wanted: dict[str, Any] = {}
        self.found: dict[str, Any] = {}

    def put(self, name: str, wanted: Any, found: Any) -> None:
        """Write one figure."""
        self.wanted[name], self.found[name] = wanted, found

    def comparison(self, tolerance: Decimal, excuse: str = "", kind: Kind = Kind.DIFFERS) -> Comparison:
        """Return all that was written."""
        terms: dict[str, Any] = {"tolerance": tolerance, "excuse": excuse, "excuse_kind": kind}
        return Comparison(found=self.found, wanted=self.wanted, **terms)


Compare = Callable[[Case], Comparison]
_ASIDE = {Lacking: Kind.METHOD, Differing: Kind.DIFFERS, Elsewhere: Kind.ELSEWHERE}


def judge(compare: Compare, case: Case) -> Verdict:
    """Put a case to the ledger; a case of which nothing was compared has not passed."""
    try:
        comparison = compare(case)
    except Aside as aside:
        return Verdict(kind=_ASIDE[type(aside)], key=aside.key, detail=str(aside))
    except Unread as unread:
        return Verdict(kind=Kind.UNREAD, detail=str(unread))
    except (LookupError, ArithmeticError, TypeError, ValueError) as error:
        return Verdict(kind=Kind.UNREAD, detail=f"{type(error).__name__}: {error}")
    if not comparison.wanted:
        return Verdict(kind=Kind.UNREAD, detail="Nothing in the case was compared.")
    differences = comparison.differences()
    if differences and comparison.excuse:
        return Verdict(kind=comparison.excuse_kind, key=comparison.excuse, detail="; ".join(differences))
    return Verdict(kind=Kind.WRONG if differences else Kind.PASSED, detail="; ".join(differences))


@cache
def document(source: str) -> dict[str, Any]:
    """Return a file of cases, its numbers as exact decimals; nothing where it is absent."""
    path = FOLDER / f"{source}.json"
    return json.loads(path.read_text(), parse_float=Decimal, parse_int=Decimal) if path.exists() else {}


def is_other(source: str) -> bool:
    """Tell whether a file is another than the one that the tables list by id and the pages count."""
    return "CASES_FOLDER" in os.environ or document(source).get("split", OPEN) != OPEN


def number(text: object) -> Decimal:
    """Read a number from a case: a string or a number in JSON, never a float."""
    if isinstance(text, bool) or not isinstance(text, str | Decimal):
        raise Unread(f"{text!r} is not a number.")
    return Decimal(text)


def only(case: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    """Refuse what the adapter does not know."""
    unknown = sorted(set(case) - set(known))
    if unknown:
        raise Unread(f"{where} says {', '.join(unknown)}.")
