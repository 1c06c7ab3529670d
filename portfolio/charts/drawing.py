"""Turn a Vega-Lite spec into an inline SVG that follows the page's theme (the one module that wraps vl-convert)."""

from __future__ import annotations

import hashlib
import json
import re
from html import escape
from typing import Any

from portfolio.charts.palette import NAME_OF
from portfolio.kept import kept

VEGA_LITE = "6.4"
KEPT_FOR_S = 7 * 24 * 3600
DRAWING = "1"
"""Part of the cache key: raise it when the same spec is to be drawn in another way."""

_NOISE = re.compile(r' (?:class|role|aria-[a-z]+|font-family|xmlns:xlink|pointer-events)="[^"]*"')
_COORDINATES = re.compile(r' (?:d|transform|x|y|x1|x2|y1|y2|width|height)="[^"]*"')
_PLACES = re.compile(r"(\.\d)\d+")
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_EMPTY = re.compile(
    r'<g(?: [^>]*)?></g>|<g(?: [^>]*)?/>|<path d="(?:M0,0h[\d.]+v[\d.]+h-?[\d.]+Z)?"(?: display="none")?/>'
)
_ID = re.compile(r'((?:id="|url\(#)(?:clip|gradient)[_a-z]*)(\d+)')


class ChartError(Exception):
    """The chart could not be drawn; the table behind it still can."""


def render(spec: dict[str, Any], *, width: int) -> str:
    """Draw a spec `width` pixels wide, from the cache where the same data was drawn before.

    The key is a digest of the spec with its data, so that new data is a new picture and nothing needs to be cleared.
    Must not be called before a fork: a child forked after the first use of vl-convert hangs.
    """
    text = json.dumps({**spec, "width": width}, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(f"{DRAWING}:{text}".encode()).hexdigest()[:32]
    return kept(
        f"chart:{digest}",
        seconds=KEPT_FOR_S,
        make=lambda: themed(_draw(text), label=spec.get("description", ""), suffix=digest[:8]),
    )


def picture_of(spec: dict[str, Any], *, width: int) -> str:
    """Draw a spec in the light palette as an SVG that stands by itself, for print, from the cache as above."""
    text = json.dumps({**spec, "width": width}, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(f"{DRAWING}:{text}".encode()).hexdigest()[:32]
    return kept(f"print:{digest}", seconds=KEPT_FOR_S, make=lambda: _draw(text))


def themed(svg: str, *, label: str, suffix: str) -> str:
    """Make an SVG follow the page: custom properties for colours, the page's font, one accessible name."""
    slim = _COORDINATES.sub(lambda match: _PLACES.sub(r"\1", match[0]), _NOISE.sub("", svg))
    while (lighter := _EMPTY.sub("", slim)) != slim:
        slim = lighter
    coloured = _COLOUR.sub(lambda match: _as_property(match[0]), slim)
    unique = _ID.sub(rf"\1\2-{suffix}", coloured)
    return unique.replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1)


def explorer_script() -> str:
    """Write the interactive bundle (Vega, Vega-Lite, Vega-Embed with its interpreter) as one ES module."""
    import vl_convert

    return str(vl_convert.javascript_bundle("export default vegaEmbed;", vl_version=VEGA_LITE))


def _draw(text: str) -> str:
    import vl_convert

    try:
        return str(vl_convert.vegalite_to_svg(text, vl_version=VEGA_LITE, allowed_base_urls=[]))
    except ValueError as error:
        raise ChartError(str(error)[:300]) from error


def _as_property(colour: str) -> str:
    name = NAME_OF.get(colour)
    return f"var(--{name})" if name else colour
