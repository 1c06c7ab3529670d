"""Read what was executed of a plan, and why executions without a reason were made."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone

from journal.forms.ticket import PICKS
from journal.models import Mood
from journal.queries.plans import Progress
from journal.queries.prefill import shown
from journal.queries.shelf import Shelf
from journal.services.plans import Filled
from journal.services.rotations import Draft
from portfolio.domain.money import Refusal
from portfolio.forms.entries import MOMENT_FORMAT
from portfolio.forms.fields import AmountField

PARTS = ("quantity", "price", "fee")


def moment_field() -> forms.DateTimeField:
    """Return a field for a moment in the person's own zone."""
    return forms.DateTimeField(
        label="When",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format=MOMENT_FORMAT),
        input_formats=[MOMENT_FORMAT, MOMENT_FORMAT.removesuffix(":%S")],
    )


class FillForm(forms.Form):
    """State what was executed of each leg of a plan; a leg without a quantity is left as it is."""

    client_key = forms.UUIDField(widget=forms.HiddenInput)
    executed_at = moment_field()

    def __init__(self, *args: Any, legs: Sequence[Progress], shelf: Shelf, now: datetime, **options: Any) -> None:
        """Ask of each leg how much, at which price, for which fee."""
        super().__init__(*args, **options)
        self.legs, self.shelf, self.clock = legs, shelf, shelf.portfolio.clock(now)
        self.fields["client_key"].initial = uuid.uuid4
        self.fields["executed_at"].initial = timezone.localtime(self.clock)
        for each in legs:
            name = f"leg{each.leg.pk}"
            self.fields[f"{name}_quantity"] = AmountField(label="Quantity", required=False)
            self.fields[f"{name}_price"] = AmountField(label="Price", required=False, initial=shown(each.leg.price))
            self.fields[f"{name}_fee"] = AmountField(label="Fee", required=False, is_zero_allowed=True)

    def clean(self) -> dict[str, Any]:
        """Ask for at least one leg, and for the price of each."""
        data = super().clean() or {}
        moment = data.get("executed_at")
        if moment is not None and moment > self.clock:
            self.add_error("executed_at", "This is in the future: log it once it has happened.")
        stated = [each for each in self.legs if data.get(f"leg{each.leg.pk}_quantity")]
        for each in stated:
            name = f"leg{each.leg.pk}_price"
            if not data.get(name) and name not in self.errors:
                self.add_error(name, "Write the price you got.")
        if not stated and not self.errors:
            raise forms.ValidationError("Write how much you executed of at least one leg.")
        return data

    @property
    def rows(self) -> list[tuple[Progress, list[forms.BoundField]]]:
        """Return the legs with their fields."""
        return [(each, [self[f"leg{each.leg.pk}_{part}"] for part in PARTS]) for each in self.legs]

    @property
    def filled(self) -> list[Filled]:
        """Return what was executed; a fee left empty is what the venue charges a taker."""
        data = self.cleaned_data
        found = []
        for each in self.legs:
            quantity, price, fee = (data.get(f"leg{each.leg.pk}_{part}") for part in PARTS)
            if quantity and price:
                if fee is None:
                    fee = self.shelf.usual_fee(instrument=each.leg.instrument, quantity=quantity, price=price)
                found.append(Filled(leg=each.leg, quantity=quantity, price=price, fee_amount=fee))
        return found

    def name_refusal(self, refusal: Refusal) -> None:
        """Put a refusal of the service on the leg it is about, else above the form."""
        field = getattr(refusal, "field", "")
        if field.startswith("legs."):
            _, number, name = field.split(".")
            leg = self.filled[int(number)].leg
            part = name if name in PARTS else "quantity"
            self.add_error(f"leg{leg.pk}_{part}", str(refusal))
        else:
            self.add_error(None, str(refusal))


class ChooseForm(forms.Form):
    """Choose executions, and the rotation they belong to, if any."""

    fills = forms.TypedMultipleChoiceField(coerce=int, required=True)
    rotation = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)

    def __init__(self, *args: Any, offered: Sequence[int] | None = None, **options: Any) -> None:
        """Take what is offered, or any number; the service refuses what is not the person's."""
        super().__init__(*args, **options)
        sent = self.data.getlist("fills") if hasattr(self.data, "getlist") else []
        known = [str(pk) for pk in offered] if offered is not None else [s for s in sent if _is_number(s)]
        fills: Any = self.fields["fills"]
        fills.choices = [(pk, pk) for pk in known]


class AdoptForm(forms.Form):
    """Say afterwards why something was done."""

    client_key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    thesis = forms.CharField(
        label="Why you did it",
        help_text="As you thought then, as far as you remember. The journal says that it was written afterwards.",
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=10_000,
        error_messages={"required": "Write why you did this: one sentence is enough."},
    )
    conviction = forms.ChoiceField(
        label="Chance you gave it then, if you had one",
        choices=[(pick, f"{float(pick):.0%}") for pick in PICKS],
        widget=forms.RadioSelect,
        required=False,
    )
    no_stop_reason = forms.CharField(label="No stop, because …", max_length=300, required=False)
    tags = forms.CharField(label="Tags", help_text="Separated by commas.", required=False)
    mood = forms.ChoiceField(label="How you felt", choices=[("", "—"), *Mood.choices], required=False)

    def draft(self, moment: datetime) -> Draft:
        """Return the rotation as it was stated."""
        data = self.cleaned_data
        return Draft(
            client_key=data["client_key"],
            legs=(),
            thesis=data["thesis"],
            executed_at=moment,
            conviction=float(data["conviction"]) if data["conviction"] else None,
            no_stop_reason=data["no_stop_reason"],
            tags=tuple(data["tags"].split(",")),
            mood=data["mood"],
        )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19
