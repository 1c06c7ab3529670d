"""Read what a person sets about themselves and their API tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import available_timezones

from django import forms

from accounts.models import ApiToken, User, reading_scopes

LIFETIMES = {30: "30 days", 90: "90 days", 365: "A year"}


class PreferencesForm(forms.ModelForm):  # type: ignore[type-arg]
    """Time zone, theme, and how much risk the engine may propose."""

    time_zone = forms.ChoiceField(label="Time zone", help_text="Times on your pages are in this zone.")

    class Meta:
        model = User
        fields = ("time_zone", "theme", "experience", "has_overlay")
        labels = {"experience": "Your experience with derivatives", "has_overlay": "Futures in recommendations"}
        help_texts = {"experience": "It caps leverage, the size of an overlay, and what one rotation may risk."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """List the zones that the system knows."""
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].choices = [(zone, zone.replace("_", " ")) for zone in sorted(available_timezones())]  # type: ignore[attr-defined]


class TokenForm(forms.Form):
    """Name, scopes and lifetime of a new token."""

    name = forms.CharField(label="Name", max_length=80, help_text="What will use it, such as: my spreadsheet.")
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        choices=[(scope.value, f"{scope.label} ({scope.value})") for scope in ApiToken.Scope],
        initial=reading_scopes,
        widget=forms.CheckboxSelectMultiple,
        help_text="Give it no more than it needs.",
        error_messages={"required": "Choose at least one thing that the token may do."},
    )
    days = forms.TypedChoiceField(label="Ends after", choices=list(LIFETIMES.items()), coerce=int, initial=90)

    @property
    def lifetime(self) -> timedelta:
        """Return how long the token is to live."""
        return timedelta(days=self.cleaned_data["days"])
