"""Shape portfolios, holdings, positions, fills and instruments for the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from portfolio.api.fields import ExactField, ExactModelSerializer, IdField, Strict, TextField, UtcField
from portfolio.domain.futures import MarginMode, PositionSide, Reason
from portfolio.models import Fill, Instrument, Market, Portfolio, Sector

SIDES = [side.value for side in PositionSide]
MODES = [mode.value for mode in MarginMode]
REASONS = [reason.value for reason in Reason]


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
        fields = (
            "name",
            "kind",
            "asset",
            "venue",
            "lot_step",
            "min_notional_usd",
            "maintenance_rate",
            "max_leverage",
            "is_inverse",
            "contract_size",
            "expires_at",
            "settlement_fee_rate",
            "tiers",
        )


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
    risk_equity_usd = ExactField(help_text="Stablecoins at most at par, less their haircut.")
    debts = WorthSerializer(help_text="Negative, and deducted from equity already.")
    credit = WorthSerializer(help_text="Bonus credit of venues: never part of equity.")
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
    """A futures position; prices and margin in what it settles in, the rest in USD. Inverse prices are in USD."""

    account = serializers.CharField(source="account.name")
    settle_asset = serializers.CharField(source="quote_asset.symbol")
    position_side = serializers.CharField(help_text="net, or in hedge mode long or short")
    margin_mode = serializers.CharField(help_text="isolated or cross")
    instrument = serializers.CharField(source="instrument.name")
    side = serializers.CharField()
    quantity = ExactField(help_text="Signed, in units: base units, or USD of face where it is inverse.")
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
    bankruptcy_price = ExactField(allow_null=True)
    freed_usd = ExactField(allow_null=True, help_text="What need not be paid in full (F47).")
    expires_at = UtcField(allow_null=True)
    expiry_alert = serializers.IntegerField(allow_null=True, help_text="At most so many of 14, 7, 3, 1 days; 0: over.")
    chain = serializers.CharField(help_text="What joins it to the contracts it was rolled from; empty: nothing.")


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
            "position_side",
            "margin_mode",
            "reason",
            "chain",
            "external_id",
            "reverses",
        )


class NewFuturesFillSerializer(Strict):
    """One execution in futures. The quantity counts contracts; a reason other than trade only closes.

    Prices are in the settlement asset: the portfolio's reserve, or the coin, whose price they then are in USD.
    """

    portfolio = IdField()
    instrument = TextField(max_length=40, help_text="FET-PERP, BTC-261225, BTC-USD-PERP: see /instruments/.")
    side = serializers.ChoiceField(choices=Fill.Side.choices)
    quantity = ExactField(positive=True, allow_zero=False)
    price = ExactField(positive=True, allow_zero=False)
    executed_at = UtcField(help_text="With its offset, such as 2026-11-20T12:00:00Z.")
    fee_amount = ExactField(positive=True, required=False)
    fee_asset = TextField(max_length=20, required=False)
    leverage = ExactField(positive=True, allow_zero=False, required=False, allow_null=True)
    position_side = serializers.ChoiceField(choices=SIDES, required=False)
    margin_mode = serializers.ChoiceField(choices=MODES, required=False)
    reason = serializers.ChoiceField(choices=REASONS, required=False)


class NewRollSerializer(Strict):
    """A position that is closed and opened again in a later contract; fees are in the settlement asset."""

    portfolio = IdField()
    instrument = TextField(max_length=40)
    into = TextField(max_length=40)
    position_side = serializers.ChoiceField(choices=SIDES, required=False)
    price = ExactField(positive=True, allow_zero=False, help_text="At which the old contract was closed.")
    into_price = ExactField(positive=True, allow_zero=False)
    quantity = ExactField(positive=True, allow_zero=False, required=False, help_text="Contracts; all, if left out.")
    fee_amount = ExactField(positive=True, required=False)
    into_fee_amount = ExactField(positive=True, required=False)
    leverage = ExactField(positive=True, allow_zero=False, required=False, allow_null=True)
    executed_at = UtcField(help_text="With its offset, such as 2026-11-20T12:00:00Z.")


class SpreadSerializer(serializers.Serializer[Any]):
    """How far the next contract's price is above the old one's, and that a year; both fractions."""

    spread = ExactField()
    annualised = ExactField(allow_null=True)


class RollSerializer(serializers.Serializer[Any]):
    """A roll: what closed, what opened, and what joins them."""

    chain = serializers.CharField()
    spread = SpreadSerializer(allow_null=True)
    closing = FillSerializer()
    opening = FillSerializer()


class ChainMemberSerializer(serializers.Serializer[Any]):
    """One contract of a chain, and what it brought in USD."""

    instrument = serializers.CharField(source="instrument.name")
    opened_at = UtcField()
    closed_at = UtcField(allow_null=True)
    realized = ExactField(source="brought.realized")
    fees = ExactField(source="brought.fees")
    funding = ExactField(source="brought.funding")
    unrealized = ExactField(source="brought.unrealized")
    spread = SpreadSerializer(allow_null=True)


class ChainSerializer(serializers.Serializer[Any]):
    """A position through all its rolls; the PnL counts each fee once."""

    name = serializers.CharField()
    pnl_usd = ExactField()
    members = ChainMemberSerializer(many=True)
