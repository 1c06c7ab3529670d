"""Hold what a live source says against what is known: a spike waits until it persists (F36)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import F

from portfolio.models import Market, Price, Quote
from signals.models import Quarantine
from signals.queries.live import latest_values
from signals.sources.base import EventRow, Observation, PriceRow, QuoteRow, ReadingRow
from signals.sources.live.base import Doubt, is_spike

CONFIRMATIONS = 3
NEARLY = 0.2
COMPARABLE = timedelta(days=7)
RATES = frozenset(
    {
        "fear_greed", "funding", "funding_venue", "funding_now", "taker_rate", "maker_rate", "maintenance_rate",
        "volume_venue", "category_breadth", "pool_yield", "stable_yield",
    }
)  # fmt: skip


@dataclass(slots=True)
class Screened:
    """What may be stored, by kind, and what is doubted."""

    prices: list[PriceRow] = field(default_factory=list)
    quotes: list[QuoteRow] = field(default_factory=list)
    readings: list[ReadingRow] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)


def screen(*, market: Market, source: str, rows: Sequence[Observation], now: datetime) -> Screened:
    """Sort rows into what may be stored and what jumps; a jump that persists is believed."""
    found = Screened(
        prices=[row for row in rows if isinstance(row, PriceRow)],
        quotes=[row for row in rows if isinstance(row, QuoteRow)],
        readings=[row for row in rows if isinstance(row, ReadingRow)],
        events=[row for row in rows if isinstance(row, EventRow)],
    )
    closes = _closes(market) if found.prices or found.quotes else {}
    _screen_prices(found, closes)
    _screen_quotes(found, market, source, closes, now)
    _screen_readings(found, market, source, now)
    return found


def _screen_prices(found: Screened, stored: dict[str, float]) -> None:
    """Doubt a first close that jumps from the stored one, unless two later closes confirm the level."""
    by_asset: dict[str, list[PriceRow]] = {}
    for row in sorted(found.prices, key=lambda row: row.day):
        by_asset.setdefault(row.asset, []).append(row)
    kept: list[PriceRow] = []
    for asset, ours in by_asset.items():
        before = stored.get(asset)
        if before is not None and not _is_confirmed(before, [float(row.price) for row in ours[:CONFIRMATIONS]]):
            found.doubts += [
                Doubt("spike", f"close {asset}", f"{row.price} after {before:g}", float(row.price)) for row in ours[:1]
            ]
        else:
            kept += ours
    found.prices = kept


def _is_confirmed(before: float, values: list[float]) -> bool:
    """Return whether a level follows from the one before, or three values in a row agree on it."""
    if not is_spike(values[0], before):
        return True
    return len(values) == CONFIRMATIONS and not any(is_spike(value, values[0]) for value in values)


def _closes(market: Market) -> dict[str, float]:
    """Return the newest stored close of each asset, of the week before the newest of all."""
    newest = Price.objects.filter(market=market).order_by("-date").values_list("date", flat=True).first()
    if newest is None:
        return {}
    recent = Price.objects.filter(market=market, date__gt=newest - COMPARABLE).order_by("date")
    return {symbol: float(price) for symbol, price in recent.values_list("asset__symbol", "price_usd")}


def _screen_quotes(found: Screened, market: Market, source: str, closes: dict[str, float], now: datetime) -> None:
    """Doubt a quote that jumps from the newest quote, else from the newest close."""
    if not found.quotes:
        return
    recent = Quote.objects.filter(market=market, quoted_at__gte=now - COMPARABLE)
    known = closes | {symbol: float(price) for symbol, price in recent.values_list("asset__symbol", "price_usd")}
    kept: list[QuoteRow] = []
    for row in found.quotes:
        before = known.get(row.asset)
        jump = _jump(f"quote {row.asset}", float(row.price), before, row.at)
        if jump is None or _persists(market, source, jump):
            kept.append(row)
        else:
            found.doubts.append(jump)
    found.quotes = kept


def _screen_readings(found: Screened, market: Market, source: str, now: datetime) -> None:
    """Doubt a reading of an amount that jumps from the newest one."""
    amounts = {row.indicator for row in found.readings} - RATES
    if not amounts:
        return
    known = latest_values(market=market, indicators=amounts, now=now)
    kept: list[ReadingRow] = []
    for row in found.readings:
        before = known.get((row.indicator, row.subject)) if row.indicator in amounts else None
        jump = _jump(f"{row.indicator} {row.subject}".strip(), row.value, before, row.observed_at)
        if jump is None or _persists(market, source, jump):
            kept.append(row)
        else:
            found.doubts.append(jump)
    found.readings = kept


def _jump(subject: str, value: float, before: float | None, at: datetime) -> Doubt | None:
    """Return the doubt about a value that is too far from the one before."""
    if not before or not is_spike(value, before):
        return None
    return Doubt("spike", subject, f"{value:g} after {before:g}", value, at)


def _persists(market: Market, source: str, jump: Doubt) -> bool:
    """Return whether the same level was said twice before by this source, or once by another; it is logged then."""
    waiting = Quarantine.objects.filter(
        market=market, reason=Quarantine.Reason.SPIKE, subject=jump.subject, accepted_at=None
    )
    for row in waiting:
        is_near = row.value is not None and jump.value is not None and abs(row.value / jump.value - 1) <= NEARLY
        is_further = row.source == source and row.said_at != jump.said_at and row.streak + 1 >= CONFIRMATIONS
        if is_near and (is_further or row.source != source):
            waiting.update(accepted_at=jump.said_at, streak=F("streak") + 1)
            return True
    return False


def quarantine(*, market: Market, source: str, doubts: Sequence[Doubt], now: datetime) -> int:
    """Write down what is not believed; repeats are counted, a streak counts moments of nearly one value."""
    for doubt in doubts:
        same = {"market": market, "source": source, "reason": doubt.reason, "subject": doubt.subject[:120]}
        row, is_new = Quarantine.objects.get_or_create(
            **same, defaults={**_said(doubt), "first_at": now, "last_at": now}
        )
        if is_new:
            continue
        repeated = row.said_at == doubt.said_at
        is_near = bool(row.value and doubt.value) and abs(row.value / doubt.value - 1) <= NEARLY  # type: ignore[operator]
        streak = row.streak + (not repeated) if is_near and row.accepted_at is None else 1
        changed = {**_said(doubt), "count": F("count") + 1, "last_at": now, "streak": streak, "accepted_at": None}
        Quarantine.objects.filter(pk=row.pk).update(**changed)
    return len(doubts)


def _said(doubt: Doubt) -> dict[str, object]:
    """Return what was said."""
    return {"detail": doubt.detail[:300], "value": doubt.value, "said_at": doubt.said_at}
