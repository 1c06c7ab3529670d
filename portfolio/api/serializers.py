"""Shape portfolios, holdings, positions, fills and instruments for the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from portfolio.api.fields import ExactField, ExactModelSerializer, UtcField
from portfolio.models import Fill, Instrument, Market, Portfolio, Sector


class MarketSerializer(ExactModelSerializer):
    """A market; `as_of` is where its clock stands, null while it runs."""

    class Meta:
        model = Market
        fields = ("slug", "name", "is_simulated", "as_of")


class SectorSerializer(ExactModelSerializer):
    """A sector."""

    class Meta:
        model = Sector
        fields = ("slug", "name", "kind", "defensiveness", "position")


class InstrumentSerializer(ExactModelSerializer):
    """An instrument by the name that legs use."""

    name = serializers.CharField(read_only=True)
    asset = serializers.SlugRelatedField[Any]("symbol", read_only=True)
    venue = serializers.SlugRelatedField[Any]("slug", read_only=True)

    class Meta:
        model = Instrument
        fields = ("name", "kind", "asset", "venue", "lot_step", "min_notional_usd", "maintenance_rate", "max_leverage")


class PortfolioSerializer(ExactModelSerializer):
    """A portfolio; `ledger_version` grows with every entry."""

    market = MarketSerializer(read_only=True)
    venue = serializers.SlugRelatedField[Any]("slug", read_only=True)
    reserve_asset = serializers.SlugRelatedField[Any]("symbol", read_only=True)
    is_recomputing = serializers.SerializerMethodField(help_text="Daily values are behind the ledger.")

    class Meta:
        model = Portfolio
        fields = (
            "id",
            "name",
            "market",
            "venue",
            "reserve_asset",
            "is_active",
            "created_at",
            "ledger_version",
            "is_recomputing",
        )

    def get_is_recomputing(self, portfolio: Portfolio) -> bool:
        """Return whether the daily values are behind."""
        return portfolio.valued_version < portfolio.ledger_version


class WorthSerializer(serializers.Serializer[Any]):
    """A sum and how much of it is known: an unpriced part is counted, never taken for zero."""

    value = ExactField()
    priced = serializers.IntegerField()
    stale = serializers.IntegerField()
    unpriced = serializers.IntegerField()
    assumed = serializers.IntegerField()


class DriftSerializer(serializers.Serializer[Any]):
    """A sleeve or sector against its target; shares are fractions."""

    name = serializers.CharField()
    value_usd = ExactField(source="drift.value")
    actual = ExactField(source="drift.actual")
    target = ExactField(source="drift.target")
    drift = ExactField(source="drift.drift")
    band = ExactField(source="drift.band")
    is_outside = serializers.BooleanField(source="drift.is_outside")


class TotalsSerializer(serializers.Serializer[Any]):
    """What was gained so far, in USD; each fee counted once."""

    realized = ExactField()
    unrealized = ExactField()
    spot_realized = ExactField()
    spot_unrealized = ExactField()
    futures_realized = ExactField()
    futures_unrealized = ExactField()
    futures_fees = ExactField()
    funding = ExactField()
    income = ExactField()
    unpriced = serializers.IntegerField()
    unmatched = serializers.IntegerField()
    unmatched_usd = ExactField()


class StandingSerializer(serializers.Serializer[Any]):
    """Where a portfolio stands: equity, sleeves and sectors against their targets, and totals."""

    portfolio = PortfolioSerializer()
    as_of = UtcField()
    stage = serializers.CharField(allow_null=True)
    equity = WorthSerializer()
    sleeves = DriftSerializer(many=True, help_text="core, reserve, pool: shares of equity.")
    sectors = DriftSerializer(many=True, help_text="Narratives: shares of the pool, against the stage.")
    totals = TotalsSerializer()


class HoldingSerializer(serializers.Serializer[Any]):
    """What is held of an asset; amounts in USD, null where there is no price."""

    asset = serializers.CharField(source="asset.symbol")
    account = serializers.CharField(source="account.name")
    quantity = ExactField()
    locked = ExactField(help_text="Posted as margin.")
    core = ExactField(help_text="Flagged core: no leg sells it.")
    cost_usd = ExactField()
    price_usd = ExactField(source="quoted.price", allow_null=True, default=None)
    priced_at = UtcField(source="quoted.observed_at", allow_null=True, default=None)
    price_state = serializers.CharField(help_text="priced, stale, unpriced or assumed")
    value_usd = ExactField(allow_null=True)
    unrealized_usd = ExactField(allow_null=True)
    realized_usd = ExactField()
    sectors = serializers.DictField(child=ExactField(), source="belonging.shares")


class PositionSerializer(serializers.Serializer[Any]):
    """A futures position; prices and margin in the quote asset, the rest in USD."""

    instrument = serializers.CharField(source="instrument.name")
    side = serializers.CharField()
    quantity = ExactField(help_text="Signed.")
    entry_price = ExactField()
    mark = ExactField(allow_null=True)
    margin = ExactField()
    leverage = ExactField(allow_null=True)
    notional_usd = ExactField(allow_null=True)
    unrealized_usd = ExactField(allow_null=True)
    realized_usd = ExactField()
    fees_usd = ExactField()
    funding_usd = ExactField()
    liquidation_price = ExactField(allow_null=True)
    liquidation_distance = ExactField(allow_null=True)


class FillSerializer(ExactModelSerializer):
    """One execution."""

    instrument = serializers.CharField(source="instrument.name", read_only=True)
    quote_asset = serializers.SlugRelatedField[Any]("symbol", read_only=True)
    fee_asset = serializers.SlugRelatedField[Any]("symbol", read_only=True)

    class Meta:
        model = Fill
        fields = (
            "id",
            "executed_at",
            "recorded_at",
            "instrument",
            "side",
            "quantity",
            "price",
            "quote_asset",
            "quote_usd",
            "fee_amount",
            "fee_asset",
            "fee_usd",
            "leverage",
            "external_id",
            "reverses",
        )
