"""Shape transfers, accounts and lot methods for the API, and read new ones."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from portfolio.api.fields import ExactField, ExactModelSerializer, IdField, Strict, TextField, UtcField
from portfolio.domain.futures import PositionSide
from portfolio.domain.lots import Method, Scope
from portfolio.models import Account, LotMethod, Transfer

SIDES = [side.value for side in PositionSide]
MOST_PARTS = 200
SIGNED = {Transfer.Kind.FUNDING, Transfer.Kind.MARGIN, Transfer.Kind.REBASE}
BRINGING = {Transfer.Kind.MIGRATION, Transfer.Kind.SWAP}
OF_POSITION = {Transfer.Kind.FUNDING, Transfer.Kind.MARGIN}
BELONGS = {
    "cost_usd": {Transfer.Kind.DEPOSIT},
    "acquired_at": {Transfer.Kind.DEPOSIT},
    "to_account": {Transfer.Kind.MOVE},
    "into": BRINGING,
    "into_quantity": BRINGING,
    "ratio": {Transfer.Kind.MIGRATION},
    "instrument": OF_POSITION,
    "position_side": OF_POSITION,
    "fee_amount": {Transfer.Kind.MOVE, Transfer.Kind.WITHDRAWAL, Transfer.Kind.SWAP},
}
"""Which kinds of transfer know a field; elsewhere it is refused by its name."""


class AccountSerializer(ExactModelSerializer):
    """An account: where a portfolio keeps things."""

    venue = serializers.SlugRelatedField[Any]("slug", read_only=True)

    class Meta:
        model = Account
        fields = ("id", "name", "venue")


class NewAccountSerializer(Strict):
    """Another account, at the portfolio's venue unless another is named."""

    name = TextField(max_length=80)
    venue = TextField(max_length=50, required=False, help_text="The slug of a venue, such as binance.")


class LotMethodSerializer(ExactModelSerializer):
    """From when on lots are relieved by which method, and whose; a reversal names what it reverses."""

    class Meta:
        model = LotMethod
        fields = ("id", "method", "scope", "effective_at", "recorded_at", "reverses")


class NewLotMethodSerializer(Strict):
    """A method and a scope, from a moment on; an earlier moment works everything out anew from there."""

    method = serializers.ChoiceField(choices=[method.value for method in Method])
    scope = serializers.ChoiceField(choices=[scope.value for scope in Scope], required=False)
    effective_at = UtcField(help_text="With its offset, such as 2026-11-20T12:00:00Z.")


class TransferSerializer(ExactModelSerializer):
    """What came in, went out, moved or changed without a trade."""

    account = serializers.CharField(source="account.name", read_only=True)
    to_account = serializers.CharField(source="to_account.name", read_only=True, allow_null=True, default=None)
    asset = serializers.SlugRelatedField[Any]("symbol", read_only=True)
    into = serializers.SlugRelatedField[Any]("symbol", read_only=True, source="into_asset")
    instrument = serializers.CharField(source="instrument.name", read_only=True, allow_null=True, default=None)
    fee_asset = serializers.SlugRelatedField[Any]("symbol", read_only=True)

    class Meta:
        model = Transfer
        fields = (
            "id",
            "kind",
            "executed_at",
            "recorded_at",
            "account",
            "asset",
            "quantity",
            "value_usd",
            "cost_usd",
            "acquired_at",
            "to_account",
            "into",
            "into_quantity",
            "instrument",
            "position_side",
            "fee_amount",
            "fee_asset",
            "fee_usd",
            "external_id",
            "reverses",
        )


class NewTransferSerializer(Strict):
    """A deposit, withdrawal, income, move, migration, rebase or swap, or funding and margin of a position.

    Quantities are positive, except that funding, margin and rebases carry their sign. What is left out is filled in
    where it is known: the value from the market, the account from the portfolio, a known migration's ratio.
    """

    portfolio = IdField()
    kind = serializers.ChoiceField(choices=Transfer.Kind.choices)
    asset = TextField(max_length=20)
    quantity = ExactField(allow_zero=False)
    executed_at = UtcField(help_text="With its offset, such as 2026-11-20T12:00:00Z.")
    account = TextField(max_length=80, required=False, help_text="An account's name; without it, the first.")
    cost_usd = ExactField(positive=True, required=False, help_text="Of a deposit: what all of it cost.")
    value_usd = ExactField(required=False, help_text="What all of it was worth then; funding carries its sign.")
    acquired_at = UtcField(required=False, help_text="Of a deposit: when it was acquired, if before it arrived.")
    to_account = TextField(max_length=80, required=False)
    into = TextField(max_length=20, required=False)
    into_quantity = ExactField(positive=True, allow_zero=False, required=False)
    ratio = ExactField(positive=True, allow_zero=False, required=False, help_text="New units for one old unit.")
    instrument = TextField(max_length=40, required=False)
    position_side = serializers.ChoiceField(choices=SIDES, required=False)
    fee_amount = ExactField(positive=True, required=False)
    fee_asset = TextField(max_length=20, required=False)
    core_override_reason = TextField(max_length=300, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Name each field that its kind misses or does not know, and a sign that cannot be."""
        kind = attrs["kind"]
        faults = {name: f"A {kind} has no such field." for name in attrs if kind not in BELONGS.get(name, {kind})}
        if kind not in SIGNED and attrs["quantity"] < 0:
            faults["quantity"] = "The amount must not be negative."
        if kind != Transfer.Kind.FUNDING and attrs.get("value_usd", 0) < 0:
            faults["value_usd"] = "The amount must not be negative."
        faults |= dict.fromkeys(_missing(attrs), "Give a value.")
        if "into_quantity" in attrs and "ratio" in attrs:
            faults["ratio"] = "Give what it brought or the ratio, not both."
        if faults:
            raise serializers.ValidationError({name: [text] for name, text in faults.items()})
        return attrs


class CrumbSerializer(Strict):
    """One small holding that is given away."""

    asset = TextField(max_length=20)
    quantity = ExactField(positive=True, allow_zero=False)


class NewDustSerializer(Strict):
    """Small holdings that a venue converted into one asset; each gets its share of it by what it was worth."""

    portfolio = IdField()
    parts = CrumbSerializer(many=True, allow_empty=False)
    into = TextField(max_length=20)
    into_quantity = ExactField(positive=True, allow_zero=False)
    executed_at = UtcField(help_text="With its offset, such as 2026-11-20T12:00:00Z.")
    account = TextField(max_length=80, required=False)
    core_override_reason = TextField(max_length=300, required=False)

    def validate_parts(self, parts: list[Any]) -> list[Any]:
        """Bound what one request may convert."""
        if len(parts) > MOST_PARTS:
            raise serializers.ValidationError(f"Convert at most {MOST_PARTS} holdings at once.")
        return parts


def _missing(attrs: dict[str, Any]) -> list[str]:
    """Return what its kind needs; a migration that everybody went through knows its own ratio."""
    needed = {
        Transfer.Kind.MOVE: ["to_account"],
        Transfer.Kind.MIGRATION: ["into"],
        Transfer.Kind.SWAP: ["into", "into_quantity"],
        Transfer.Kind.FUNDING: ["instrument"],
        Transfer.Kind.MARGIN: ["instrument"],
    }
    return [name for name in needed.get(attrs["kind"], []) if name not in attrs]
