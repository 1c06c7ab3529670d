"""Read a rotation from its ticket: any number of legs, the reason, and what the review will ask for."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils import timezone

from journal.domain.checklist import considered
from journal.forms.writings import PicturesField
from journal.models import Mood
from journal.queries.shelf import Shelf
from journal.services.rotations import MAX_LEGS, Draft, DraftLeg
from portfolio.domain.money import AmountError, Refusal
from portfolio.forms.entries import MOMENT_FORMAT
from portfolio.forms.fields import AmountField, PercentField
from portfolio.models import Instrument
from portfolio.services.entries import BadMoment
from signals.models import Recommendation, RecommendationLeg

PREFIX = "legs"
FIRST_LEGS = 2
PICKS = ("0.5", "0.6", "0.7", "0.8", "0.9")
LEG_FIELDS = (
    "action",
    "instrument",
    "quantity",
    "price",
    "fee_amount",
    "fee_asset",
    "leverage",
    "stop_price",
    "purpose",
)


class LegForm(forms.Form):
    """State one side of a rotation; an empty row is left out."""

    action = forms.ChoiceField(label="Action", choices=[("", "—"), *RecommendationLeg.Action.choices], required=False)
    instrument = forms.TypedChoiceField(label="Instrument", required=False, empty_value=None)
    quantity = AmountField(label="Quantity", required=False)
    price = AmountField(label="Price", required=False)
    fee_amount = AmountField(label="Fee", required=False, is_zero_allowed=True)
    fee_asset = forms.TypedChoiceField(label="Fee in", required=False, empty_value=None)
    leverage = AmountField(label="Leverage", required=False)
    stop_price = AmountField(label="Stop", required=False)
    purpose = forms.ChoiceField(
        label="What for", choices=[("", "—"), *RecommendationLeg.Purpose.choices[1:]], required=False
    )

    def __init__(self, *args: Any, shelf: Shelf, **options: Any) -> None:
        """Offer what the venue trades."""
        super().__init__(*args, **options)
        self.shelf = shelf
        instruments = {str(pk): row for pk, row in shelf.instruments.items()}
        instrument: Any = self.fields["instrument"]
        instrument.choices, instrument.coerce = instrument_choices(shelf), lambda key: _found(instruments, key)
        fee_asset: Any = self.fields["fee_asset"]
        fee_asset.choices, fee_asset.coerce = fee_choices(shelf), lambda key: _found(shelf.assets, key)

    def clean(self) -> dict[str, Any]:
        """Ask for all that a leg needs, unless the row is empty."""
        data = super().clean() or {}
        needed = {
            "action": "Choose what this leg does.",
            "instrument": "Choose what you traded.",
            "quantity": "Write how much you traded.",
            "price": "Write the price you got.",
        }
        if not self.is_empty:
            for name, words in needed.items():
                if not data.get(name) and name not in self.errors:
                    self.add_error(name, words)
        return data

    @property
    def is_empty(self) -> bool:
        """Return whether nothing was written that makes a leg."""
        return not any(str(self.data.get(self.add_prefix(name), "")).strip() for name in LEG_FIELDS[1:5])

    @property
    def leg(self) -> DraftLeg | None:
        """Return the leg, None for a row that is empty or not finished."""
        data = getattr(self, "cleaned_data", {})
        if self.is_empty or not all(data.get(name) for name in LEG_FIELDS[:4]):
            return None
        return DraftLeg(
            action=data["action"],
            instrument=data["instrument"],
            quantity=data["quantity"],
            price=data["price"],
            fee_amount=self._fee(data),
            fee_asset=data.get("fee_asset"),
            leverage=data.get("leverage"),
            stop_price=data.get("stop_price"),
            purpose=data.get("purpose", ""),
        )

    def _fee(self, data: Mapping[str, Any]) -> Decimal:
        """Return the fee stated, else what a taker pays, in the asset that was chosen."""
        stated: Decimal | None = data.get("fee_amount")
        if stated is not None:
            return stated
        return self.shelf.usual_fee(instrument=data["instrument"], quantity=data["quantity"], price=data["price"])


if TYPE_CHECKING:
    _Rows = forms.BaseFormSet[LegForm]
else:
    _Rows = forms.BaseFormSet


class LegRows(_Rows):
    """State all legs, in the order in which they were executed."""

    def __init__(self, *args: Any, shelf: Shelf, **options: Any) -> None:
        """Share the shelf between the rows."""
        super().__init__(*args, **{"form_kwargs": {"shelf": shelf}, "prefix": PREFIX, **options})

    def clean(self) -> None:
        """Ask for a leg."""
        if all(form.is_empty for form in self.forms):
            raise forms.ValidationError("A rotation has at least one leg: add what you sold or bought.")

    @property
    def stated(self) -> list[tuple[LegForm, DraftLeg]]:
        """Return the finished legs with their rows."""
        found = []
        for form in self.forms:
            try:
                leg = form.leg
            except AmountError:
                continue
            if leg is not None:
                found.append((form, leg))
        return found


LegFormSet: type[LegRows] = forms.formset_factory(
    LegForm, formset=LegRows, extra=0, max_num=MAX_LEGS, absolute_max=MAX_LEGS, validate_max=True
)  # type: ignore[assignment]


class TicketForm(forms.Form):
    """State when, why and how sure; times are in the person's own zone."""

    client_key = forms.UUIDField(widget=forms.HiddenInput)
    recommendation = forms.IntegerField(widget=forms.HiddenInput, required=False)
    executed_at = forms.DateTimeField(
        label="When",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format=MOMENT_FORMAT),
        input_formats=[MOMENT_FORMAT, MOMENT_FORMAT.removesuffix(":%S")],
    )
    thesis = forms.CharField(
        label="Why",
        help_text="What you expect, and what would show that you are wrong. It is what the review reads back to you.",
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=10_000,
        error_messages={"required": "Write why you do this: one sentence is enough."},
    )
    conviction = forms.ChoiceField(
        label="Chance that this beats having held, after costs, in 30 days",
        choices=[(pick, f"{Decimal(pick):.0%}") for pick in PICKS],
        widget=forms.RadioSelect,
        required=False,
    )
    own_conviction = PercentField(label="Or your own, in percent", required=False)
    no_stop_reason = forms.CharField(
        label="No stop, because …",
        help_text="Only where a futures leg has none. It counts as a breach of the playbook, and stays beside it.",
        max_length=300,
        required=False,
    )
    core_override_reason = forms.CharField(
        label="I sell core, because …",
        help_text="Only where a leg sells core. It is recorded as a violation, and counted.",
        max_length=300,
        required=False,
    )
    tags = forms.CharField(label="Tags", help_text="Separated by commas, such as turnover, early.", required=False)
    mood = forms.ChoiceField(label="How you feel", choices=[("", "—"), *Mood.choices], required=False)
    checklist = forms.MultipleChoiceField(
        label="What you considered", widget=forms.CheckboxSelectMultiple(attrs={"class": "stacked"}), required=False
    )
    pictures = PicturesField(
        label="Images",
        help_text="Charts you looked at: PNG, JPEG or WebP. Hidden data in them does not come along.",
        required=False,
    )

    def __init__(self, *args: Any, shelf: Shelf, now: datetime, questions: Sequence[str] = (), **options: Any) -> None:
        """Begin at the portfolio's present, with a key of its own, and ask what the person asks themselves."""
        super().__init__(*args, **options)
        self.clock, self.questions = shelf.portfolio.clock(now), questions
        checklist: Any = self.fields["checklist"]
        checklist.choices = [(question, question) for question in questions]
        self.fields["client_key"].initial = uuid.uuid4
        self.fields["executed_at"].initial = timezone.localtime(self.clock)
        self.fields["executed_at"].help_text = f"In your time zone, {timezone.get_current_timezone_name()}."

    def clean_executed_at(self) -> datetime:
        """Refuse what has not happened yet."""
        moment: datetime = self.cleaned_data["executed_at"]
        if moment > self.clock:
            raise forms.ValidationError("This is in the future: log it once it has happened.")
        return moment

    def clean_own_conviction(self) -> Decimal | None:
        """Refuse certainty."""
        chance: Decimal | None = self.cleaned_data["own_conviction"]
        if chance is not None and not Decimal("0.01") <= chance <= Decimal("0.99"):
            raise forms.ValidationError("Write between 1 and 99, or leave it empty.")
        return chance

    def draft(self, *, rows: LegRows, recommendation: Recommendation | None) -> Draft:
        """Return the rotation as it was stated."""
        data = self.cleaned_data
        chance = data["own_conviction"] or data["conviction"]
        return Draft(
            client_key=data["client_key"],
            legs=tuple(leg for _, leg in rows.stated),
            thesis=data["thesis"],
            executed_at=data["executed_at"],
            conviction=float(chance) if chance else None,
            recommendation=recommendation,
            no_stop_reason=data["no_stop_reason"],
            core_override_reason=data["core_override_reason"],
            tags=tuple(data["tags"].split(",")),
            mood=data["mood"],
            checklist=considered(questions=self.questions, checked=data["checklist"]),
        )


def instrument_choices(shelf: Shelf) -> list[Any]:
    """Return spot and perps in two groups."""
    groups = {"Spot": Instrument.Kind.SPOT, "Perpetual futures": Instrument.Kind.PERP}
    listed = {
        title: [(str(pk), row.name) for pk, row in shelf.instruments.items() if row.kind == kind]
        for title, kind in groups.items()
    }
    return [("", "—"), *listed.items()]


def fee_choices(shelf: Shelf) -> list[tuple[str, str]]:
    """Return the quote asset first, then everything else a fee may be charged in."""
    quote = shelf.portfolio.reserve_asset.symbol
    return [("", quote), *((symbol, symbol) for symbol in sorted(shelf.assets) if symbol != quote)]


def _found(offered: Mapping[str, Any], key: str) -> Any:
    """Return what was chosen; a forged key raises ValueError, which a form can tell."""
    if key not in offered:
        raise ValueError(key)
    return offered[key]


def name_refusal(refusal: Refusal, *, form: TicketForm, rows: LegRows) -> None:
    """Put a refusal of the service where it belongs: the field it names, else the leg of the asset that lacks."""
    field, words = getattr(refusal, "field", ""), str(refusal)
    if field.startswith(f"{PREFIX}."):
        _, number, name = field.split(".")
        rows.stated[int(number)][0].add_error(name, words)
    elif field in form.fields and not form.fields[field].widget.is_hidden:
        form.add_error(field, words)
    elif (row := _selling(rows, getattr(refusal, "asset", ""))) is not None:
        row.add_error("quantity", words)
    elif isinstance(refusal, BadMoment):
        form.add_error("executed_at", words)
    else:
        form.add_error(None, words)


def _selling(rows: LegRows, asset: str) -> LegForm | None:
    """Return the last row that sells an asset; what the reserve lacks belongs to the last leg that spends it."""
    sells = RecommendationLeg.Action.SELL_SPOT
    named = [form for form, leg in rows.stated if leg.action == sells and leg.instrument.asset.symbol == asset]
    is_cash = bool(asset) and asset == rows.form_kwargs["shelf"].portfolio.reserve_asset.symbol
    spending = [form for form, leg in rows.stated if is_cash and leg.action != sells]
    return next(iter([*reversed(named), *reversed(spending)]), None)
