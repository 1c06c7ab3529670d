"""Read once what every question about one portfolio is answered from, and keep it for a minute."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from django.core.cache.backends.locmem import LocMemCache
from django.db.models import Subquery

from portfolio.models import (
    CoreQuantity,
    FeeSchedule,
    ManualPrice,
    Market,
    Policy,
    Portfolio,
    Price,
    Quote,
    SectorMembership,
)
from signals.models import Evidence, Recommendation
from signals.queries.books import Books, Span, books
from signals.queries.recommendations import ACCEPTED, resolved_count
from signals.queries.reference import Reference, reference
from signals.queries.situation import Situation, UnknownMomentError, situation

KEPT_FOR_S = 60
MOST_KEPT = 200
memory = LocMemCache("what-if", {"TIMEOUT": KEPT_FOR_S, "OPTIONS": {"MAX_ENTRIES": MOST_KEPT}})
"""Each process remembers for itself: a broker that is down or frozen keeps no question waiting."""

OWN_COLUMNS = ("ledger_version", "is_active", "venue_id", "owner__experience", "owner__has_overlay")
Kept = TypeVar("Kept")


class NothingToAskError(LookupError):
    """The engine answers nothing for this portfolio: it rests, or it has no policy in force."""


class VenueTerms(NamedTuple):
    """Name a venue, since when its published rates hold, and where they were read; None where none is stored."""

    pk: int
    slug: str
    name: str
    since: datetime | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketGround:
    """Hold what all portfolios of a market are answered from at one moment."""

    reference: Reference
    found: Situation
    resolved: int
    venues: Sequence[VenueTerms]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Hold what one portfolio is answered from, as `recommend` reads it for the market's newest slot."""

    portfolio: Portfolio
    span: Span
    market: MarketGround
    books: Books


def ground_of(*, portfolio: Portfolio, now: datetime) -> Ground:
    """Return what a portfolio is answered from; one query while nothing changed within the last minute.

    Raises `UnknownMomentError` where its market was not computed, `NothingToAskError` where it gets no answers.
    """
    moment = portfolio.clock(now)
    as_of, of_market, of_portfolio = _marks(portfolio, moment)
    span = Span(portfolio.market, portfolio.pk, portfolio.pk)
    market = _kept(("market", *of_market), lambda: _market_ground(portfolio.market, as_of=as_of, moment=moment))
    read = _kept(("books", *of_market, *of_portfolio), lambda: _books(span, market))
    if not read.owners:
        raise NothingToAskError("This portfolio rests or has no policy, so the engine answers nothing for it.")
    return Ground(portfolio=portfolio, span=span, market=market, books=read)


def _kept(mark: tuple[Any, ...], read: Callable[[], Kept]) -> Kept:
    """Return what is remembered under a mark, read anew where nothing is."""
    key = hashlib.sha256(repr(mark).encode()).hexdigest()
    found: Kept | None = memory.get(key)
    if found is None:
        found = read()
        memory.set(key, found)
    return found


def _market_ground(market: Market, *, as_of: datetime, moment: datetime) -> MarketGround:
    """Read a market's ground; the evidence's payload stays behind, the engine does not look at it."""
    shared = reference(market=market, moment=moment)
    found = situation(market=market, as_of=as_of, reference=shared)
    return MarketGround(
        reference=shared,
        found=replace(found, day=replace(found.day, evidence=None)),
        resolved=resolved_count(market=market, moment=shared.moment),
        venues=_venues(shared),
    )


def _books(span: Span, market: MarketGround) -> Books:
    """Read one portfolio as a chunk of one."""
    return books(span=span, reference=market.reference, found=market.found)


def _venues(shared: Reference) -> list[VenueTerms]:
    """Return the venues by name, each with the younger of its rates in force; the rates are the reference's."""
    newest = {venue: (starts_at, source) for starts_at, venue, _, _, source in shared.fees}
    return [VenueTerms(pk, slug, name, *newest.get(pk, (None, ""))) for pk, slug, name in shared.venues]


def _marks(portfolio: Portfolio, moment: datetime) -> tuple[datetime, tuple[Any, ...], tuple[Any, ...]]:
    """Return the newest scored close, and what a market's and a portfolio's ground depend on. One query."""
    market = portfolio.market
    own = Portfolio.objects.filter(pk=portfolio.pk)
    of_market, of_own = _market_marks(market, moment), _own_marks(portfolio)
    row: dict[str, Any] = own.annotate(**of_market, **of_own).values(*of_market, *of_own, *OWN_COLUMNS).get()
    if row["as_of"] is None:
        raise UnknownMomentError(f"{market} has no frozen evidence yet.")
    own_marks = (row[name] for name in (*of_own, *OWN_COLUMNS))
    return row["as_of"], (market.pk, *(row[name] for name in of_market)), (portfolio.pk, *own_marks)


def _market_marks(market: Market, moment: datetime) -> dict[str, Subquery]:
    """Return what changes with a market: its newest evidence, close, quote, membership and fee schedule."""
    evidence = Evidence.objects.filter(market=market, as_of__lte=moment).order_by("-as_of")
    return {
        "as_of": Subquery(evidence.values("as_of")[:1]),
        "computed_at": Subquery(evidence.values("computed_at")[:1]),
        "sha": Subquery(evidence.values("sha256")[:1]),
        "price": Subquery(Price.objects.filter(market=market).order_by("-date", "-pk").values("pk")[:1]),
        "quoted_at": Subquery(Quote.objects.filter(market=market).order_by("-quoted_at").values("quoted_at")[:1]),
        "member": Subquery(SectorMembership.objects.filter(market=market).order_by("-pk").values("pk")[:1]),
        "fee": Subquery(FeeSchedule.objects.order_by("-pk").values("pk")[:1]),
    }


def _own_marks(portfolio: Portfolio) -> dict[str, Subquery]:
    """Return what changes with a portfolio beside its ledger's version: policy, core, own prices, what was followed."""
    accepted = Recommendation.objects.filter(portfolio=portfolio, state__in=ACCEPTED).order_by("-closed_at")
    return {
        "policy": Subquery(Policy.objects.filter(portfolio=portfolio).order_by("-pk").values("pk")[:1]),
        "core": Subquery(CoreQuantity.objects.filter(portfolio=portfolio).order_by("-pk").values("pk")[:1]),
        "manual": Subquery(ManualPrice.objects.filter(portfolio=portfolio).order_by("-pk").values("pk")[:1]),
        "accepted": Subquery(accepted.values("pk")[:1]),
    }
