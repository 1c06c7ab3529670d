"""Name the colours of charts: a spec holds the light value, a page replaces it by the custom property of that name."""

from __future__ import annotations

PALETTE = {
    "ink": "#1d2329",
    "soft": "#57616b",
    "line": "#e4dfd6",
    "edge": "#8c8579",
    "sheet": "#ffffff",
    "wash": "#f3efe8",
    "gain": "#17754a",
    "loss": "#b3372b",
    "core": "#4a5560",
    "reserve": "#7a7162",
    "defi": "#0b766d",
    "ai": "#7050c4",
    "overlay": "#b04a10",
    "l2": "#2563b8",
    "rwa": "#616f12",
    "meme": "#b83a7a",
    "gaming": "#93520f",
    "depin": "#0b7393",
    "other": "#62677e",
}
"""Custom property (without dashes) to its light value, as in app.css; a test holds the two together."""

ALIASES = {"stable": "reserve", "l1": "l2"}
NAME_OF = {colour: name for name, colour in PALETTE.items()}


def hue(slug: str) -> str:
    """Return the colour of a sleeve or sector; an unknown one gets the neutral hue."""
    return PALETTE.get(ALIASES.get(slug, slug), PALETTE["other"])
