"""Answer for signals: what was computed of a market, and what the engine suggests."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from portfolio.api.access import asked_portfolio, conditional, number
from portfolio.api.viewsets import WHICH
from portfolio.models import Market
from signals.api.serializers import (
    RecommendationDetailSerializer,
    RecommendationSerializer,
    SignalsSerializer,
)
from signals.domain.params import DEFAULTS
from signals.models import Recommendation
from signals.queries.market import newest_day
from signals.queries.recommendations import current, detail

ASK_AGAIN = 300
AS_OF = OpenApiParameter("as_of", date, description="The day whose close is wanted; the newest otherwise.")


class SignalsViewSet(viewsets.GenericViewSet[Market]):
    """What the market says: scores with contributions, regime, stage."""

    queryset = Market.objects.all()
    serializer_class = SignalsSerializer
    lookup_field = "slug"
    lookup_value_regex = r"[-a-z0-9_]{1,50}"

    @extend_schema(parameters=[AS_OF])
    def retrieve(self, request: Request, slug: str) -> Response:
        """Show a market's day."""
        market = Market.objects.filter(slug=slug).first()
        day = None if market is None else newest_day(market=market, on=_day(request))
        if market is None or day is None:
            raise NotFound("Nothing was computed for this market and day.")
        found = {
            "market": market.slug,
            "is_simulated": market.is_simulated,
            "as_of": day.closes_at,
            "is_stale": day.is_stale(market.clock(timezone.now()), params=DEFAULTS),
            "scores": list(day.scores.values()),
            "regime": day.regime,
            "stage": day.stage,
        }
        return Response(SignalsSerializer(found).data)


class RecommendationFilter(filters.FilterSet):  # type: ignore[misc]
    """Narrow the list of recommendations."""

    portfolio = filters.NumberFilter(field_name="portfolio_id", min_value=1, max_value=2**63 - 1)
    state = filters.MultipleChoiceFilter(choices=Recommendation.State.choices)
    issued_after = filters.IsoDateTimeFilter(field_name="issued_at", lookup_expr="gte")
    issued_before = filters.IsoDateTimeFilter(field_name="issued_at", lookup_expr="lt")

    class Meta:
        model = Recommendation
        fields = ("portfolio", "state")


class RecommendationViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Recommendation]):
    """What the engine suggested, newest first; refusals are answers too."""

    queryset = Recommendation.objects.none()
    serializer_class = RecommendationSerializer
    filterset_class = RecommendationFilter
    ordering = ("-issued_at", "-id")
    lookup_value_regex = r"[0-9]{1,19}"

    def get_queryset(self) -> QuerySet[Recommendation]:
        """Start at the person."""
        mine = Recommendation.objects.owned_by(self.request.user)
        return mine.select_related("portfolio__market", "leader", "source_sector", "destination_sector")

    @extend_schema(responses=RecommendationDetailSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """Show one with its legs, explanation and evidence."""
        return Response(RecommendationDetailSerializer(self._mine(request, number(pk))).data)

    @extend_schema(parameters=[WHICH], responses={200: RecommendationDetailSerializer, 304: None}, filters=False)
    @action(detail=False, pagination_class=None)
    def current(self, request: Request) -> Response:
        """Show a portfolio's standing answer; ask again with If-None-Match, no sooner than Retry-After says."""
        portfolio = asked_portfolio(request)
        found = current(portfolio=portfolio, now=timezone.now())
        if found is None:
            raise NotFound("Nothing stands for this portfolio: the next answer comes with the next close.")
        parts = [found.pk, found.state, found.closed_at, found.evidence.sha256]

        def answer() -> Any:
            """Read the legs only where they are sent."""
            return RecommendationDetailSerializer(self._mine(request, found.pk)).data

        return conditional(request, parts=parts, answer=answer, retry_after=ASK_AGAIN)

    def _mine(self, request: Request, pk: int) -> Recommendation:
        """Return the person's own."""
        found = detail(user=request.user, pk=pk)  # type: ignore[arg-type]
        if found is None:
            raise NotFound("There is no such recommendation of yours.")
        return found


def _day(request: Request) -> date | None:
    """Read `as_of`."""
    text = request.query_params.get("as_of")
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValidationError({"as_of": ["Write the day as YYYY-MM-DD."]}) from error
