"""Answer for what is owed, pledged and lent as a bonus, and for what margin sets free."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.idempotency import Answer
from portfolio.api.access import number, portfolio_by_id
from portfolio.api.fields import ExactField, ExactModelSerializer, Strict, TextField, UtcField
from portfolio.api.recording import named_account, named_asset, recorded, valid
from portfolio.api.repeats import KEY, answer_once, ledger_key, plain
from portfolio.domain.lending import LoanKind
from portfolio.models import BonusCredit, FreedYield, LoanEntry, Pledge
from portfolio.models.lending import LOAN_KINDS
from portfolio.queries.holdings import snapshot
from portfolio.queries.lending import freed_lines
from portfolio.services.lending import NewLoan, grant_bonus, record_loan, reverse_loan, set_freed_yield, set_pledge

MOST_ROWS = 500


class AmountSerializer(serializers.Serializer[Any]):
    """A quantity with its worth in USD, negative for what is owed; null without a price."""

    asset = serializers.CharField()
    quantity = ExactField()
    value_usd = ExactField(allow_null=True)
    threshold = ExactField(allow_null=True, help_text="Of collateral: the share that the lender counts.")


class LendingLineSerializer(serializers.Serializer[Any]):
    """One account's debts and collateral; below a health of 1.5 it is alarming (F42)."""

    account = serializers.CharField()
    debts = AmountSerializer(many=True)
    pledges = AmountSerializer(many=True)
    health = ExactField(allow_null=True, help_text="Null without a debt, or where something has no price.")
    is_alarming = serializers.BooleanField()
    is_unpriced = serializers.BooleanField()


class FreedSerializer(serializers.Serializer[Any]):
    """What a position frees, what that earns a year and what its funding costs; null is not known (F47, F48)."""

    instrument = serializers.CharField()
    freed_usd = ExactField(source="income.freed")
    earned_usd = ExactField(source="income.earned", allow_null=True)
    funding_usd = ExactField(source="income.funding", allow_null=True, help_text="A year, at its pace so far.")
    net_usd = ExactField(source="income.net", allow_null=True)
    breakeven_apy = ExactField(source="income.breakeven_apy", allow_null=True)


class LendingSerializer(serializers.Serializer[Any]):
    """What is owed by account, bonus credit (never part of equity), and what margin sets free."""

    debts_usd = ExactField(help_text="Of what has a price; negative.")
    lines = LendingLineSerializer(many=True)
    bonuses = AmountSerializer(many=True)
    credit_usd = ExactField()
    apy = ExactField(allow_null=True, help_text="What freed capital earns a year, as the person entered it.")
    apy_source = serializers.CharField()
    freed = FreedSerializer(many=True)


class LoanSerializer(ExactModelSerializer):
    """A change of a debt; `transfer` is what it brought or took, null where the coins are elsewhere."""

    account = serializers.CharField(source="account.name", read_only=True)
    asset = serializers.SlugRelatedField[Any]("symbol", read_only=True)

    class Meta:
        model = LoanEntry
        fields = ("id", "kind", "account", "asset", "quantity", "value_usd", "executed_at", "transfer", "reverses")


class PledgeSerializer(ExactModelSerializer):
    """What stands as collateral from a moment on."""

    account = serializers.CharField(source="account.name", read_only=True)
    asset = serializers.SlugRelatedField[Any]("symbol", read_only=True)

    class Meta:
        model = Pledge
        fields = ("id", "account", "asset", "quantity", "threshold", "effective_at")


class BonusSerializer(ExactModelSerializer):
    """A bonus credit of a venue."""

    account = serializers.CharField(source="account.name", read_only=True)
    asset = serializers.SlugRelatedField[Any]("symbol", read_only=True)

    class Meta:
        model = BonusCredit
        fields = ("id", "account", "asset", "quantity", "usable_for", "granted_at", "expires_at", "ended_at")


class FreedYieldSerializer(ExactModelSerializer):
    """What freed capital earns a year from a moment on."""

    class Meta:
        model = FreedYield
        fields = ("apy", "source", "effective_at")


class NewLoanSerializer(Strict):
    """A change of a debt. What is borrowed here is no deposit, and what is repaid from here no withdrawal."""

    kind = serializers.ChoiceField(choices=LOAN_KINDS)
    asset = TextField(max_length=20)
    quantity = ExactField(positive=True, allow_zero=False)
    executed_at = UtcField(help_text="With its offset, such as 2026-11-20T12:00:00Z.")
    account = TextField(max_length=80, required=False)
    value_usd = ExactField(positive=True, required=False)
    is_paid_here = serializers.BooleanField(required=False, help_text="False: the coins are elsewhere.")


class NewPledgeSerializer(Strict):
    """What stands as collateral from now on: all of it; zero releases it."""

    asset = TextField(max_length=20)
    quantity = ExactField(positive=True)
    threshold = ExactField(positive=True, allow_zero=False, help_text="A fraction, such as 0.825.")
    account = TextField(max_length=80, required=False)


class NewBonusSerializer(Strict):
    """A bonus credit of a venue, from now on."""

    asset = TextField(max_length=20)
    quantity = ExactField(positive=True, allow_zero=False)
    usable_for = serializers.ChoiceField(choices=BonusCredit.Use.choices, required=False)
    expires_at = UtcField(required=False)
    account = TextField(max_length=80, required=False)


class NewFreedYieldSerializer(Strict):
    """What freed capital earns a year from now on, a fraction."""

    apy = ExactField(positive=True)
    source = TextField(max_length=80, required=False)  # type: ignore[assignment]


class LendingActions:
    """Add debts, collateral, bonus credit and freed capital to a portfolio's routes."""

    @extend_schema(responses=LendingSerializer)
    @action(detail=True, pagination_class=None)
    def lending(self, request: Request, pk: str) -> Response:
        """Show what is owed, how safe that is, and what margin sets free."""
        found = snapshot(portfolio=portfolio_by_id(request, pk), now=timezone.now())
        its = found.lending
        freed = freed_lines(positions=found.positions, apy=its.apy, moment=found.as_of)
        shown = {name: getattr(its, name) for name in ("lines", "bonuses", "apy", "apy_source")}
        sums = {"debts_usd": found.sleeves.debts.value, "credit_usd": its.credit.value}
        return Response(LendingSerializer({**shown, **sums, "freed": freed}).data)

    @extend_schema(responses=LoanSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def loans(self, request: Request, pk: str) -> Response:
        """List the newest changes of debts, at most 500."""
        rows = LoanEntry.objects.filter(portfolio=portfolio_by_id(request, pk)).select_related("account", "asset")
        return Response(LoanSerializer(rows.order_by("-sequence")[:MOST_ROWS], many=True).data)

    @extend_schema(request=NewLoanSerializer, responses={201: LoanSerializer}, parameters=[KEY])
    @loans.mapping.post
    def record_loan(self, request: Request, pk: str) -> Response:
        """Record that something was borrowed or repaid, or that interest was added."""

        def run() -> Answer:
            """Validate and record."""
            portfolio, data = portfolio_by_id(request, pk), valid(NewLoanSerializer, request)
            new = NewLoan(**{**data, **_named(portfolio, data), "kind": LoanKind(data["kind"])})
            key = ledger_key(request)
            row = recorded(lambda: record_loan(portfolio=portfolio, new=new, now=timezone.now(), client_key=key))
            return Answer(201, plain(LoanSerializer(row).data))

        return answer_once(request, run)

    @extend_schema(request=None, responses={200: LoanSerializer}, parameters=[KEY])
    @action(detail=True, methods=["post"], url_path=r"loans/(?P<loan>[0-9]{1,19})/reverse")
    def reverse_loan(self, request: Request, pk: str, loan: str) -> Response:
        """Reverse a change of a debt, and the coins with it."""

        def run() -> Answer:
            """Find and reverse."""
            portfolio = portfolio_by_id(request, pk)
            row = LoanEntry.objects.filter(portfolio=portfolio, pk=number(loan)).first()
            if row is None:
                raise NotFound("There is no such loan of yours.")
            done = recorded(lambda: reverse_loan(portfolio=portfolio, loan=row, now=timezone.now()))
            return Answer(200, plain(LoanSerializer(done).data))

        return answer_once(request, run)

    @extend_schema(responses=PledgeSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def pledges(self, request: Request, pk: str) -> Response:
        """List what stood as collateral, the newest word first, at most 500."""
        rows = Pledge.objects.filter(portfolio=portfolio_by_id(request, pk)).select_related("account", "asset")
        return Response(PledgeSerializer(rows.order_by("-effective_at")[:MOST_ROWS], many=True).data)

    @extend_schema(request=NewPledgeSerializer, responses={201: PledgeSerializer}, parameters=[KEY])
    @pledges.mapping.post
    def set_pledge(self, request: Request, pk: str) -> Response:
        """State what stands as collateral from now on."""

        def run() -> Answer:
            """Validate and state."""
            portfolio, data = portfolio_by_id(request, pk), valid(NewPledgeSerializer, request)
            terms = {**data, **_named(portfolio, data)}
            row = recorded(lambda: set_pledge(portfolio=portfolio, now=timezone.now(), **terms))
            return Answer(201, plain(PledgeSerializer(row).data))

        return answer_once(request, run)

    @extend_schema(responses=BonusSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def bonuses(self, request: Request, pk: str) -> Response:
        """List bonus credits, the newest first, at most 500."""
        rows = BonusCredit.objects.filter(portfolio=portfolio_by_id(request, pk)).select_related("account", "asset")
        return Response(BonusSerializer(rows.order_by("-pk")[:MOST_ROWS], many=True).data)

    @extend_schema(request=NewBonusSerializer, responses={201: BonusSerializer}, parameters=[KEY])
    @bonuses.mapping.post
    def grant_bonus(self, request: Request, pk: str) -> Response:
        """Note a bonus credit of a venue."""

        def run() -> Answer:
            """Validate and note."""
            portfolio, data = portfolio_by_id(request, pk), valid(NewBonusSerializer, request)
            terms = {**data, **_named(portfolio, data)}
            row = recorded(lambda: grant_bonus(portfolio=portfolio, now=timezone.now(), **terms))
            return Answer(201, plain(BonusSerializer(row).data))

        return answer_once(request, run)

    @extend_schema(responses=FreedYieldSerializer(many=True))
    @action(detail=True, pagination_class=None, url_path="freed-yields")
    def freed_yields(self, request: Request, pk: str) -> Response:
        """List what freed capital was said to earn, the newest word first, at most 500."""
        rows = FreedYield.objects.filter(portfolio=portfolio_by_id(request, pk))
        return Response(FreedYieldSerializer(rows.order_by("-effective_at")[:MOST_ROWS], many=True).data)

    @extend_schema(request=NewFreedYieldSerializer, responses={201: FreedYieldSerializer}, parameters=[KEY])
    @freed_yields.mapping.post
    def set_freed_yield(self, request: Request, pk: str) -> Response:
        """State what freed capital earns a year from now on."""

        def run() -> Answer:
            """Validate and state."""
            portfolio, data = portfolio_by_id(request, pk), valid(NewFreedYieldSerializer, request)
            row = recorded(lambda: set_freed_yield(portfolio=portfolio, now=timezone.now(), **data))
            return Answer(201, plain(FreedYieldSerializer(row).data))

        return answer_once(request, run)


def _named(portfolio: Any, data: Any) -> dict[str, Any]:
    """Return the asset and the account that a body names."""
    return {"asset": named_asset(portfolio, data, "asset"), "account": named_account(portfolio, data, "account")}
