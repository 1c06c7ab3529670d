"""Read moves between own accounts, migrations, rebases, swaps and the conversion of dust."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms

from portfolio.domain.migrations import MIGRATIONS, Migration
from portfolio.domain.money import ZERO
from portfolio.forms.dated import DatedForm
from portfolio.forms.fields import AmountField, SymbolField
from portfolio.models import Asset, Portfolio, Transfer, Venue
from portfolio.queries.catalogue import assets_of, venues
from portfolio.queries.holdings import HoldingLine
from portfolio.services.conversions import Crumb, Dust
from portfolio.services.entries import NewTransfer

OTHER = "other"
KNOWN = {one.key: one for one in MIGRATIONS}
CORE_HELP = "Only if this sells what you flagged as core: why you do it all the same."


class AssetsForm(DatedForm):
    """State an entry about assets, which are read once for all of its fields."""

    symbols: tuple[tuple[str, str, bool], ...] = ()
    """Name, label and whether it is required, of each field that chooses an asset."""

    def __init__(self, *args: Any, portfolio: Portfolio, now: datetime, **options: Any) -> None:
        """Offer the portfolio's assets."""
        super().__init__(*args, portfolio=portfolio, now=now, **options)
        found: Sequence[Asset] = list(assets_of(portfolio))
        for name, label, is_required in self.symbols:
            self.fields[name] = SymbolField(found, label=label, required=is_required)
        self.order_fields(getattr(self, "field_order", None))

    def fee(self) -> dict[str, Any]:
        """Return the fee that was stated."""
        data = self.cleaned_data
        return {"fee_amount": data["fee_amount"] or ZERO, "fee_asset": data["fee_asset"]}


class MoveForm(AssetsForm):
    """State a move to another account of one's own."""

    symbols = (("asset", "Asset", True), ("fee_asset", "Fee paid in", False))
    quantity = AmountField(label="Quantity that arrives")
    fee_amount = AmountField(label="Network fee", help_text="On top of the quantity.", required=False)
    field_order = ("account", "to_account", "asset", "quantity", "executed_at", "fee_amount", "fee_asset")

    def __init__(self, *args: Any, **options: Any) -> None:
        """Offer the accounts it may go to."""
        super().__init__(*args, **options)
        if len(self.accounts) > 1:
            self.fields["account"] = self.account_field("From")
            self.fields["to_account"] = self.account_field("To", initial=list(self.accounts)[1])
            self.order_fields(self.field_order)

    @property
    def has_ends(self) -> bool:
        """Tell whether there are two accounts to move between."""
        return len(self.accounts) > 1

    def clean(self) -> dict[str, Any]:
        """Refuse a move that goes nowhere."""
        data = super().clean() or {}
        if not self.has_ends:
            raise forms.ValidationError("A move needs two accounts: open another first.")
        if data.get("account") == data.get("to_account"):
            self.add_error("to_account", "Choose another account than the one it leaves.")
        return data

    @property
    def transfer(self) -> NewTransfer:
        """Return what was stated."""
        data = self.cleaned_data
        return NewTransfer(
            kind=Transfer.Kind.MOVE,
            asset=data["asset"],
            quantity=data["quantity"],
            executed_at=data["executed_at"],
            account=self.chosen_account,
            to_account=data["to_account"],
            **self.fee(),
        )


class MigrationForm(AssetsForm):
    """State a token migration: one that everybody went through, or another by what it brought."""

    symbols = (("asset", "Old token", False), ("into", "New token", False))
    which = forms.ChoiceField(
        label="Which migration",
        choices=[
            *(
                (one.key, f"{one.old} into {one.new}, {one.given:f} for {one.received.normalize():f}")
                for one in MIGRATIONS
            ),
            (OTHER, "Another, as stated below"),
        ],
        widget=forms.RadioSelect(attrs={"class": "stacked"}),
        initial=OTHER,
    )
    quantity = AmountField(label="Old units given")
    into_quantity = AmountField(
        label="New units received",
        help_text="Leave it empty for a migration of the list: its ratio says it.",
        required=False,
    )
    field_order = ("which", "account", "asset", "quantity", "into", "into_quantity", "executed_at")

    @property
    def known(self) -> Migration | None:
        """Return the migration that was chosen from the list."""
        return KNOWN.get(self.cleaned_data.get("which", ""))

    def clean(self) -> dict[str, Any]:
        """Name what a migration that is not in the list still needs."""
        data = super().clean() or {}
        if data.get("which") == OTHER:
            for name in ("asset", "into", "into_quantity"):
                if data.get(name) is None and name not in self.errors:
                    self.add_error(name, "Say this of a migration that is not in the list.")
        if data.get("asset") is not None and data.get("asset") == data.get("into"):
            self.add_error("into", "Choose another token than the old one.")
        return data

    @property
    def transfer(self) -> NewTransfer:
        """Return a migration that is not in the list."""
        data = self.cleaned_data
        return NewTransfer(
            kind=Transfer.Kind.MIGRATION,
            asset=data["asset"],
            quantity=data["quantity"],
            executed_at=data["executed_at"],
            into=data["into"],
            into_quantity=data["into_quantity"],
            account=self.chosen_account,
        )


class RebaseForm(AssetsForm):
    """State by how much a rebase changed what is held."""

    symbols = (("asset", "Asset", True),)
    quantity = AmountField(
        label="Change in units",
        help_text="What was added; with a minus what was taken away. Cost and dates stay.",
        is_signed=True,
    )
    field_order = ("account", "asset", "quantity", "executed_at")

    @property
    def transfer(self) -> NewTransfer:
        """Return what was stated."""
        data = self.cleaned_data
        return NewTransfer(
            kind=Transfer.Kind.REBASE,
            asset=data["asset"],
            quantity=data["quantity"],
            executed_at=data["executed_at"],
            account=self.chosen_account,
        )


class SwapForm(AssetsForm):
    """State a swap of one asset for another, as on a DEX."""

    symbols = (("asset", "Given", True), ("into", "Received", True), ("fee_asset", "Fee paid in", False))
    quantity = AmountField(label="Quantity given")
    into_quantity = AmountField(label="Quantity received")
    value_usd = AmountField(
        label="Worth in USD",
        help_text="Of all that was given. Leave it empty if its price is known.",
        required=False,
    )
    fee_amount = AmountField(label="Fee", help_text="On top, such as gas.", required=False)
    core_override_reason = forms.CharField(
        label="Why core is sold", help_text=CORE_HELP, required=False, max_length=300
    )
    field_order = (
        "account", "asset", "quantity", "into", "into_quantity", "executed_at", "value_usd", "fee_amount", "fee_asset",
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """Refuse a swap for itself."""
        data = super().clean() or {}
        if data.get("asset") is not None and data.get("asset") == data.get("into"):
            self.add_error("into", "Choose another asset than the one given.")
        return data

    @property
    def transfer(self) -> NewTransfer:
        """Return what was stated."""
        data = self.cleaned_data
        return NewTransfer(
            kind=Transfer.Kind.SWAP,
            asset=data["asset"],
            quantity=data["quantity"],
            executed_at=data["executed_at"],
            into=data["into"],
            into_quantity=data["into_quantity"],
            value_usd=data["value_usd"],
            account=self.chosen_account,
            **self.fee(),
        )


class DustForm(AssetsForm):
    """State which small holdings a venue turned into one asset, and how much of it all of them brought."""

    symbols = (("into", "Received", True),)
    parts = forms.MultipleChoiceField(label="What was converted", widget=forms.CheckboxSelectMultiple)
    into_quantity = AmountField(label="Quantity received, in all")
    core_override_reason = forms.CharField(
        label="Why core is sold", help_text=CORE_HELP, required=False, max_length=300
    )
    field_order = ("parts", "into", "into_quantity", "executed_at", "core_override_reason")
    asks_account = False

    def __init__(self, *args: Any, crumbs: Sequence[HoldingLine], **options: Any) -> None:
        """Offer the small holdings."""
        super().__init__(*args, **options)
        self.crumbs = {f"{line.account.pk}-{line.asset.symbol}": line for line in crumbs}
        parts: Any = self.fields["parts"]
        parts.choices = [(key, self._named(line)) for key, line in self.crumbs.items()]

    @property
    def dust(self) -> Dust:
        """Return what was stated."""
        data = self.cleaned_data
        lines = [self.crumbs[key] for key in data["parts"]]
        return Dust(
            crumbs=[
                Crumb(asset=line.asset, quantity=line.quantity - line.locked, account=line.account) for line in lines
            ],
            into=data["into"],
            received=data["into_quantity"],
            executed_at=data["executed_at"],
        )

    @staticmethod
    def _named(line: HoldingLine) -> str:
        return f"{(line.quantity - line.locked).normalize():f} {line.asset.symbol}, worth ${line.worth.value:.2f}"


class AccountForm(forms.Form):
    """Name another account and say where it is."""

    name = forms.CharField(label="Name", help_text="Such as Vault, or Kraken.", max_length=80)
    venue = forms.ModelChoiceField(label="Where", queryset=Venue.objects.none(), empty_label=None)

    def __init__(self, *args: Any, portfolio: Portfolio, **options: Any) -> None:
        """Offer the venues, the portfolio's own first chosen."""
        super().__init__(*args, **options)
        offered: Any = self.fields["venue"]
        offered.queryset = venues()
        offered.initial = portfolio.venue_id
