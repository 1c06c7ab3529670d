"""Read what every entry says: once by its key, when it happened, and in which account."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone

from portfolio.models import Account, Portfolio

MOMENT_FORMAT = "%Y-%m-%dT%H:%M:%S"


def moment_field(label: str = "When") -> forms.DateTimeField:
    """Return a field for a moment in the person's own zone."""
    return forms.DateTimeField(
        label=label,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format=MOMENT_FORMAT),
        input_formats=[MOMENT_FORMAT, MOMENT_FORMAT.removesuffix(":%S")],
    )


class DatedForm(forms.Form):
    """State an entry once; the account is only asked for where there are several."""

    client_key = forms.UUIDField(widget=forms.HiddenInput, required=False)
    executed_at = moment_field()

    asks_account = True

    def __init__(self, *args: Any, portfolio: Portfolio, now: datetime, **options: Any) -> None:
        """Offer the portfolio's accounts, and its present as the time."""
        super().__init__(*args, **options)
        self.portfolio = portfolio
        self.accounts = {str(row.pk): row for row in portfolio.accounts.order_by("pk")} if self.asks_account else {}
        if len(self.accounts) > 1:
            self.fields["account"] = self.account_field("Account")
        self.fields["client_key"].initial = uuid.uuid4
        self.fields["executed_at"].initial = timezone.localtime(portfolio.clock(now))
        self.fields["executed_at"].help_text = f"In your time zone, {timezone.get_current_timezone_name()}."

    def account_field(self, label: str, **options: Any) -> forms.TypedChoiceField:
        """Return a field that offers the portfolio's accounts."""
        choices = [(key, row.name) for key, row in self.accounts.items()]
        return forms.TypedChoiceField(label=label, choices=choices, coerce=self.accounts.get, **options)

    @property
    def key(self) -> str:
        """Return the form's own key, empty where none was sent."""
        return str(self.cleaned_data["client_key"] or "")

    @property
    def chosen_account(self) -> Account | None:
        """Return the account that was chosen, nothing where there is only one."""
        chosen: Account | None = self.cleaned_data.get("account")
        return chosen
