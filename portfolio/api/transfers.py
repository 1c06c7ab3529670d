"""Answer for transfers: list them, record one, convert dust, reverse one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.idempotency import Answer
from portfolio.api.access import asked_portfolio, number, owned_portfolios
from portfolio.api.entry_serializers import NewDustSerializer, NewTransferSerializer, TransferSerializer
from portfolio.api.filters import MomentFilter, StrictViewSet
from portfolio.api.recording import named_account, named_asset, named_contract, named_portfolio, recorded, valid
from portfolio.api.repeats import KEY, answer_once, ledger_key, plain
from portfolio.domain.migrations import known_migration
from portfolio.domain.money import ZERO
from portfolio.domain.outcomes import Oversold
from portfolio.models import Account, Asset, Portfolio, Transfer
from portfolio.services.conversions import Crumb, Dust, NotHeld, convert_dust, migration_of
from portfolio.services.entries import BadEnd, NewTransfer, PriceUnknown
from portfolio.services.ledger import record_transfers
from portfolio.services.lending import reverse_entry

RELATED = ("account", "to_account", "asset", "into_asset", "instrument__asset", "fee_asset")
WHICH = OpenApiParameter("portfolio", int, required=True, description="Id of one of your portfolios.")
TAKEN = ("kind", "quantity", "executed_at", "cost_usd", "value_usd", "acquired_at", "into_quantity", "position_side")


class TransferFilter(filters.FilterSet):  # type: ignore[misc]
    """Narrow the list of transfers."""

    executed_after = MomentFilter(field_name="executed_at", lookup_expr="gte")
    executed_before = MomentFilter(field_name="executed_at", lookup_expr="lt")

    class Meta:
        model = Transfer
        fields = ()


class TransferViewSet(mixins.ListModelMixin, StrictViewSet[Transfer]):
    """What came in, went out, moved or changed without a trade, newest first."""

    serializer_class = TransferSerializer
    queryset = Transfer.objects.none()
    filterset_class = TransferFilter
    parameters = {"list": frozenset({"portfolio"})}
    ordering = ("-executed_at", "-id")
    lookup_value_regex = r"[0-9]{1,19}"

    def get_queryset(self) -> QuerySet[Transfer]:
        """Start at the person's portfolio."""
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return Transfer.objects.filter(portfolio=asked_portfolio(self.request)).select_related(*RELATED)

    @extend_schema(parameters=[WHICH])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List transfers."""
        return super().list(request, *args, **kwargs)

    @extend_schema(request=NewTransferSerializer, responses={201: TransferSerializer}, parameters=[KEY])
    def create(self, request: Request) -> Response:
        """Record one: a deposit, a move between own accounts, a migration, a rebase, a swap, funding or margin."""

        def run() -> Answer:
            """Validate and record."""
            data = valid(NewTransferSerializer, request)
            portfolio = named_portfolio(request, data)
            row = _record(portfolio, data, ledger_key(request))
            return Answer(201, plain(TransferSerializer(_shown([row])[0]).data))

        return answer_once(request, run)

    @extend_schema(request=NewDustSerializer, responses={201: TransferSerializer(many=True)}, parameters=[KEY])
    @action(detail=False, methods=["post"])
    def dust(self, request: Request) -> Response:
        """Convert several small holdings into one asset; each is a swap of its own."""

        def run() -> Answer:
            """Validate and convert."""
            data = valid(NewDustSerializer, request)
            portfolio = named_portfolio(request, data)
            rows = _convert(portfolio, data, ledger_key(request))
            return Answer(201, plain(TransferSerializer(_shown(rows), many=True).data))

        return answer_once(request, run)

    @extend_schema(request=None, responses={200: TransferSerializer}, parameters=[KEY])
    @action(detail=True, methods=["post"])
    def reverse(self, request: Request, pk: str) -> Response:
        """Reverse one: the entry and its reversal both stay visible."""

        def run() -> Answer:
            """Find and reverse."""
            row = _own(request, pk)
            reversal = recorded(
                lambda: reverse_entry(portfolio=row.portfolio, transfer=row, now=timezone.now()),
                fields={Oversold: "non_field_errors"},
            )
            return Answer(200, plain(TransferSerializer(_shown([reversal])[0]).data))

        return answer_once(request, run)


def _own(request: Request, pk: str) -> Transfer:
    """Return a transfer of one of the person's portfolios; another's does not exist for them."""
    mine = Transfer.objects.filter(portfolio__in=owned_portfolios(request)).select_related("portfolio__market")
    found = mine.filter(pk=number(pk)).first()
    if found is None:
        raise NotFound("There is no such transfer of yours.")
    return found


def _shown(rows: list[Transfer]) -> list[Transfer]:
    """Read rows again, with all that they name."""
    found = Transfer.objects.select_related(*RELATED).in_bulk([row.pk for row in rows])
    return [found[row.pk] for row in rows]


def _record(portfolio: Portfolio, data: Mapping[str, Any], key: str) -> Transfer:
    account = named_account(portfolio, data, "account")
    new = recorded(lambda: _stated(portfolio, data, account), fields={NotHeld: "asset"})
    done = recorded(
        lambda: record_transfers(
            portfolio=portfolio,
            transfers=[new],
            now=timezone.now(),
            client_key=key,
            core_override_reason=data.get("core_override_reason", ""),
        ),
        fields={BadEnd: "asset"},
    )
    return done.transfers[0]


def _stated(portfolio: Portfolio, data: Mapping[str, Any], account: Account | None) -> NewTransfer:
    """Return what the body states."""
    ends = _ends(portfolio, data, account)
    contract = named_contract(portfolio, data, "instrument") if "instrument" in data else None
    taken = {name: data[name] for name in TAKEN if name in data}
    fee = {"fee_amount": data.get("fee_amount", ZERO), "fee_asset": named_asset(portfolio, data, "fee_asset")}
    return NewTransfer(**ends, **taken, **fee, instrument=contract, account=account)


def _ends(portfolio: Portfolio, data: Mapping[str, Any], account: Account | None) -> dict[str, Any]:
    """Return the assets and accounts that the body names; a known migration brings its own new token and ratio."""
    known = known_migration(old=data["asset"], new=data.get("into", ""))
    is_ruled = data["kind"] == Transfer.Kind.MIGRATION and "ratio" not in data and "into_quantity" not in data
    if is_ruled and known is None:
        raise ValidationError({"into_quantity": ["Say what it brought, or give the ratio."]})
    if is_ruled and known is not None:
        terms = {"quantity": data["quantity"], "executed_at": data["executed_at"], "now": timezone.now()}
        new = migration_of(portfolio=portfolio, known=known, **terms)
        return {"asset": new.asset, "into": new.into, "ratio": new.ratio}
    to_account = named_account(portfolio, data, "to_account")
    if to_account is not None and to_account == (account or portfolio.accounts.earliest("pk")):
        raise ValidationError({"to_account": ["Name another account than the one it leaves."]})
    return {
        "asset": _asset(portfolio, data, "asset"),
        "into": named_asset(portfolio, data, "into"),
        "ratio": data.get("ratio"),
        "to_account": to_account,
    }


def _asset(portfolio: Portfolio, data: Mapping[str, Any], field: str) -> Asset:
    found = named_asset(portfolio, data, field)
    if found is None:
        raise ValidationError({field: ["Give the symbol of an asset."]})
    return found


def _convert(portfolio: Portfolio, data: Mapping[str, Any], key: str) -> list[Transfer]:
    crumbs = [Crumb(asset=_asset(portfolio, part, "asset"), quantity=part["quantity"]) for part in data["parts"]]
    dust = Dust(
        crumbs=crumbs,
        into=_asset(portfolio, data, "into"),
        received=data["into_quantity"],
        executed_at=data["executed_at"],
        account=named_account(portfolio, data, "account"),
    )
    done = recorded(
        lambda: convert_dust(
            portfolio=portfolio,
            dust=dust,
            now=timezone.now(),
            client_key=key,
            core_override_reason=data.get("core_override_reason", ""),
        ),
        fields={Oversold: "parts", PriceUnknown: "parts"},
    )
    return list(done.transfers)
