"""Read what came in, what went out, and prices and assets that the market does not know."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms

from portfolio.forms.dated import MOMENT_FORMAT, DatedForm
from portfolio.forms.fields import AmountField, SymbolField
from portfolio.models import Asset, Portfolio, Transfer
from portfolio.queries.catalogue import assets_of
from portfolio.services.entries import NewTransfer

__all__ = ["KINDS", "MOMENT_FORMAT", "AssetForm", "ManualPriceForm", "TransferForm"]
KINDS = (
    (Transfer.Kind.DEPOSIT, "Deposit: it came in"),
    (Transfer.Kind.WITHDRAWAL, "Withdrawal: it went out"),
    (Transfer.Kind.INCOME, "Income: yield, staking, an airdrop"),
)


class TransferForm(DatedForm):
    """State a deposit, a withdrawal or income, once by its key; times are in the person's own zone."""

    kind = forms.ChoiceField(label="What happened", choices=KINDS, widget=forms.RadioSelect, initial=KINDS[0][0])
    quantity = AmountField(label="Quantity")
    cost_usd = AmountField(
        label="Cost in USD",
        help_text="Of a deposit, what all of it cost you. Leave it empty if you do not know: its market value stands "
        "in, and says so.",
        required=False,
        is_zero_allowed=True,
    )

    def __init__(self, *args: Any, portfolio: Portfolio, now: datetime, **options: Any) -> None:
        """Offer the portfolio's assets."""
        super().__init__(*args, portfolio=portfolio, now=now, **options)
        self.fields["asset"] = SymbolField(assets_of(portfolio), label="Asset")

    @property
    def transfer(self) -> NewTransfer:
        """Return what was stated; only a deposit brings a cost along."""
        data = self.cleaned_data
        is_deposit = data["kind"] == Transfer.Kind.DEPOSIT
        return NewTransfer(
            kind=data["kind"],
            asset=data["asset"],
            quantity=data["quantity"],
            executed_at=data["executed_at"],
            cost_usd=data["cost_usd"] if is_deposit else None,
            account=self.chosen_account,
        )


class ManualPriceForm(forms.Form):
    """State a price of one's own; it is shown as assumed and gives way to a price of the market."""

    asset = forms.ModelChoiceField(
        label="Asset", queryset=Asset.objects.none(), empty_label=None, to_field_name="symbol"
    )
    price_usd = AmountField(label="Price in USD", help_text="What one unit is worth to you now.")

    def __init__(self, *args: Any, portfolio: Portfolio, **options: Any) -> None:
        """Offer everything but cash, which is worth 1."""
        super().__init__(*args, **options)
        assets: Any = self.fields["asset"]
        assets.queryset = assets_of(portfolio).exclude(kind=Asset.Kind.FIAT)


class AssetForm(forms.Form):
    """Name an asset that the catalogue lacks, with a price of one's own."""

    symbol = forms.CharField(label="Symbol", help_text="As your venue writes it, such as UNI.", max_length=20)
    name = forms.CharField(label="Name", max_length=80, required=False)
    price_usd = AmountField(
        label="Price in USD",
        help_text="What one unit is worth to you now. It is shown as assumed, and you can replace it.",
    )

    def clean_symbol(self) -> str:
        """Write symbols in capitals."""
        return str(self.cleaned_data["symbol"]).upper()
