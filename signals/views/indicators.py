"""Show the indicators: all of them with how fresh they are, and one with its history, its readings and its versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portfolio.models import Market, Sector
from portfolio.queries.catalogue import priced_markets
from portfolio.queries.paging import newest_first
from portfolio.views.access import Desk, desk_of
from signals.charts import HistoryLine, history_chart
from signals.domain.indicators import CATALOGUE
from signals.domain.params import DEFAULTS
from signals.queries.indicators import (
    OF_EVENTS,
    OF_PRICES,
    READINGS_OF,
    REGIME,
    IndicatorDay,
    fresh_by,
    indicator_days,
    known_readings,
    measured,
    places_of,
    price_sources,
    subjects_of,
)
from signals.queries.market import last_closed, market_past
from signals.queries.standing import stale_notice
from signals.views import words
from signals.views.asked import asked_as_of, chosen_market, seen_from
from signals.views.cards import narrative_cards, regime_card
from signals.views.words import exact

CHART_DAYS = 365
PAGE_DAYS = 30
PAGE_READINGS = 25


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Hold what a page about one indicator is asked for."""

    market: Market
    name: str
    place: str
    sector: Sector | None
    asked: datetime | None
    moment: datetime
    now: datetime


@login_required
@require_safe
def indicators(request: HttpRequest) -> HttpResponse:
    """List every indicator of a market's newest day, or of the day that was asked for."""
    desk, context, chosen = _market(request)
    if chosen is not None:
        asked = asked_as_of(request)
        past = market_past(market=chosen, moment=seen_from(chosen, asked=asked, now=desk.now), days=0)
        context |= {"asked": asked, "stale": None if asked else stale_notice(market=chosen, now=desk.now)}
        if past is not None:
            regime = regime_card(past.day.regime)
            scored = [
                (card.sector.slug, card.sector.name, card.sector.hue, card.score) for card in narrative_cards(past)
            ]
            context |= {"day": past.day, "groups": [*scored, (REGIME, "Regime", "", regime)]}
    return render(request, "signals/indicators.html", context)


@login_required
@require_safe
def indicator(request: HttpRequest) -> HttpResponse:
    """Show one indicator: its history, where it comes from, how fresh it is, and every version of its readings."""
    desk, context, chosen = _market(request)
    name = request.GET.get("name", "")
    if chosen is None or name not in measured():
        raise Http404
    sectors = list(Sector.objects.filter(kind=Sector.Kind.NARRATIVE))
    asked = _asked(request, chosen, name, sectors, desk.now)
    context |= {
        "asked": asked.asked,
        "name": words.indicator_name(name),
        "code": name,
        "place": asked.place,
        "sector": asked.sector,
        "places": _places(places_of(name, sectors=sectors, params=DEFAULTS), sectors),
        "spec": CATALOGUE[name],
        **_history(asked, before=_day(request.GET.get("before", ""))),
        **_readings(asked, request.GET),
    }
    return render(request, "signals/indicator.html", context)


def _market(request: HttpRequest) -> tuple[Desk, dict[str, Any], Market | None]:
    desk = desk_of(request)
    markets = list(priced_markets())
    chosen = chosen_market(request, desk, markets)
    return desk, {**desk.context, "market": chosen, "markets": markets}, chosen


def _asked(request: HttpRequest, market: Market, name: str, sectors: Sequence[Sector], now: datetime) -> Asked:
    """Read where the indicator counts; by default the first narrative that has it."""
    places = places_of(name, sectors=sectors, params=DEFAULTS)
    place = request.GET.get("sector", "") or places[0]
    if place not in places:
        raise Http404
    asked = asked_as_of(request)
    return Asked(
        market=market,
        name=name,
        place=place,
        sector=next((sector for sector in sectors if sector.slug == place), None),
        asked=asked,
        moment=seen_from(market, asked=asked, now=now),
        now=market.clock(now),
    )


def _places(slugs: Sequence[str], sectors: Sequence[Sector]) -> list[tuple[str, str]]:
    names = {sector.slug: sector.name for sector in sectors}
    return [(slug, names.get(slug, "Regime")) for slug in slugs]


def _history(asked: Asked, *, before: date | None) -> dict[str, Any]:
    """Return the chart of a year, the day asked for beside the newest, and a page of days. Up to three queries."""
    terms: dict[str, Any] = {"market": asked.market, "name": asked.name, "sector": asked.sector}
    year = indicator_days(**terms, moment=asked.now, before=None, limit=CHART_DAYS)
    if asked.asked is None and before is None:
        listed = year[: PAGE_DAYS + 1]
    else:
        listed = indicator_days(**terms, moment=asked.moment, before=before, limit=PAGE_DAYS + 1)
    then = listed[0] if asked.asked is not None and before is None and listed else None
    newest = year[0] if year else None
    return {
        "chart": history_chart(line=_line(asked, year)),
        "newest": None if newest is None else _row(newest),
        "fresh_now": _fresh(asked, newest),
        "then": None if then is None else _row(then),
        "days": [_row(day) for day in listed[:PAGE_DAYS]],
        "next_day": listed[PAGE_DAYS - 1].date.isoformat() if len(listed) > PAGE_DAYS else "",
        "sources": _sources(asked, newest),
        "is_of_events": asked.name in OF_EVENTS,
    }


def _fresh(asked: Asked, newest: IndicatorDay | None) -> Any:
    """Return how fresh the newest reading is this moment, None where that is no question."""
    found = None if newest is None else fresh_by(asked.name, newest, moment=asked.now, params=DEFAULTS)
    return None if found is None else exact(found)


def _sources(asked: Asked, newest: IndicatorDay | None) -> list[str]:
    """Return where the newest day's value came from. At most one query."""
    if newest is None:
        return []
    if asked.name in OF_PRICES:
        day = min(newest.date, last_closed(asked.now))
        return price_sources(market=asked.market, sector=asked.sector, day=day)
    return [source for source in [newest.record.get("source", "")] if source]


def _line(asked: Asked, year: Sequence[IndicatorDay]) -> HistoryLine:
    """Return a year of days to draw, oldest first; a day without freshness is a gap."""
    text = words.FORMATS.get(asked.name)
    return HistoryLine(
        slug="indicator",
        name=words.indicator_name(asked.name),
        unit=CATALOGUE[asked.name].unit,
        hue=asked.sector.hue if asked.sector else "ink",
        places="+.0%" if text in words.PERCENTAGES else ".2~f",
        days=[
            (day.date, _known(day.record), words.raw_text(asked.name, day.record.get("raw"))) for day in reversed(year)
        ],
    )


def _known(record: Mapping[str, Any]) -> float | None:
    return record.get("raw") if record.get("freshness", 1.0) > 0 else None


def _row(day: IndicatorDay) -> dict[str, Any]:
    """Return a day as it is shown."""
    record = day.record
    return {
        "date": day.date,
        "raw": words.raw_text(record["indicator"], record.get("raw")),
        "version": day.params_version,
        "observed_at": _moment(record.get("observed_at")),
        "reason": words.REASONS.get(record.get("reason", ""), record.get("reason", "")),
        "z": exact(record.get("z", 0.0)),
        "freshness": exact(record.get("freshness", 0.0)),
        "weight": exact(record.get("weight", 0.0)),
        "points": exact(record.get("points", 0.0)),
    }


def _readings(asked: Asked, query: Mapping[str, str]) -> dict[str, Any]:
    """Return a page of the readings behind an indicator, each version a row. Two queries."""
    names = READINGS_OF.get(asked.name, ())
    if not names:
        return {"readings": None}
    reading = query.get("reading", "") if query.get("reading", "") in names else names[0]
    subjects = subjects_of(market=asked.market, indicator=reading)
    subject = _subject(query.get("subject", ""), subjects, asked)
    known = known_readings(market=asked.market, moment=asked.moment, indicator=reading, subject=subject)
    page = newest_first(known, moment="observed_at", tie="id", cursor=query.get("older", ""), size=PAGE_READINGS)
    return {
        "readings": [{"it": row, "value": words.reading_text(row.value)} for row in page.rows],
        "reading": reading,
        "reading_names": names,
        "subject": subject,
        "subjects": subjects,
        "older": page.next_cursor,
    }


def _subject(wanted: str, subjects: Sequence[str], asked: Asked) -> str:
    """Return whose readings are listed: those asked for, else the sector's, else the first."""
    of_sector = [] if asked.sector is None else [s for s in subjects if s.split("/")[0] == asked.sector.slug]
    return wanted if wanted in subjects else next(iter([*of_sector, *subjects]), "")


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _day(text: str) -> date | None:
    """Read a cursor; a bad one starts anew."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
