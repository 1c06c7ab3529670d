"""Draw the frame of every page: icons, navigation links and the chosen theme."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

ICONS = {
    "today": '<circle cx="10" cy="10" r="7"/><path d="M10 6v4l2.6 1.8"/>',
    "market": '<path d="M3 16h14M4.5 13l3.5-4 3 2.5L16 5"/>',
    "recommendations": '<circle cx="10" cy="10" r="7"/><path d="m12.8 7.2-1.7 3.9-3.9 1.7 1.7-3.9z"/>',
    "journal": '<path d="M5 3.5h9.5v13H5a1.5 1.5 0 0 1 0-3h9.5M5 3.5A1.5 1.5 0 0 0 3.5 5v10M7 7h4.5"/>',
    "portfolio": '<path d="M10 3a7 7 0 1 0 7 7h-7z"/><path d="M13 3.7A7 7 0 0 1 16.3 7H13z"/>',
    "settings": '<path d="M3 6h7M14 6h3M3 14h3M10 14h7"/><circle cx="12" cy="6" r="2"/><circle cx="8" cy="14" r="2"/>',
    "plus": '<path d="M10 4v12M4 10h12"/>',
    "copy": '<rect x="7" y="7" width="9.5" height="9.5" rx="1.5"/><path d="M13 4.5V4H4v9h.5"/>',
    "check": '<path d="m4 10.5 4 4 8-9"/>',
    "warning": '<path d="M10 3.5 17.5 16h-15zM10 8v4M10 13.8v.2"/>',
    "arrow": '<path d="M4 10h12M11.5 5.5 16 10l-4.5 4.5"/>',
    "close": '<path d="m5 5 10 10M15 5 5 15"/>',
}
"""Our own drawings on a 20 by 20 grid, stroked in the colour of the text."""


@register.simple_tag
def icon(name: str, size: int = 20) -> SafeString:
    """Draw an icon that repeats what the words beside it say."""
    return format_html(
        '<svg class="icon" width="{0}" height="{0}" viewBox="0 0 20 20" aria-hidden="true">{1}</svg>',
        size,
        mark_safe(ICONS[name]),
    )


@register.simple_tag(takes_context=True)
def theme(context: dict[str, Any]) -> str:
    """Return "light" or "dark" when the person chose one, else an empty string."""
    request = context.get("request")
    chosen = request.COOKIES.get("theme", "") if request else ""
    if not chosen:
        chosen = getattr(context.get("user"), "theme", "")
    return chosen if chosen in {"light", "dark"} else ""


@register.inclusion_tag("partials/nav_link.html", takes_context=True)
def nav_link(context: dict[str, Any], view: str, label: str, **options: Any) -> dict[str, Any]:
    """Link to a view, marked as current on its own page and on those whose paths start with `also`.

    A view that is not routed yet leaves no trace, so that pages can be built in any order.
    """
    try:
        url = reverse(view)
    except NoReverseMatch:
        return {}
    path = getattr(context.get("request"), "path", "")
    prefixes = [*options.pop("also", "").split(), *([url] if url != "/" else [])]
    current = path == url or any(path.startswith(prefix) for prefix in prefixes)
    return {"url": url, "label": label, "current": current, **options}
