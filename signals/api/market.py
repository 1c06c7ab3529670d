"""Answer what is known of a market, now or at a moment: scores, regime, indicators, readings, events, data health."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from portfolio.api.conditional import conditional, tag_of
from portfolio.api.filters import PAGE, StrictViewSet
from portfolio.api.viewsets import KNOWN
from portfolio.models import Market, Sector
from signals.api import market_serializers as shapes
from signals.api.asked import (
    AS_OF,
    asked_as_of,
    asked_choice,
    asked_day,
    asked_narrative,
    asked_text,
    asked_time,
    market_of,
    moment_of,
    parameter,
)
from signals.api.serializers import ScoreSerializer
from signals.domain.params import DEFAULTS
from signals.models import Event
from signals.queries.events import as_stories, told
from signals.queries.health import market_health, quarantined
from signals.queries.indicators import (
    REGIME,
    day_of,
    indicators_of,
    known_readings,
    measured,
    members_of,
    places_of,
    regime_days,
    scores_by,
    subjects_of,
)
from signals.queries.market import last_closed, market_past
from signals.sources.base import MARKET_WIDE

SECTOR = parameter("sector", "Slug of a narrative.")
PLACE = parameter("sector", "Slug of a narrative, or `regime`; else the first that has it.")
OF_READINGS = [
    parameter("indicator", "Name of a reading."),
    parameter("subject", "What it is read of; may be left out where that is clear."),
]
DAYS = [parameter("date_after", "From this day on."), parameter("date_before", "Before this day.")]
NAME = OpenApiParameter("name", str, OpenApiParameter.PATH, description="Name of an indicator.", enum=list(measured()))
LISTED = [AS_OF, KNOWN]


def _span(name: str) -> list[OpenApiParameter]:
    """Describe a span of moments."""
    return [
        parameter(f"{name}_after", "From this moment on, with its offset."),
        parameter(f"{name}_before", "Before this moment."),
    ]


class MarketActions(StrictViewSet[Market]):
    """What is known of a market beside its newest day; every answer is conditional, and knows nothing after `as_of`."""

    parameters: ClassVar[Mapping[str, frozenset[str]]] = {
        "sectors": frozenset({"as_of"}),
        "scores": PAGE | {"as_of", "sector", "date_after", "date_before"},
        "regime": PAGE | {"as_of", "date_after", "date_before"},
        "indicators": frozenset({"as_of"}),
        "indicator": PAGE | {"as_of", "sector", "date_after", "date_before"},
        "readings": PAGE | {"as_of", "indicator", "subject", "observed_after", "observed_before"},
        "events": PAGE | {"as_of", "sector", "type", "published_after", "published_before"},
        "health": frozenset({"as_of"}),
        "quarantine": PAGE | {"as_of", "source"},
    }

    @extend_schema(parameters=LISTED, responses={200: shapes.NarrativeSerializer(many=True), 304: None})
    @action(detail=True, pagination_class=None)
    def sectors(self, request: Request, slug: str) -> Response:
        """List the narratives with their members of the day."""
        market = market_of(slug)
        members = members_of(market=market, day=last_closed(moment_of(request, market)))
        found = Sector.objects.filter(kind=Sector.Kind.NARRATIVE)
        rows = found.prefetch_related(Prefetch("memberships", members, to_attr="members"))
        return _conditional(request, shapes.NarrativeSerializer(rows, many=True).data)

    @extend_schema(parameters=[SECTOR, *DAYS, *LISTED], responses={200: ScoreSerializer(many=True), 304: None})
    @action(detail=True)
    def scores(self, request: Request, slug: str) -> Response:
        """List scores with their contributions, day by day, newest first."""
        market = market_of(slug)
        sector = asked_narrative(request)
        rows = scores_by(market=market, moment=moment_of(request, market)).select_related("sector")
        rows = rows if sector is None else rows.filter(sector=sector)
        return self._page(request, _within(request, rows), ("-date", "-id"), ScoreSerializer)

    @extend_schema(parameters=[*DAYS, *LISTED], responses={200: shapes.RegimeDaySerializer(many=True), 304: None})
    @action(detail=True)
    def regime(self, request: Request, slug: str) -> Response:
        """List regimes day by day, newest first, with what each was made of and how far from turning."""
        market = market_of(slug)
        rows = regime_days(market=market, moment=moment_of(request, market))
        return self._page(request, _within(request, rows), ("-date", "-id"), shapes.RegimeDaySerializer)

    @extend_schema(parameters=LISTED, responses={200: shapes.IndicatorNowSerializer(many=True), 304: None})
    @action(detail=True, pagination_class=None)
    def indicators(self, request: Request, slug: str) -> Response:
        """List every indicator of the newest close, and how fresh each is by now."""
        market = market_of(slug)
        moment = moment_of(request, market)
        past = market_past(market=market, moment=moment, days=0)
        found = [] if past is None else indicators_of(past, moment=moment, params=DEFAULTS)
        return _conditional(request, shapes.IndicatorNowSerializer(found, many=True).data)

    @extend_schema(
        operation_id="signals_indicators_days_list",
        parameters=[NAME, PLACE, *DAYS, *LISTED],
        responses={200: shapes.IndicatorDaySerializer(many=True), 304: None},
    )
    @action(detail=True, url_path=r"indicators/(?P<name>[a-z0-9_]{1,30})")
    def indicator(self, request: Request, slug: str, name: str) -> Response:
        """List an indicator's days, newest first."""
        market = market_of(slug)
        place = _place(request, name)
        moment = moment_of(request, market)
        rows: QuerySet[Any] = regime_days(market=market, moment=moment)
        if place != REGIME:
            rows = scores_by(market=market, moment=moment).filter(sector__slug=place)
        self.ordering = ("-date", "-id")
        days = [day_of(row, name) for row in self.paginate_queryset(_within(request, rows)) or []]
        shown = shapes.IndicatorDaySerializer([day for day in days if day is not None], many=True).data
        return _conditional(request, self.get_paginated_response(shown).data)

    @extend_schema(
        parameters=[*OF_READINGS, *_span("observed"), *LISTED],
        responses={200: shapes.ReadingSerializer(many=True), 304: None},
    )
    @action(detail=True)
    def readings(self, request: Request, slug: str) -> Response:
        """List what sources said, every version, newest first; `indicator` must be given."""
        market = market_of(slug)
        name = asked_text(request, "indicator")
        if name is None:
            raise ValidationError({"indicator": ["Say which reading: add ?indicator=NAME."]})
        subject = _subject(request, market, name)
        rows = known_readings(market=market, moment=moment_of(request, market), indicator=name, subject=subject)
        return self._page(
            request, _between(request, rows, "observed"), ("-observed_at", "-id"), shapes.ReadingSerializer
        )

    @extend_schema(
        parameters=[SECTOR, OpenApiParameter("type", str, enum=Event.Type.values), *_span("published"), *LISTED],
        responses={200: shapes.EventSerializer(many=True), 304: None},
    )
    @action(detail=True)
    def events(self, request: Request, slug: str) -> Response:
        """List events as they stood, newest first, with their reports and verdicts."""
        market = market_of(slug)
        sector, kind = asked_narrative(request), asked_choice(request, "type", Event.Type.values)
        moment = moment_of(request, market)
        rows = told(market=market, moment=moment, sectors=[sector.slug] if sector else [], types=[kind] if kind else [])

        def shown(page: list[Event]) -> Any:
            """Return a page of stories as they were known."""
            for story in as_stories(page, moment=moment):
                story.event.known = story  # type: ignore[attr-defined]
            return shapes.EventSerializer(page, many=True).data

        return self._page(request, _between(request, rows, "published"), ("-published_at", "-id"), shown)

    @extend_schema(parameters=LISTED, responses={200: shapes.HealthSerializer, 304: None})
    @action(detail=True, pagination_class=None)
    def health(self, request: Request, slug: str) -> Response:
        """Show how the market's data stands: each source, and what is kept up of each reading."""
        market = market_of(slug)
        found = market_health(market=market, now=timezone.now(), asked=asked_as_of(request))
        shown = shapes.HealthSerializer(found).data
        lasting = {name: value for name, value in shown.items() if name != "as_of"}
        return conditional(request, tag=tag_of(lasting), answer=lambda: shown)

    @extend_schema(
        parameters=[parameter("source", "Name of a source."), *LISTED],
        responses={200: shapes.QuarantineSerializer(many=True), 304: None},
    )
    @action(detail=True)
    def quarantine(self, request: Request, slug: str) -> Response:
        """List what was not believed, newest first."""
        market = market_of(slug)
        source = asked_text(request, "source") or ""
        rows = quarantined(market=market, moment=moment_of(request, market), source=source)
        return self._page(request, rows, ("-last_at", "-id"), shapes.QuarantineSerializer)

    def _page(
        self,
        request: Request,
        rows: QuerySet[Any],
        ordering: tuple[str, str],
        shape: type[BaseSerializer[Any]] | Callable[[list[Any]], Any],
    ) -> Response:
        """Answer a page of rows conditionally."""
        self.ordering = ordering
        page = list(self.paginate_queryset(rows) or [])
        shown = shape(page, many=True).data if isinstance(shape, type) else shape(page)
        return _conditional(request, self.get_paginated_response(shown).data)


def _conditional(request: Request, shown: Any) -> Response:
    return conditional(request, tag=tag_of(shown), answer=lambda: shown)


def _place(request: Request, name: str) -> str:
    """Return where an indicator is asked for. Raises NotFound for one that is nowhere measured."""
    places = places_of(name, sectors=Sector.objects.filter(kind=Sector.Kind.NARRATIVE), params=DEFAULTS)
    if name not in measured() or not places:
        raise NotFound("There is no such indicator.")
    return asked_choice(request, "sector", places) or places[0]


def _subject(request: Request, market: Market, indicator: str) -> str:
    """Return of what a reading is asked for; left out, it is the whole market, or the only one there is."""
    asked = asked_text(request, "subject")
    if asked is not None:
        return asked
    found = subjects_of(market=market, indicator=indicator)
    if len(found) > 1 and MARKET_WIDE not in found:
        named = ", ".join(found[:5])
        raise ValidationError(
            {"subject": [f"Say of what: add &subject=NAME. There are {len(found)}, such as {named}."]}
        )
    return MARKET_WIDE if MARKET_WIDE in found else next(iter(found), MARKET_WIDE)


def _within(request: Request, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Keep the days of the span that is asked for."""
    first, last = asked_day(request, "date_after"), asked_day(request, "date_before")
    rows = rows if first is None else rows.filter(date__gte=first)
    return rows if last is None else rows.filter(date__lt=last)


def _between(request: Request, rows: QuerySet[Any], name: str) -> QuerySet[Any]:
    """Keep the moments of the span that is asked for."""
    first, last = asked_time(request, f"{name}_after"), asked_time(request, f"{name}_before")
    rows = rows if first is None else rows.filter(**{f"{name}_at__gte": first})
    return rows if last is None else rows.filter(**{f"{name}_at__lt": last})
