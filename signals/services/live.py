"""Refresh the live market source by source: ask, screen, store, quarantine; one job a source and slot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from jobs.models import Job
from jobs.services import claim_slot, enqueue
from portfolio.models import Market
from portfolio.services.catalogue import LIVE_SLUG
from signals.models import SourcePoll, SourceState
from signals.queries.live import (
    aliases,
    chosen_feeds,
    latest_values,
    narratives,
    newest_closes,
    newest_readings,
    sector_names,
)
from signals.queries.readings import EVENT_COVERAGE
from signals.services.combining import combine_venues
from signals.services.events import propose
from signals.services.prices import Stored, store_prices, store_quotes, store_readings
from signals.services.screening import Screened, quarantine, screen
from signals.sources.base import Observation, ReadingRow
from signals.sources.fetch import Fetcher
from signals.sources.live.base import Confirmed, Doubt, Looked, Scope, Skipped
from signals.sources.live.registry import OPTIONAL, SOURCES, Listed, enabled_sources

SOURCE_TASK = "signals.refresh_source"


class UnknownSourceError(LookupError):
    """No source of this name is listed."""


@dataclass(slots=True)
class LiveReport:
    """Tell what one refresh of one source did."""

    source: str
    requests: int = 0
    observed: int = 0
    looked: int = 0
    stored: Stored = field(default_factory=Stored)
    doubts: list[Doubt] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def has_failed(self) -> bool:
        """Return whether nothing could be had: no part of it answered soundly, and something was wrong."""
        return not (self.observed or self.looked) and bool(self.doubts or self.skipped)

    def __str__(self) -> str:
        """Say it in one sentence, with the first reason where nothing could be had."""
        said = (
            f"{self.source}: {self.requests} requests, {self.observed} fetched, {self.stored.added} stored, "
            f"{self.stored.restated} restated, {self.stored.unchanged} known already, "
            f"{len(self.doubts)} quarantined, {len(self.skipped)} skipped"
        )
        reasons = [doubt.detail for doubt in self.doubts] + [each.reason for each in self.skipped]
        return f"{said}; nothing could be had: {reasons[0]}" if self.has_failed else said


def listed(name: str) -> Listed:
    """Return a source by its name. Raises UnknownSourceError."""
    found = next((source for source in SOURCES + OPTIONAL if source.name == name), None)
    if found is None:
        known = ", ".join(source.name for source in SOURCES + OPTIONAL)
        raise UnknownSourceError(f"There is no source {name!r}. Known are: {known}.")
    return found


def refresh_source(*, market: Market, source: Listed, now: datetime, fetcher: Fetcher | None = None) -> LiveReport:
    """Ask one source and keep what is sound; repeating adds nothing.

    Asking happens outside transactions, storing in one: a worker that dies leaves nothing half stored.
    """
    ask = fetcher or Fetcher(source.policy, now)
    rows: list[Observation] = []
    report = LiveReport(source.name)
    for found in source.source.observations(ask, scope_of(market=market, source=source, now=now)):
        match found:
            case Doubt():
                report.doubts.append(found)
            case Skipped():
                report.skipped.append(found)
            case Looked():
                report.looked += 1
            case Confirmed():
                rows += _as_before(market, source.name, found, now=now)
            case _:
                rows.append(found)
    report.requests, report.observed = ask.requests, len(rows)
    _keep(market, source, ask, rows, report, now=now)
    return report


def _as_before(market: Market, source: str, found: Confirmed, *, now: datetime) -> list[Observation]:
    """Return the newest values again, as of now: a source that says "not modified" says that they still hold."""
    known = latest_values(market=market, indicators=[found.indicator], now=now)
    return [
        ReadingRow(found.indicator, subject, found.at, now, known[found.indicator, subject], source)
        for subject in found.subjects
        if (found.indicator, subject) in known
    ]


def scope_of(*, market: Market, source: Listed, now: datetime) -> Scope:
    """Return what a source is asked about: our assets by its names, our narratives, and what is there already."""
    return Scope(
        now=now,
        aliases=aliases(source=source.name, names=source.names),
        sectors=narratives(market=market, on=now.astimezone(UTC).date()),
        newest=newest_closes(market=market),
        newest_reading=newest_readings(market=market, seldom=source.seldom, now=now),
        sector_names=sector_names(source=source.name, names=source.sector_names),
        feeds=chosen_feeds(),
        address=settings.SOURCE_ADDRESSES.get(source.name, ""),
        key=settings.COINGECKO_DEMO_KEY if source.name == "coingecko" else "",
    )


@transaction.atomic
def _keep(
    market: Market, source: Listed, ask: Fetcher, rows: list[Observation], report: LiveReport, *, now: datetime
) -> None:
    """Store what passed, write down what did not, and whether the source was any good this time."""
    Market.objects.select_for_update().get(pk=market.pk)
    screened = screen(market=market, source=source.name, rows=rows, now=now)
    report.doubts += screened.doubts
    report.stored = _store(market, screened, report, now=now)
    quarantine(market=market, source=source.name, doubts=report.doubts, now=now)
    if not report.has_failed:
        ask.remember()
        _note_success(market, source, ask, now=now)
    _note_poll(market, report, now=now)


def _store(market: Market, screened: Screened, report: LiveReport, *, now: datetime) -> Stored:
    """Store by kind; what the store refuses is a doubt too."""
    stored = Stored()
    for rows, done, reason in (
        (screened.prices, store_prices(market=market, rows=screened.prices, now=now), "conflict"),
        (screened.readings, store_readings(market=market, rows=screened.readings, now=now), "value"),
        (screened.quotes, store_quotes(market=market, rows=screened.quotes), "unknown"),
        (screened.events, propose(market=market, rows=screened.events, now=now), "unknown"),
    ):
        report.doubts += _refused(rows, done, reason)
        stored += done
    combine_venues(market=market, rows=stored.fresh, now=now)
    return stored


def _refused(rows: Sequence[Any], stored: Stored, reason: str) -> list[Doubt]:
    """Turn refusals into doubts."""
    return [
        Doubt(reason, str(getattr(rows[each.position], "asset", each.column))[:120], each.reason)
        for each in stored.refused
    ]


def _note_success(market: Market, source: Listed, ask: Fetcher, *, now: datetime) -> None:
    """Close the circuit, and note that somebody looked for news, so that silence counts (DECISIONS 21)."""
    if ask.requests:
        ask.succeed()
    hour = now.replace(minute=0, second=0, microsecond=0)
    looked = [ReadingRow(EVENT_COVERAGE, kind, hour, now, 1.0, source.name) for kind in source.event_types]
    store_readings(market=market, rows=looked, now=now)


def _note_poll(market: Market, report: LiveReport, *, now: datetime) -> None:
    """Keep when the source was asked, and when it last was of use."""
    reasons = [doubt.detail for doubt in report.doubts] + [each.reason for each in report.skipped]
    changed: dict[str, Any] = {"polled_at": now, "message": (reasons or [""])[0][:300]}
    if not report.has_failed:
        changed["succeeded_at"] = now
    SourcePoll.objects.update_or_create(market=market, source=report.source, defaults=changed)


@transaction.atomic
def queue_live(*, now: datetime) -> list[Job]:
    """Queue each source whose slot has come, once however many ask; without a live market nothing is asked.

    The slot and its job are one transaction; a job whose worker dies is given to another by the drain.
    """
    if not Market.objects.filter(slug=LIVE_SLUG).exists():
        return []
    resting = set(SourceState.objects.filter(open_until__gt=now).values_list("name", flat=True))
    return [
        enqueue(task=SOURCE_TASK, now=now, args={"source": source.name}, unique_key=f"{SOURCE_TASK}:{source.name}")
        for source in enabled_sources()
        if source.name not in resting and claim_slot(job=f"{SOURCE_TASK}:{source.name}", every=source.every, now=now)
    ]
