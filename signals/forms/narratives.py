"""Read a narrative that an administrator adds, and the shares of an asset from a day on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms

from portfolio.forms.fields import AmountField
from portfolio.models import Asset, Market, Sector

HUES = (("rwa", "olive"), ("depin", "teal"), ("l2", "blue"), ("gaming", "brown"), ("meme", "pink"), ("other", "grey"))


class NarrativeForm(forms.Form):
    """Name a narrative, its colour, and how much of it is kept when money looks for shelter."""

    name = forms.CharField(label="Name", max_length=60, help_text="RWA, DePIN, L2 and so on.")
    defensiveness = AmountField(
        label="How defensive", is_zero_allowed=True, help_text="From 0, attack, to 1, shelter. DeFi has 0.8, AI 0.2."
    )
    hue = forms.ChoiceField(label="Colour", choices=HUES)


class SharesForm(forms.Form):
    """Say in which narratives an asset counts from a day on; an empty share is none."""

    asset = forms.ModelChoiceField(label="Asset", queryset=Asset.objects.none(), empty_label="Choose one")
    since = forms.DateField(label="From this day on", widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, market: Market, narratives: Sequence[Sector], today: date, **options: Any) -> None:
        """Offer what the market prices, and a share for each narrative."""
        super().__init__(*args, **options)
        self.narratives = narratives
        found = self.fields["asset"]
        if isinstance(found, forms.ModelChoiceField):
            priced = Asset.objects.filter(kind=Asset.Kind.CRYPTO, prices__market=market).distinct()
            found.queryset = priced.order_by("symbol")
        self.fields["since"].initial = today
        for sector in narratives:
            self.fields[f"share_{sector.pk}"] = AmountField(
                label=f"Share in {sector.name}", required=False, is_zero_allowed=True
            )

    @property
    def shares(self) -> dict[Sector, Decimal]:
        """Return the share of each narrative, 0 where the field stayed empty."""
        return {sector: self.cleaned_data[f"share_{sector.pk}"] or Decimal(0) for sector in self.narratives}
