"""What happened (fills and transfers, append-only) and what follows: lots, disposals, positions, daily values."""

from __future__ import annotations

from django.db import models

from portfolio.domain.futures import MarginMode, PositionSide, Reason
from portfolio.domain.lots import Method, Scope
from portfolio.fields import ExactDecimalField, PositiveAmount
from portfolio.models.market import Asset, Instrument, Venue
from portfolio.models.policy import Portfolio

SIDES = [(side.value, side.value) for side in PositionSide]
MODES = [(mode.value, mode.value) for mode in MarginMode]
REASONS = [(reason.value, reason.value) for reason in Reason]


class Account(models.Model):
    """Where a portfolio keeps things: one venue, one name."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="accounts")
    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["portfolio", "name"], name="account_name_once")]

    def __str__(self) -> str:
        """Show the name."""
        return self.name


class Entry(models.Model):
    """What fills and transfers share: when it happened and in which order. Never updated or deleted."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="%(class)ss")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="%(class)ss")
    executed_at = models.DateTimeField()
    sequence = models.PositiveBigIntegerField(help_text="Order within the portfolio; breaks ties of time.")
    recorded_at = models.DateTimeField()
    external_id = models.CharField(max_length=100, null=True, blank=True, help_text="The venue's own id.")
    is_imported = models.BooleanField(
        default=False, help_text="May let go of more than is held: the rest is unmatched (DECISIONS 14)."
    )

    class Meta:
        abstract = True


class Fill(Entry):
    """One execution. The fee is charged in quote, in the asset itself or in a third asset (DOMAIN 4.1, 4.2)."""

    class Side(models.TextChoices):
        """Which way."""

        BUY = "buy"
        SELL = "sell"

    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="fills")
    side = models.CharField(max_length=4, choices=Side.choices)
    quantity = ExactDecimalField()
    price = ExactDecimalField(help_text="In units of the quote asset.")
    quote_asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    quote_usd = ExactDecimalField(default=1, help_text="USD per unit of the quote asset at that moment.")
    fee_amount = ExactDecimalField(default=0)
    fee_asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    fee_usd = ExactDecimalField(default=0, help_text="What the fee was worth in USD at that moment.")
    leverage = ExactDecimalField(
        null=True, blank=True, help_text="Of an opening perp fill; margin = notional / leverage."
    )
    position_side = models.CharField(max_length=5, choices=SIDES, default=PositionSide.NET.value)
    margin_mode = models.CharField(
        max_length=8, choices=MODES, blank=True, default="", help_text="Of an opening futures fill; empty: as it is."
    )
    reason = models.CharField(max_length=11, choices=REASONS, default=Reason.TRADE.value)
    chain = models.CharField(max_length=64, blank=True, default="", help_text="What joins the contracts of a roll.")
    reverses = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="reversed_by")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "sequence"], name="fill_sequence_once"),
            models.UniqueConstraint(fields=["account", "external_id"], name="fill_external_once"),
            PositiveAmount(field="quantity", name="fill_quantity_positive"),
            PositiveAmount(field="price", name="fill_price_positive"),
            PositiveAmount(field="fee_amount", name="fill_fee_not_negative", is_zero_allowed=True),
        ]
        indexes = [models.Index(fields=["portfolio", "executed_at", "sequence"], name="fill_in_order")]

    def __str__(self) -> str:
        """Show the execution."""
        return f"{self.side} {self.quantity} {self.instrument_id} @ {self.price}"


class Transfer(Entry):
    """Something that came in or went out without a trade: deposit, withdrawal, income; cost may be unknown."""

    class Kind(models.TextChoices):
        """What it was. FUNDING is a perp's own cash flow, MARGIN its own money; the last four change or move lots."""

        DEPOSIT = "deposit"
        WITHDRAWAL = "withdrawal"
        INCOME = "income"
        FUNDING = "funding"
        MARGIN = "margin", "Margin of a position"
        MOVE = "move", "Move to another account"
        MIGRATION = "migration", "Token migration"
        REBASE = "rebase"
        SWAP = "swap"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    quantity = ExactDecimalField(help_text="Positive, except funding, margin and rebases, which carry their sign.")
    cost_usd = ExactDecimalField(null=True, blank=True, help_text="Cost basis carried in; empty: unknown.")
    value_usd = ExactDecimalField(null=True, blank=True, help_text="Market value at that moment; empty: unpriced.")
    acquired_at = models.DateTimeField(null=True, blank=True, help_text="When it was acquired, if before it arrived.")
    instrument = models.ForeignKey(Instrument, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    position_side = models.CharField(max_length=5, choices=SIDES, default=PositionSide.NET.value)
    to_account = models.ForeignKey(Account, null=True, blank=True, on_delete=models.PROTECT, related_name="arrivals")
    into_asset = models.ForeignKey(Asset, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    into_quantity = ExactDecimalField(null=True, blank=True, help_text="What a migration or a swap brought.")
    fee_amount = ExactDecimalField(default=0, help_text="A network fee, on top of the quantity.")
    fee_asset = models.ForeignKey(Asset, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    fee_usd = ExactDecimalField(default=0, help_text="What the fee was worth in USD at that moment.")
    reverses = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="reversed_by")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "sequence"], name="transfer_sequence_once"),
            models.UniqueConstraint(fields=["account", "external_id"], name="transfer_external_once"),
            models.CheckConstraint(
                condition=models.Q(kind="move", to_account__isnull=False)
                | (~models.Q(kind="move") & models.Q(to_account__isnull=True)),
                name="transfer_move_has_an_end",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    kind__in=["migration", "swap"], into_asset__isnull=False, into_quantity__isnull=False
                )
                | (
                    ~models.Q(kind__in=["migration", "swap"])
                    & models.Q(into_asset__isnull=True, into_quantity__isnull=True)
                ),
                name="transfer_conversion_has_an_end",
            ),
            PositiveAmount(field="fee_amount", name="transfer_fee_not_negative", is_zero_allowed=True),
        ]
        indexes = [models.Index(fields=["portfolio", "executed_at", "sequence"], name="transfer_in_order")]

    def __str__(self) -> str:
        """Show what moved."""
        return f"{self.kind} {self.quantity} {self.asset_id}"


class LotMethod(models.Model):
    """From when on lots are relieved by which method, and whether an account's own or the portfolio's (DOMAIN 4.1).

    An entry of the ledger like any other: never updated or deleted; a mistake is reversed.
    """

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="lot_methods")
    effective_at = models.DateTimeField()
    sequence = models.PositiveBigIntegerField(help_text="Order within the portfolio; breaks ties of time.")
    recorded_at = models.DateTimeField()
    method = models.CharField(max_length=4, choices=[(method.value, method.value) for method in Method])
    scope = models.CharField(max_length=9, choices=[(scope.value, scope.value) for scope in Scope])
    reverses = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="reversed_by")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["portfolio", "sequence"], name="lot_method_sequence_once")]
        indexes = [models.Index(fields=["portfolio", "effective_at", "sequence"], name="lot_method_in_order")]

    def __str__(self) -> str:
        """Show the method."""
        return f"{self.method} per {self.scope} from {self.effective_at:%Y-%m-%d}"


class Checkpoint(models.Model):
    """The folded ledger as it was after an entry (derived): where a back-dated entry starts to recompute."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="checkpoints")
    executed_at = models.DateTimeField()
    sequence = models.PositiveBigIntegerField()
    state = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["portfolio", "sequence"], name="checkpoint_once")]
        indexes = [models.Index(fields=["portfolio", "executed_at", "sequence"], name="checkpoint_in_order")]

    def __str__(self) -> str:
        """Show where it stands."""
        return f"portfolio {self.portfolio_id} after entry {self.sequence}"


class Lot(models.Model):
    """Units acquired together and still held, at least in part (derived). Costs in USD."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="lots")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="lots")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    acquired_at = models.DateTimeField()
    sequence = models.PositiveBigIntegerField(help_text="Of the entry that brought it.")
    ordinal = models.PositiveIntegerField(default=0, help_text="Which of the lots that the entry brought.")
    fill = models.ForeignKey(Fill, null=True, on_delete=models.CASCADE, related_name="lots")
    transfer = models.ForeignKey(Transfer, null=True, on_delete=models.CASCADE, related_name="lots")
    quantity = ExactDecimalField()
    cost_usd = ExactDecimalField()
    remaining_quantity = ExactDecimalField()
    remaining_cost_usd = ExactDecimalField()
    is_cost_assumed = models.BooleanField(default=False)
    is_open = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "asset", "sequence", "ordinal"], name="lot_once"),
            PositiveAmount(field="remaining_quantity", name="lot_remaining", is_zero_allowed=True),
        ]
        indexes = [
            models.Index(
                fields=["portfolio", "account", "asset", "acquired_at", "sequence", "ordinal"],
                name="lot_open_in_order",
                condition=models.Q(is_open=True),
            )
        ]

    def __str__(self) -> str:
        """Show what remains."""
        return f"{self.remaining_quantity} of {self.quantity} {self.asset_id}"


class Disposal(models.Model):
    """The part of a lot that a sell, a fee or a withdrawal relieved (derived). Amounts in USD.

    What was only carried on realises nothing: it left, moved, became another token, or was pooled.
    """

    class Kind(models.TextChoices):
        """Why the units left the lot."""

        SOLD = "sold"
        SPENT = "spent"
        FEE = "fee"
        SETTLED = "settled"
        SENT = "sent"
        MOVED = "moved"
        CONVERTED = "converted"
        RESET = "reset"

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="disposals")
    lot = models.ForeignKey(Lot, on_delete=models.CASCADE, related_name="disposals")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    fill = models.ForeignKey(Fill, null=True, on_delete=models.CASCADE, related_name="disposals")
    transfer = models.ForeignKey(Transfer, null=True, on_delete=models.CASCADE, related_name="disposals")
    disposed_at = models.DateTimeField()
    sequence = models.PositiveBigIntegerField(default=0, help_text="Of the entry that relieved the lot.")
    ordinal = models.PositiveIntegerField(default=0, help_text="Which of the parts that the entry relieved.")
    kind = models.CharField(max_length=9, choices=Kind.choices, default=Kind.SOLD)
    quantity = ExactDecimalField()
    cost_usd = ExactDecimalField()
    proceeds_usd = ExactDecimalField()
    realized_pnl_usd = ExactDecimalField(help_text="proceeds - cost; zero for a withdrawal, which realises nothing.")
    is_fee = models.BooleanField(default=False, help_text="A third asset spent on a fee.")

    class Meta:
        indexes = [
            models.Index(fields=["fill"], name="disposal_of_fill"),
            models.Index(fields=["portfolio", "disposed_at", "sequence"], name="disposal_in_order"),
        ]

    def __str__(self) -> str:
        """Show what was relieved."""
        return f"{self.quantity} {self.asset_id} realised {self.realized_pnl_usd}"


class Unmatched(models.Model):
    """What an import let go of without ever having held it (derived): no cost basis, outside realised totals."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="unmatched")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    fill = models.ForeignKey(Fill, null=True, on_delete=models.CASCADE, related_name="unmatched")
    transfer = models.ForeignKey(Transfer, null=True, on_delete=models.CASCADE, related_name="unmatched")
    disposed_at = models.DateTimeField()
    sequence = models.PositiveBigIntegerField(default=0, help_text="Of the entry that let go of it.")
    quantity = ExactDecimalField()
    proceeds_usd = ExactDecimalField()

    class Meta:
        constraints = [PositiveAmount(field="quantity", name="unmatched_quantity_positive")]

    def __str__(self) -> str:
        """Show what is missing."""
        return f"{self.quantity} {self.asset_id} unmatched"


class Holding(models.Model):
    """What an account holds of an asset now, in total (derived): the sum of its open lots, or a fiat balance."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="holdings")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="holdings")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    quantity = ExactDecimalField()
    cost_usd = ExactDecimalField()
    realized_pnl_usd = ExactDecimalField(default=0, help_text="So far, in this asset and account.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["portfolio", "account", "asset"], name="holding_once")]

    def __str__(self) -> str:
        """Show what is held."""
        return f"{self.quantity} {self.asset_id}"


class Position(models.Model):
    """A futures exposure per account, instrument and side (derived): signed units, entry cost and margin as settled."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="positions")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="positions")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    quote_asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    quantity = ExactDecimalField()
    entry_price = ExactDecimalField()
    entry_cost = ExactDecimalField(default=0, help_text="In the quote asset; the entry price times size, unrounded.")
    margin = ExactDecimalField()
    realized_pnl_usd = ExactDecimalField()
    fees_usd = ExactDecimalField()
    funding_usd = ExactDecimalField(default=0)
    opened_at = models.DateTimeField(null=True)
    position_side = models.CharField(max_length=5, choices=SIDES, default=PositionSide.NET.value)
    is_inverse = models.BooleanField(default=False)
    margin_mode = models.CharField(max_length=8, choices=MODES, default=MarginMode.ISOLATED.value)
    chain = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["portfolio", "account", "instrument", "position_side"], name="position_once"
            )
        ]

    def __str__(self) -> str:
        """Show the exposure."""
        return f"{self.quantity} {self.instrument_id} @ {self.entry_price}"


class PositionChange(models.Model):
    """What one fill did to a position (derived): realised PnL and fee of exactly that fill, in USD."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="position_changes")
    fill = models.OneToOneField(Fill, on_delete=models.CASCADE, related_name="position_change")
    realized_pnl_usd = ExactDecimalField()
    fee_usd = ExactDecimalField()
    quantity_after = ExactDecimalField()
    entry_price_after = ExactDecimalField()
    margin_after = ExactDecimalField()

    def __str__(self) -> str:
        """Show what was realised."""
        return f"fill {self.fill_id} realised {self.realized_pnl_usd}"


class ValuationDay(models.Model):
    """A portfolio's worth at a day's close (derived): totals in USD, by sleeve, and what could not be priced."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="valuation_days")
    date = models.DateField()
    equity_usd = ExactDecimalField()
    core_usd = ExactDecimalField()
    reserve_usd = ExactDecimalField()
    pool_usd = ExactDecimalField()
    futures_usd = ExactDecimalField(default=0, help_text="Posted margin plus unrealized PnL.")
    held_usd = ExactDecimalField(help_text="The same day, had the opening holdings and flows never been rotated.")
    flow_usd = ExactDecimalField(help_text="Deposits less withdrawals of that day.")
    sectors = models.JSONField(default=dict, help_text="USD by sector slug, as text.")
    unpriced_count = models.PositiveSmallIntegerField(default=0)
    risk_usd = ExactDecimalField(null=True, help_text="Equity with stablecoins cut for risk; empty: not valued yet.")
    fees_usd = ExactDecimalField(default=0, help_text="Fees and interest of that day.")
    funding_usd = ExactDecimalField(default=0, help_text="Signed: what was paid is negative.")
    income_usd = ExactDecimalField(default=0)
    flows = models.JSONField(default=list, help_text="Timed flows: USD as text, and the share of the day then passed.")
    units = models.JSONField(null=True, help_text="Held at the close by id of the asset, as text; empty: not known.")
    sizes = models.JSONField(default=dict, help_text="Signed contract units at the close by id of the contract.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["portfolio", "date"], name="valuation_day_once")]

    def __str__(self) -> str:
        """Show day and equity."""
        return f"{self.date} {self.equity_usd}"
