"""Read exact amounts and percentages from text; nothing becomes a float on the way."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms

from portfolio.domain.money import AmountError, parse_amount
from portfolio.models import Asset

LONGEST_TEXT = 50


class AmountField(forms.CharField):
    """Read an amount written in plain digits; empty is None."""

    def __init__(self, *, is_zero_allowed: bool = False, is_signed: bool = False, **options: Any) -> None:
        """Show a right-aligned field with the decimal keyboard."""
        self.is_zero_allowed, self.is_signed = is_zero_allowed, is_signed
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        super().__init__(**{"widget": widget, "max_length": LONGEST_TEXT, **options})

    def clean(self, value: Any) -> Decimal | None:
        """Return the exact amount."""
        text = super().clean(value).strip()
        if not text:
            return None
        try:
            return parse_amount(text, positive=not self.is_signed, allow_zero=self.is_zero_allowed)
        except AmountError as error:
            raise forms.ValidationError(str(error)) from error


class SymbolField(forms.TypedChoiceField):
    """Choose one of the assets that were read once for a whole form, by its symbol; empty is None."""

    def __init__(self, assets: Iterable[Asset], **options: Any) -> None:
        """Offer the assets by symbol and name."""
        self.by_symbol = {asset.symbol: asset for asset in assets}
        named = [(symbol, f"{symbol}, {asset.name}") for symbol, asset in self.by_symbol.items()]
        super().__init__(choices=[("", "—"), *named], coerce=self.by_symbol.get, empty_value=None, **options)


class PercentField(AmountField):
    """Read a percentage and return the fraction: 12.5 is 0.125."""

    def __init__(self, **options: Any) -> None:
        """Allow zero."""
        super().__init__(is_zero_allowed=True, **options)

    def clean(self, value: Any) -> Decimal | None:
        """Return the fraction."""
        amount = super().clean(str(value or "").strip().removesuffix("%"))
        if amount is not None and amount > 100:
            raise forms.ValidationError("Write at most 100.")
        return None if amount is None else amount.scaleb(-2)


def as_percent(fraction: Decimal) -> str:
    """Write a fraction as a percentage for a field: 0.125 is 12.5."""
    return f"{fraction.scaleb(2).normalize():f}"
