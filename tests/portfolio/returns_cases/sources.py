"""Read the cases of other systems beside the project, and say by rule which are not about what Rotabook measures."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(os.environ.get("CASES_FOLDER") or Path(__file__).resolve().parents[4] / "shared" / "cases")
Case = dict[str, Any]


class Listed(LookupError):
    """Say by which documented convention, or as which method that Rotabook lacks, a case is listed."""


def cases(source: str) -> list[Case]:
    """Return the cases of a source; none where the folder is absent."""
    path = FOLDER / f"{source}.json"
    found: list[Case] = json.loads(path.read_text())["cases"] if path.exists() else []
    return found


def differences(given: Any, wanted: Any, *, tolerance: float, relative: float = 0.0) -> list[str]:
    """Return where two answers differ, figure by figure; null and NaN are the same, as are equal infinities."""
    mine, theirs = list(_flat(given)), list(_flat(wanted))
    if len(mine) != len(theirs):
        return [f"{len(mine)} figures, not {len(theirs)}"]
    return [
        f"{place}: {mine[place]}, not {theirs[place]}"
        for place in range(len(mine))
        if not _is_same(mine[place], theirs[place], tolerance, relative)
    ]


def _flat(answer: Any) -> Iterable[float | str]:
    if isinstance(answer, dict):
        names = sorted(answer)
        for name in names:
            yield from _flat(answer[name])
    elif isinstance(answer, list | tuple | np.ndarray):
        for each in answer:
            yield from _flat(each)
    elif answer is None:
        yield math.nan
    elif isinstance(answer, str) and not _is_number(answer):
        yield answer
    else:
        yield float(answer)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_same(mine: float | str, theirs: float | str, tolerance: float, relative: float) -> bool:
    if isinstance(mine, str) or isinstance(theirs, str):
        return mine == theirs
    if math.isnan(mine) or math.isnan(theirs):
        return math.isnan(mine) and math.isnan(theirs)
    return mine == theirs or abs(mine - theirs) <= max(tolerance, relative * abs(theirs))
