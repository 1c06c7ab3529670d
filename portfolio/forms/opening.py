"""Read a first portfolio: its name, what it aims for, where it trades, and what is held at the start."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms

from portfolio.domain.money import ZERO
from portfolio.forms.fields import AmountField
from portfolio.forms.weights import WeightsForm
from portfolio.models import Asset, Market, Venue
from portfolio.queries.catalogue import known_assets, priced_markets, reserve_assets, venues
from portfolio.services.portfolios import Opening

FIRST_ROWS = 3
MORE_ROWS = 3
MOST_ROWS = 60
PREFIX = "holdings"


class PortfolioForm(WeightsForm):
    """Name a portfolio and say where it lives."""

    name = forms.CharField(label="Name", max_length=80)
    market = forms.ModelChoiceField(
        label="Market",
        queryset=Market.objects.none(),
        empty_label=None,
    )
    venue = forms.ModelChoiceField(
        label="Venue",
        queryset=Venue.objects.none(),
        empty_label=None,
    )
    reserve_asset = forms.ModelChoiceField(
        label="Reserve kept in", queryset=Asset.objects.none(), empty_label=None, to_field_name="symbol", initial="USD"
    )
    field_order = ("name", "preset", "core", "reserve", "pool", "market", "venue", "reserve_asset")

    def __init__(self, *args: Any, **options: Any) -> None:
        """Offer what exists."""
        super().__init__(*args, **options)
        offered = {"market": priced_markets(), "venue": venues(), "reserve_asset": reserve_assets()}
        for name, rows in offered.items():
            field: Any = self.fields[name]
            field.queryset = rows


class AssetField(forms.TypedChoiceField):
    """Choose one of the assets that were read once for all rows."""

    def __init__(self, assets: Sequence[Asset], **options: Any) -> None:
        """Offer the assets by symbol and name."""
        self.by_id = {str(asset.pk): asset for asset in assets}
        choices = [("", "—"), *((key, f"{asset.symbol}, {asset.name}") for key, asset in self.by_id.items())]
        super().__init__(choices=choices, coerce=self._offered, empty_value=None, **options)

    def _offered(self, key: str) -> Asset:
        """Return what was chosen; a forged key raises ValueError, which a form can tell."""
        if key not in self.by_id:
            raise ValueError(key)
        return self.by_id[key]


class OpeningForm(forms.Form):
    """State one holding; an empty row is left out."""

    quantity = AmountField(label="Quantity", required=False)
    cost_usd = AmountField(label="Cost in USD", required=False, is_zero_allowed=True)
    is_core = forms.BooleanField(label="Core", required=False)
    field_order = ("asset", "quantity", "cost_usd", "is_core")

    def __init__(self, *args: Any, assets: Sequence[Asset], **options: Any) -> None:
        """Offer the assets."""
        super().__init__(*args, **options)
        self.fields["asset"] = AssetField(assets, label="Asset", required=False)
        self.order_fields(self.field_order)

    def clean(self) -> dict[str, Any]:
        """Ask for both asset and quantity, or for neither."""
        data = super().clean() or {}
        asset, quantity = data.get("asset"), data.get("quantity")
        if asset and quantity is None and "quantity" not in self.errors:
            self.add_error("quantity", f"Say how much {asset} you hold.")
        if not asset and (quantity is not None or data.get("cost_usd") is not None):
            self.add_error("asset", "Choose the asset.")
        return data

    @property
    def opening(self) -> Opening | None:
        """Return the holding, None for an empty row."""
        data = self.cleaned_data
        if not data.get("asset"):
            return None
        return Opening(asset=data["asset"], quantity=data["quantity"], cost_usd=data["cost_usd"])


if TYPE_CHECKING:
    _Rows = forms.BaseFormSet[OpeningForm]
else:
    _Rows = forms.BaseFormSet


class OpeningRows(_Rows):
    """State all holdings of the start."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Read the assets once for all rows."""
        shared = {"assets": list(known_assets())}
        super().__init__(*args, **{"form_kwargs": shared, "prefix": PREFIX, **options})

    @property
    def openings(self) -> list[Opening]:
        """Return what is held."""
        return [form.opening for form in self.forms if form.opening is not None]

    @property
    def core(self) -> dict[Asset, Decimal]:
        """Return how much of each asset is core."""
        quantities: dict[Asset, Decimal] = {}
        for form in self.forms:
            if form.opening is not None and form.cleaned_data["is_core"]:
                quantities[form.opening.asset] = quantities.get(form.opening.asset, ZERO) + form.opening.quantity
        return quantities


OpeningFormSet: type[OpeningRows] = forms.formset_factory(
    OpeningForm, formset=OpeningRows, extra=FIRST_ROWS, max_num=MOST_ROWS, absolute_max=MOST_ROWS, validate_max=True
)  # type: ignore[assignment]


def with_more_rows(data: Any) -> tuple[PortfolioForm, OpeningRows]:
    """Return the forms as they were written, unjudged, with some more rows."""
    form = PortfolioForm(initial={name: data.get(name) for name in PortfolioForm().fields})
    count = min(_count(data.get(f"{PREFIX}-TOTAL_FORMS", "")), MOST_ROWS)
    names = ("asset", "quantity", "cost_usd", "is_core")
    written = [{name: data.get(f"{PREFIX}-{row}-{name}", "") for name in names} for row in range(count)]
    rows = OpeningFormSet(initial=written)
    rows.extra = min(MORE_ROWS, MOST_ROWS - count)
    return form, rows


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else FIRST_ROWS
