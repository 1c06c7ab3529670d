"""Read executions in futures, what ends or changes a position, and rolls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django import forms

from portfolio.domain.futures import MarginMode, PositionSide, Reason
from portfolio.domain.money import ZERO
from portfolio.forms.dated import DatedForm
from portfolio.forms.fields import AmountField
from portfolio.models import Fill, Instrument, Portfolio, Position, Transfer
from portfolio.queries.positions import open_positions
from portfolio.services.contracts import Close, Next
from portfolio.services.entries import NewFill, NewTransfer

ENDS = (
    (Reason.LIQUIDATION.value, "Liquidated: the margin no longer held it"),
    (Reason.ADL.value, "Deleveraged (ADL): the venue took it against somebody else's loss"),
    (Reason.SETTLEMENT.value, "Settled: the contract expired"),
    (Reason.TRADE.value, "Closed by you"),
)
CASH = (
    (Transfer.Kind.FUNDING.value, "Funding"),
    (Transfer.Kind.MARGIN.value, "Margin put in or taken out"),
)
SIDES = (
    (PositionSide.NET.value, "One position (one-way mode)"),
    (PositionSide.LONG.value, "The long side (hedge mode)"),
    (PositionSide.SHORT.value, "The short side (hedge mode)"),
)
MODES = (("", "As it is, else isolated"), (MarginMode.ISOLATED.value, "Isolated"), (MarginMode.CROSS.value, "Cross"))


class ContractField(forms.TypedChoiceField):
    """Choose one of the venue's futures contracts that were read once, by its name."""

    def __init__(self, contracts: Sequence[Instrument], **options: Any) -> None:
        """Offer the contracts by name."""
        self.by_name = {row.name: row for row in contracts}
        names = [(name, name) for name in sorted(self.by_name)]
        super().__init__(choices=[("", "—"), *names], coerce=self.by_name.get, empty_value=None, **options)


class FuturesFillForm(DatedForm):
    """State one execution in futures."""

    side = forms.ChoiceField(label="Which way", choices=Fill.Side.choices, widget=forms.RadioSelect, initial="buy")
    quantity = AmountField(label="Contracts", help_text="As the venue counts them.")
    price = AmountField(label="Price")
    leverage = AmountField(label="Leverage", help_text="Of what it opens, such as 3.", required=False)
    fee_amount = AmountField(label="Fee", help_text="In what the contract settles in.", required=False)
    margin_mode = forms.ChoiceField(label="Margin", choices=MODES, required=False)
    position_side = forms.ChoiceField(label="Position", choices=SIDES, initial=SIDES[0][0])
    field_order = (
        "contract", "account", "side", "quantity", "price", "executed_at", "leverage", "fee_amount", "margin_mode",
        "position_side",
    )  # fmt: skip

    def __init__(self, *args: Any, contracts: Sequence[Instrument], **options: Any) -> None:
        """Offer the venue's contracts."""
        super().__init__(*args, **options)
        self.fields["contract"] = ContractField(contracts, label="Contract")
        self.order_fields(self.field_order)

    @property
    def fill(self) -> NewFill:
        """Return what was stated."""
        data = self.cleaned_data
        return NewFill(
            instrument=data["contract"],
            side=data["side"],
            quantity=data["quantity"],
            price=data["price"],
            executed_at=data["executed_at"],
            leverage=data["leverage"],
            fee_amount=data["fee_amount"] or ZERO,
            margin_mode=data["margin_mode"],
            position_side=data["position_side"],
            account=self.chosen_account,
        )


class PositionForm(DatedForm):
    """State something about one of the open positions."""

    position = forms.TypedChoiceField(label="Position", empty_value=None)
    asks_account = False

    def __init__(self, *args: Any, portfolio: Portfolio, now: datetime, **options: Any) -> None:
        """Offer the open positions."""
        super().__init__(*args, portfolio=portfolio, now=now, **options)
        self.positions: Mapping[str, Position] = {str(row.pk): row for row in open_positions(portfolio=portfolio)}
        chosen: Any = self.fields["position"]
        chosen.coerce = self.positions.get
        chosen.choices = [(key, _named(row)) for key, row in self.positions.items()]
        self.order_fields(getattr(self, "field_order", None))


class CloseForm(PositionForm):
    """State how a position ended, or a part of it."""

    reason = forms.ChoiceField(
        label="How it ended", choices=ENDS, widget=forms.RadioSelect(attrs={"class": "stacked"}), initial=ENDS[0][0]
    )
    price = AmountField(label="Price", help_text="At which it ended; of a settlement the settlement price.")
    quantity = AmountField(label="Contracts", help_text="Leave it empty for all of it.", required=False)
    fee_amount = AmountField(
        label="Fee",
        help_text="In what the contract settles in. The fee of a settlement is worked out if you leave it empty.",
        required=False,
    )
    field_order = ("position", "reason", "price", "quantity", "executed_at", "fee_amount")

    @property
    def close(self) -> Close:
        """Return what was stated."""
        data = self.cleaned_data
        return Close(
            position=data["position"],
            price=data["price"],
            executed_at=data["executed_at"],
            quantity=data["quantity"],
            fee_amount=data["fee_amount"] or ZERO,
            external_id=self.key,
        )


class CashForm(PositionForm):
    """State funding, or margin that was put in or taken out."""

    kind = forms.ChoiceField(label="What happened", choices=CASH, widget=forms.RadioSelect, initial=CASH[0][0])
    amount = AmountField(
        label="Amount",
        help_text="In what the contract settles in. A minus means: funding you paid, margin you took out.",
        is_signed=True,
    )
    field_order = ("position", "kind", "amount", "executed_at")

    @property
    def transfer(self) -> NewTransfer:
        """Return what was stated."""
        data = self.cleaned_data
        position = data["position"]
        return NewTransfer(
            kind=data["kind"],
            asset=position.quote_asset,
            quantity=data["amount"],
            executed_at=data["executed_at"],
            instrument=position.instrument,
            position_side=position.position_side,
            account=position.account,
        )


class RollForm(PositionForm):
    """State a roll: a position that was closed and opened again in a later contract."""

    price = AmountField(label="Closed at")
    into_price = AmountField(label="Opened at")
    quantity = AmountField(label="Contracts", help_text="Leave it empty for all of it.", required=False)
    fee_amount = AmountField(label="Fee of the close", required=False)
    into_fee_amount = AmountField(label="Fee of the opening", required=False)
    leverage = AmountField(label="Leverage", help_text="Leave it empty for the same as before.", required=False)
    field_order = (
        "position", "into", "price", "into_price", "quantity", "executed_at", "fee_amount", "into_fee_amount",
        "leverage",
    )  # fmt: skip

    def __init__(self, *args: Any, contracts: Sequence[Instrument], **options: Any) -> None:
        """Offer the contracts it may be rolled into."""
        super().__init__(*args, **options)
        self.fields["into"] = ContractField(contracts, label="Into which contract")
        self.order_fields(self.field_order)

    @property
    def close(self) -> Close:
        """Return how the old contract was closed."""
        data = self.cleaned_data
        return Close(
            position=data["position"],
            price=data["price"],
            executed_at=data["executed_at"],
            quantity=data["quantity"],
            fee_amount=data["fee_amount"] or ZERO,
        )

    @property
    def following(self) -> Next:
        """Return the contract that was opened."""
        data = self.cleaned_data
        return Next(
            instrument=data["into"],
            price=data["into_price"],
            fee_amount=data["into_fee_amount"] or ZERO,
            leverage=data["leverage"],
        )


def _named(row: Position) -> str:
    way = "long" if row.quantity > 0 else "short"
    return f"{row.instrument}, {way} {abs(row.quantity).normalize():f}, {row.account}"
