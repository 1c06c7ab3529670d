"""Read what is borrowed and pledged, a venue's bonus credit, and what freed capital earns."""

from __future__ import annotations

from typing import Any

from django import forms

from portfolio.domain.lending import LoanKind
from portfolio.forms.changes import AssetsForm
from portfolio.forms.dated import moment_field
from portfolio.forms.fields import AmountField, PercentField
from portfolio.models import BonusCredit
from portfolio.services.lending import NewLoan

KINDS = (
    (LoanKind.BORROW.value, "Borrowed"),
    (LoanKind.REPAY.value, "Repaid"),
    (LoanKind.INTEREST.value, "Interest was added to the debt"),
)


class LoanForm(AssetsForm):
    """State a change of a debt."""

    symbols = (("asset", "Asset", True),)
    kind = forms.ChoiceField(label="What happened", choices=KINDS, widget=forms.RadioSelect, initial=KINDS[0][0])
    quantity = AmountField(label="Quantity")
    value_usd = AmountField(label="Worth in USD", help_text="Leave it empty if its price is known.", required=False)
    is_elsewhere = forms.BooleanField(
        label="The coins are not in this portfolio: they went elsewhere, or were paid from elsewhere", required=False
    )
    field_order = ("kind", "account", "asset", "quantity", "executed_at", "value_usd", "is_elsewhere")

    @property
    def loan(self) -> NewLoan:
        """Return what was stated."""
        data = self.cleaned_data
        return NewLoan(
            kind=LoanKind(data["kind"]),
            asset=data["asset"],
            quantity=data["quantity"],
            executed_at=data["executed_at"],
            account=self.chosen_account,
            value_usd=data["value_usd"],
            is_paid_here=not data["is_elsewhere"],
        )


class PledgeForm(AssetsForm):
    """State what stands as collateral from now on."""

    symbols = (("asset", "Asset", True),)
    quantity = AmountField(
        label="Quantity", help_text="All that is pledged of it now; 0 releases it.", is_zero_allowed=True
    )
    threshold = PercentField(
        label="Liquidation threshold, %", help_text="The share of its value that your lender counts, such as 82.5."
    )
    field_order = ("account", "asset", "quantity", "threshold")

    def __init__(self, *args: Any, **options: Any) -> None:
        """Ask for no moment: it counts from now on."""
        super().__init__(*args, **options)
        del self.fields["executed_at"]

    @property
    def pledge(self) -> dict[str, Any]:
        """Return what was stated."""
        data = self.cleaned_data
        return {"account": self.chosen_account, **{name: data[name] for name in ("asset", "quantity", "threshold")}}


class BonusForm(AssetsForm):
    """State a bonus credit of a venue."""

    symbols = (("asset", "In", True),)
    quantity = AmountField(label="Amount")
    usable_for = forms.ChoiceField(label="Usable for", choices=BonusCredit.Use.choices)
    expires_at = moment_field("Until")
    field_order = ("account", "asset", "quantity", "usable_for", "expires_at")

    def __init__(self, *args: Any, **options: Any) -> None:
        """Ask for its end alone: it counts from now on."""
        super().__init__(*args, **options)
        del self.fields["executed_at"]
        self.fields["expires_at"].required = False

    @property
    def bonus(self) -> dict[str, Any]:
        """Return what was stated."""
        names = ("asset", "quantity", "usable_for", "expires_at")
        return {"account": self.chosen_account, **{name: self.cleaned_data[name] for name in names}}


class YieldForm(forms.Form):
    """State what freed capital earns a year."""

    apy = PercentField(label="A year, %", help_text="What the money earns that margin sets free, such as 4.5.")
    source = forms.CharField(label="Where", help_text="Such as Aave, USDC.", max_length=80, required=False)

    @property
    def stated(self) -> dict[str, Any]:
        """Return what was stated."""
        return {"apy": self.cleaned_data["apy"], "source": self.cleaned_data["source"]}
