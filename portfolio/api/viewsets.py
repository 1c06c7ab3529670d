"""Answer for portfolios: where they stand, what they hold, what happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from portfolio.api.access import asked_portfolio, owned_portfolios, portfolio_by_id
from portfolio.api.books import BookActions
from portfolio.api.conditional import conditional, tag_of
from portfolio.api.filters import MomentFilter, StrictViewSet
from portfolio.api.lending import LendingActions
from portfolio.api.performance import PerformanceActions
from portfolio.api.proof import ProofActions
from portfolio.api.serializers import (
    ChainSerializer,
    FillSerializer,
    HoldingSerializer,
    InstrumentSerializer,
    MarketSerializer,
    PortfolioSerializer,
    PositionSerializer,
    SectorSerializer,
    StandingSerializer,
)
from portfolio.domain.valuation import Drift
from portfolio.models import Fill, Instrument, Market, Portfolio, Sector
from portfolio.queries.aims import stage_drifts
from portfolio.queries.catalogue import offered_assets
from portfolio.queries.chains import chains_of
from portfolio.queries.holdings import HoldingLine, snapshot

WHICH = OpenApiParameter("portfolio", int, required=True, description="Id of one of your portfolios.")
OF_PORTFOLIO = {"list": frozenset({"portfolio"})}
KNOWN = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="The ETag you have: 304 while nothing has changed."
)


class PortfolioViewSet(
    BookActions, LendingActions, PerformanceActions, ProofActions, mixins.ListModelMixin, StrictViewSet[Portfolio]
):
    """My portfolios."""

    serializer_class = PortfolioSerializer
    queryset = Portfolio.objects.none()
    lookup_value_regex = r"[0-9]{1,19}"
    parameters: ClassVar[Mapping[str, frozenset[str]]] = {**PerformanceActions.parameters, **ProofActions.parameters}

    def get_queryset(self) -> QuerySet[Portfolio]:
        """Start at the person."""
        return owned_portfolios(self.request)

    @extend_schema(parameters=[KNOWN], responses={200: PortfolioSerializer(many=True), 304: None})
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List portfolios."""
        found = super().list(request, *args, **kwargs).data
        return conditional(request, tag=tag_of(found), answer=lambda: found)

    @extend_schema(parameters=[KNOWN], responses={200: StandingSerializer, 304: None})
    def retrieve(self, request: Request, pk: str) -> Response:
        """Show where a portfolio stands now: equity, sleeves and sectors against targets, totals."""
        found = _standing(portfolio_by_id(request, pk))
        lasting = {name: value for name, value in found.items() if name != "as_of"}
        return conditional(request, tag=tag_of(lasting), answer=lambda: found)

    @extend_schema(responses=HoldingSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def holdings(self, request: Request, pk: str) -> Response:
        """List what is held now."""
        found = snapshot(portfolio=portfolio_by_id(request, pk), now=timezone.now())
        return Response(HoldingSerializer([_priced(line, found.as_of) for line in found.holdings], many=True).data)

    @extend_schema(responses=PositionSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def positions(self, request: Request, pk: str) -> Response:
        """List the open futures positions."""
        found = snapshot(portfolio=portfolio_by_id(request, pk), now=timezone.now())
        return Response(PositionSerializer(found.positions, many=True).data)

    @extend_schema(responses=ChainSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def chains(self, request: Request, pk: str) -> Response:
        """List the positions that were rolled, with what every contract of each brought."""
        portfolio = portfolio_by_id(request, pk)
        lines = snapshot(portfolio=portfolio, now=timezone.now()).positions
        return Response(ChainSerializer(chains_of(portfolio=portfolio, lines=lines), many=True).data)


class FillFilter(filters.FilterSet):  # type: ignore[misc]
    """Narrow the list of executions."""

    executed_after = MomentFilter(field_name="executed_at", lookup_expr="gte")
    executed_before = MomentFilter(field_name="executed_at", lookup_expr="lt")

    class Meta:
        model = Fill
        fields = ()


class FillViewSet(mixins.ListModelMixin, StrictViewSet[Fill]):
    """A portfolio's executions, newest first; a reversal names what it reverses."""

    serializer_class = FillSerializer
    queryset = Fill.objects.none()
    filterset_class = FillFilter
    parameters = OF_PORTFOLIO
    ordering = ("-executed_at", "-id")

    def get_queryset(self) -> QuerySet[Fill]:
        """Start at the person's portfolio."""
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        fills = Fill.objects.filter(portfolio=asked_portfolio(self.request))
        return fills.select_related("instrument__asset", "quote_asset", "fee_asset")

    @extend_schema(parameters=[WHICH])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List executions."""
        return super().list(request, *args, **kwargs)


class InstrumentViewSet(mixins.ListModelMixin, StrictViewSet[Instrument]):
    """What can be traded on a portfolio's venue, by the names that legs use."""

    serializer_class = InstrumentSerializer
    queryset = Instrument.objects.none()
    parameters = OF_PORTFOLIO

    def get_queryset(self) -> QuerySet[Instrument]:
        """Select the venue's instruments, without those on assets that another person added."""
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        asked = asked_portfolio(self.request)
        offered = Instrument.objects.filter(venue=asked.venue_id, asset__in=offered_assets(asked))
        return offered.select_related("asset", "venue")

    @extend_schema(parameters=[WHICH])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List instruments."""
        return super().list(request, *args, **kwargs)


class SectorViewSet(mixins.ListModelMixin, StrictViewSet[Sector]):
    """The sectors there are."""

    serializer_class = SectorSerializer
    resource = "market"
    queryset = Sector.objects.all()


class MarketViewSet(mixins.ListModelMixin, StrictViewSet[Market]):
    """The markets there are, and whether they are simulated."""

    serializer_class = MarketSerializer
    resource = "market"
    queryset = Market.objects.all()


def _standing(portfolio: Portfolio) -> dict[str, Any]:
    """Return what the overview page shows, from the same queries."""
    now = timezone.now()
    found = snapshot(portfolio=portfolio, now=now)
    stage = found.standing.stage
    by_sector = found.sector_drifts
    if found.policy is not None:
        by_sector = stage_drifts(policy=found.policy, drifts=found.sector_drifts, stage=stage)
    standing = {
        "portfolio": portfolio,
        "as_of": found.as_of,
        "stage": None if stage is None else stage.stage,
        "equity": found.sleeves.equity,
        "risk_equity_usd": found.sleeves.risk_equity,
        "debts": found.sleeves.debts,
        "credit": found.lending.credit,
        "sleeves": _named(found.sleeve_drifts),
        "sectors": _named(by_sector),
        "totals": found.totals,
    }
    return dict(StandingSerializer(standing).data)


def _named(drifts: Any) -> list[dict[str, str | Drift]]:
    return [{"name": name, "drift": drift} for name, drift in drifts.items()]


def _priced(line: HoldingLine, moment: Any) -> dict[str, Any]:
    """Give a holding with its price state in one word, and no value where there is no price."""
    quoted = line.quoted
    state = "unpriced" if quoted is None else "assumed" if quoted.is_assumed else quoted.state(moment).value
    names = ("asset", "account", "quantity", "locked", "core", "cost_usd", "quoted", "unrealized_usd", "realized_usd")
    shown = {name: getattr(line, name) for name in (*names, "belonging")}
    return {**shown, "price_state": state, "value_usd": None if quoted is None else line.worth.value}
