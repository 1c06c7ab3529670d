"""Read how lots are to be relieved, and from when on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone

from portfolio.domain.lots import Method, Scope
from portfolio.forms.entries import MOMENT_FORMAT
from portfolio.models import LotMethod, Portfolio

METHODS = (
    (Method.FIFO.value, "FIFO: what you bought first is sold first"),
    (Method.LIFO.value, "LIFO: what you bought last is sold first"),
    (Method.HIFO.value, "HIFO: what cost you most is sold first"),
    (Method.AVG.value, "Average: everything costs the same"),
)
SCOPES = (
    (Scope.ACCOUNT.value, "Each account sells its own"),
    (Scope.PORTFOLIO.value, "All accounts share what was bought"),
)


class LotMethodForm(forms.Form):
    """State a method, whose lots it relieves, and the moment from which it counts."""

    method = forms.ChoiceField(label="Which units a sale takes", choices=METHODS, widget=forms.RadioSelect)
    scope = forms.ChoiceField(label="Whose units", choices=SCOPES, widget=forms.RadioSelect)
    effective_at = forms.DateTimeField(
        label="From when on",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format=MOMENT_FORMAT),
        input_formats=[MOMENT_FORMAT, MOMENT_FORMAT.removesuffix(":%S")],
    )

    def __init__(
        self, *args: Any, portfolio: Portfolio, current: LotMethod | None, now: datetime, **options: Any
    ) -> None:
        """Begin with what is in force, and the portfolio's present."""
        super().__init__(*args, **options)
        self.fields["method"].initial = current.method if current else Method.FIFO.value
        self.fields["scope"].initial = current.scope if current else Scope.ACCOUNT.value
        self.fields["effective_at"].initial = timezone.localtime(portfolio.clock(now))
        self.fields["effective_at"].help_text = (
            f"In your time zone, {timezone.get_current_timezone_name()}. An earlier moment works everything out anew "
            "from there."
        )

    @property
    def chosen(self) -> dict[str, Any]:
        """Return what was stated."""
        data = self.cleaned_data
        return {
            "method": Method(data["method"]),
            "scope": Scope(data["scope"]),
            "effective_at": data["effective_at"],
        }
