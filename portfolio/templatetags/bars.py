"""Draw shares against their targets, and prices on one line, as small SVG without a style attribute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any

from django import template

register = template.Library()

FULL = Decimal(100)
TENTH, HALF = Decimal("0.1"), Decimal("0.5")
NAME_SHARE = Decimal("0.45")
"""How much of a ladder's width a name beside its price may need on a telephone."""


@register.inclusion_tag("portfolio/partials/sleeve_bars.html")
def sleeve_bars(rows: Iterable[Any]) -> dict[str, Any]:
    """Draw one bar a sleeve: filled to the actual share, a tick at the target.

    All bars share one scale, so that their lengths compare; it ends at the next tenth above the largest share.
    """
    listed = [_fields(row, "label", "hue", "actual", "target", "note") for row in rows]
    scale = _scale([share for row in listed for share in (row["actual"], row["target"])])
    return {"rows": [_bar(row, scale) for row in listed]}


@register.inclusion_tag("portfolio/partials/price_ladder.html")
def price_ladder(points: Iterable[Any]) -> dict[str, Any]:
    """Draw prices such as liquidation, stop and entry on one line, lowest left."""
    listed = [_fields(point, "label", "price", "tone") for point in points]
    rungs = sorted((rung for rung in listed if rung["price"] is not None), key=lambda rung: rung["price"])
    if not rungs:
        return {"rungs": []}
    low, high = rungs[0]["price"], rungs[-1]["price"]
    places = [(rung["price"] - low) / (high - low) if high > low else HALF for rung in rungs]
    named = {side: _apart(places[side::2]) for side in (0, 1)}
    return {
        "rungs": [
            _rung(rung, places[number], label=named[number % 2][number // 2], is_above=number % 2 == 1)
            for number, rung in enumerate(rungs)
        ]
    }


def _fields(row: Any, *names: str) -> dict[str, Any]:
    if isinstance(row, Mapping):
        return {name: row.get(name) for name in names}
    return {name: getattr(row, name, None) for name in names}


def _scale(shares: list[Decimal | None]) -> Decimal:
    largest = max((share for share in shares if share is not None), default=TENTH)
    return max(TENTH, (largest / TENTH).to_integral_value(ROUND_CEILING) * TENTH)


def _bar(row: dict[str, Any], scale: Decimal) -> dict[str, Any]:
    return {**row, "width": _percent(row["actual"], scale), "tick": _percent(row["target"], scale)}


def _percent(share: Decimal | None, scale: Decimal) -> str:
    if share is None:
        return ""
    inside = min(max(share / scale, Decimal(0)), Decimal(1))
    return f"{inside * FULL:.2f}%"


def _apart(places: list[Decimal]) -> list[Decimal]:
    """Return where the names on one side of the line stand: as near to their prices as they stay readable."""
    gap = min(NAME_SHARE, 1 / Decimal(max(len(places) - 1, 1)))
    found: list[Decimal] = []
    for place in places:
        found.append(max(place, found[-1] + gap) if found else place)
    for number in range(len(found) - 1, -1, -1):
        most = found[number + 1] - gap if number + 1 < len(found) else Decimal(1)
        found[number] = min(found[number], most)
    return found


def _rung(rung: dict[str, Any], place: Decimal, *, label: Decimal, is_above: bool) -> dict[str, Any]:
    """Place a rung; every other one is named above the line, so that near prices do not run into each other."""
    anchor = "start" if label < Decimal("0.2") else "end" if label > Decimal("0.8") else "middle"
    return {
        **rung,
        "x": f"{Decimal(2) + place * 96:.2f}%",
        "label_x": f"{Decimal(2) + label * 96:.2f}%",
        "anchor": anchor,
        "is_above": is_above,
        "tone": rung["tone"] or "ink",
    }
