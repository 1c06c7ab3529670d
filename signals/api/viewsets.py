"""Answer for signals: what was computed of a market, and what the engine suggests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from portfolio.api.access import asked_portfolio, number
from portfolio.api.conditional import Conflict, conditional, tag_of, unchanged_for
from portfolio.api.filters import IdFilter, MomentFilter, StrictViewSet
from portfolio.api.viewsets import KNOWN, WHICH
from portfolio.models import Market, Stage
from signals.api.asked import AS_OF, asked_as_of, market_of, moment_of
from signals.api.listing import COLUMNS, listed
from signals.api.market import MarketActions
from signals.api.serializers import RecommendationDetailSerializer, RecommendationSerializer, SignalsSerializer
from signals.domain.batch import Outcome
from signals.models import Recommendation
from signals.queries.market import market_past
from signals.queries.recommendations import current, detail
from signals.queries.standing import Freshness, freshness, scored_until
from signals.services.outcomes import RecommendationClosedError, acknowledge

ASK_AGAIN = 60
"""Seconds after which a poll may find a new recommendation."""

VERSION = ("id", "state", "closed_at")


class SignalsViewSet(MarketActions):
    """What the market says: scores with contributions, regime, stage, and everything they are made of."""

    queryset = Market.objects.all()
    serializer_class = SignalsSerializer
    lookup_field = "slug"
    lookup_value_regex = r"[-a-z0-9_]{1,50}"
    parameters: ClassVar[Mapping[str, frozenset[str]]] = {**MarketActions.parameters, "retrieve": frozenset({"as_of"})}

    @extend_schema(parameters=[AS_OF, KNOWN], responses={200: SignalsSerializer, 304: None})
    def retrieve(self, request: Request, slug: str) -> Response:
        """Show a market's day: the last that had closed."""
        market = market_of(slug)
        past = market_past(market=market, moment=moment_of(request, market), days=0)
        if past is None:
            raise NotFound("Nothing was computed for this market and day.")
        asked = asked_as_of(request)
        fresh = _freshness(market)
        found = {
            "market": market.slug,
            "is_simulated": market.is_simulated,
            "as_of": past.day.closes_at,
            "read_at": fresh.read_by(asked),
            "is_stale": asked is None and fresh.is_stale,
            "stale_reason": "" if asked else fresh.reason,
            "scores": list(past.day.scores.values()),
            "regime": past.day.regime,
            "stage": past.day.stage,
        }
        shown = SignalsSerializer(found).data
        return conditional(request, tag=tag_of(shown), answer=lambda: shown)


class RecommendationFilter(filters.FilterSet):  # type: ignore[misc]
    """Narrow the list of recommendations."""

    portfolio = IdFilter(field_name="portfolio_id")
    state = filters.MultipleChoiceFilter(choices=Recommendation.State.choices)
    kind = filters.MultipleChoiceFilter(choices=Recommendation.Kind.choices)
    stage = filters.MultipleChoiceFilter(choices=Stage.choices)
    refusal = filters.MultipleChoiceFilter(choices=[(each.name, each.name) for each in Outcome if each.name != "TRADE"])
    sector = filters.CharFilter(method="touching", help_text="Slug of the sector that money leaves or reaches.")
    issued_after = MomentFilter(field_name="issued_at", lookup_expr="gte")
    issued_before = MomentFilter(field_name="issued_at", lookup_expr="lt")

    class Meta:
        model = Recommendation
        fields = ("portfolio", "state")

    def touching(self, answers: QuerySet[Recommendation], _name: str, slug: str) -> QuerySet[Recommendation]:
        """Select the answers that move from or to a sector."""
        return answers.filter(Q(source_sector__slug=slug) | Q(destination_sector__slug=slug))


class RecommendationViewSet(StrictViewSet[Recommendation]):
    """What the engine suggested, newest first; refusals are answers too."""

    resource = "recommendations"
    queryset = Recommendation.objects.none()
    serializer_class = RecommendationSerializer
    filterset_class = RecommendationFilter
    parameters = {"current": frozenset({"portfolio"})}
    ordering = ("-issued_at", "-id")
    brief = ("issued_at",)
    lookup_value_regex = r"[0-9]{1,19}"

    def get_queryset(self) -> QuerySet[Recommendation]:
        """Start at the person."""
        mine = Recommendation.objects.owned_by(self.request.user)
        return mine.select_related("portfolio__market", "leader", "source_sector", "destination_sector")

    @extend_schema(parameters=[KNOWN], responses={200: RecommendationSerializer(many=True), 304: None})
    def list(self, request: Request) -> Response:
        """List answers; ask again with If-None-Match, no sooner than Retry-After says. A 304 reads no explanation."""
        found = self.filter_queryset(self.get_queryset())
        if "If-None-Match" in request.headers:
            brief = self.paginate_queryset(found.values(*VERSION, *self.brief))
            unchanged = unchanged_for(request, tag=self._version(brief or []), retry_after=ASK_AGAIN)
            if unchanged is not None:
                return unchanged
        rows = self.paginate_queryset(found.values(*COLUMNS)) or []
        page = self.get_paginated_response([listed(row) for row in rows]).data
        return conditional(request, tag=self._version(rows), answer=lambda: page, retry_after=ASK_AGAIN)

    def _version(self, rows: Sequence[Any]) -> str:
        """Return the version of a page: an answer never changes but for what becomes of it."""
        more = getattr(self.paginator, "has_more", False)
        return tag_of([more, *([row["id"], row["state"], row["closed_at"]] for row in rows)])

    @extend_schema(responses=RecommendationDetailSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """Show one with its legs, explanation and evidence."""
        found = _mine(request, number(pk))
        return Response(_shown(found, _freshness(found.portfolio.market)))

    @extend_schema(request=None, responses=RecommendationDetailSerializer)
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: str) -> Response:
        """Note that you have seen one that stands; repeating it changes nothing. To decline it, post to /passes/."""
        found = _mine(request, number(pk))
        if request.data:
            raise ValidationError({str(key)[:100]: ["This field is not known here."] for key in request.data})
        try:
            acknowledge(recommendation=found, now=timezone.now())
        except RecommendationClosedError as refusal:
            raise Conflict(str(refusal)) from refusal
        return Response(_shown(_mine(request, found.pk), _freshness(found.portfolio.market)))

    @extend_schema(parameters=[WHICH, KNOWN], responses={200: RecommendationDetailSerializer, 304: None}, filters=False)
    @action(detail=False, pagination_class=None)
    def current(self, request: Request) -> Response:
        """Show a portfolio's standing answer; ask again with If-None-Match, no sooner than Retry-After says."""
        portfolio = asked_portfolio(request)
        found = current(portfolio=portfolio, now=timezone.now())
        if found is None:
            raise NotFound("Nothing stands for this portfolio: the next answer comes with the next close.")
        fresh = _freshness(portfolio.market)
        tag = tag_of([found.pk, found.state, found.closed_at, found.evidence.sha256, fresh.reason])
        return conditional(
            request, tag=tag, answer=lambda: _shown(_mine(request, found.pk), fresh), retry_after=ASK_AGAIN
        )


def _mine(request: Request, pk: int) -> Recommendation:
    """Return the person's own, with its legs."""
    found = detail(user=request.user, pk=pk)  # type: ignore[arg-type]
    if found is None:
        raise NotFound("There is no such recommendation of yours.")
    return found


def _shown(found: Recommendation, fresh: Freshness) -> Any:
    """Return everything about one, and whether the market it stands in is fresh."""
    return RecommendationDetailSerializer(found, context={"stale_reason": fresh.reason}).data


def _freshness(market: Market) -> Freshness:
    """Return how fresh a market is now, as its pages say."""
    return freshness(market=market, closes_at=scored_until(market), now=timezone.now())
