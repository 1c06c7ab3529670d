"""Show amounts, shares, quantities and moments: round once, here, and never show a false sign."""

from __future__ import annotations

from datetime import UTC, date, datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from portfolio.domain import display
from portfolio.domain.display import HARD_SPACE, UNKNOWN, Amount

register = template.Library()

MISSING = mark_safe(f'<span class="missing" title="Not known">{UNKNOWN}</span>')


@register.filter
def usd(value: Amount, places: int = 2) -> str:
    """Show US dollars: $1,234.56 or −$1,234.56."""
    return _shown(display.usd(value, places))


@register.filter
def signed_usd(value: Amount, places: int = 2) -> str:
    """Show US dollars with their sign: +$1,234.56, and $0.00 without one."""
    return _shown(display.usd(value, places, is_signed=True))


@register.filter
def usd_short(value: Amount) -> str:
    """Show large US dollars in three figures: $1.24 bn."""
    return _shown(display.usd_short(value))


@register.filter
def price(value: Amount) -> str:
    """Show a price with more places the smaller it is: 64,210.00, 1.3470, 0.00001234."""
    return _shown(display.price(value))


@register.filter
def pct(value: Amount, places: int = 1) -> str:
    """Show a fraction as a percentage: 0.123 is 12.3%."""
    return _shown(display.pct(value, places))


@register.filter
def signed_pct(value: Amount, places: int = 1) -> str:
    """Show a fraction as a percentage with its sign: 0.123 is +12.3%."""
    return _shown(display.pct(value, places, is_signed=True))


@register.filter
def points(value: Amount, places: int = 1) -> str:
    """Show a difference of two shares in percentage points: 0.011 is 1.1 points."""
    return _shown(display.points(value, places))


@register.filter
def number(value: Amount, places: int = 1) -> str:
    """Show a plain number: 1,234.5."""
    return _shown(display.number(value, places))


@register.filter
def signed(value: Amount, places: int = 1) -> str:
    """Show a plain number with its sign: +6.7."""
    return _shown(display.number(value, places, is_signed=True))


@register.filter
def qty(value: Amount, step: Amount = None) -> str:
    """Show a quantity to the instrument's step, or with every place it has."""
    return _shown(display.qty(value, step))


@register.filter
def tone(value: Amount, places: int = 2) -> str:
    """Return the class of an outcome shown to so many places: gain, loss, or nothing for a zero and the unknown."""
    amount = display.rounded(value, places)
    if not amount:
        return ""
    return "gain" if amount > 0 else "loss"


@register.filter
def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """Show how long ago a moment was, or how soon it comes; the exact moment is the title."""
    if moment is None:
        return MISSING
    seconds = int(((now or timezone.now()) - moment).total_seconds())
    words = _span(abs(seconds))
    return _time(moment, _in_words(words, is_past=seconds >= 0))


@register.filter
def utc_time(moment: datetime | None) -> str:
    """Show a moment in UTC: 24 Nov 2026, 14:05 UTC."""
    return MISSING if moment is None else _time(moment, _clock(moment.astimezone(UTC)))


@register.filter
def local_time(moment: datetime | None) -> str:
    """Show a moment in the person's time zone: 24 Nov 2026, 15:05 CET."""
    return MISSING if moment is None else _time(moment, _clock(timezone.localtime(moment)))


@register.filter
def day(value: date | None) -> str:
    """Show a date: 24 Nov 2026."""
    if value is None:
        return MISSING
    return format_html('<time datetime="{}">{}</time>', f"{value:%Y-%m-%d}", display.day(value))


def _shown(text: str) -> str:
    return MISSING if text == UNKNOWN else text


def _span(seconds: int) -> str:
    if seconds < 60:
        return ""
    if seconds < 3600:
        return f"{seconds // 60}{HARD_SPACE}min"
    if seconds < 48 * 3600:
        return f"{seconds // 3600}{HARD_SPACE}h"
    return f"{seconds // 86400}{HARD_SPACE}days"


def _in_words(words: str, *, is_past: bool) -> str:
    if not words:
        return "just now" if is_past else "in a moment"
    return f"{words} ago" if is_past else f"in {words}"


def _clock(moment: datetime) -> str:
    return f"{display.day(moment)}, {moment:%H:%M} {moment.tzname()}"


def _time(moment: datetime, words: str) -> SafeString:
    exact = moment.astimezone(UTC)
    return format_html('<time datetime="{}" title="{}">{}</time>', f"{exact:%Y-%m-%dT%H:%M:%SZ}", _clock(exact), words)
