"""Read how a person wants to be told, when, and of what."""

from __future__ import annotations

from typing import Any, NamedTuple

from django import forms

from accounts.models import User
from portfolio.models import Portfolio, Sector
from signals.models import Channel, Topic
from signals.services.channels import Hours

CLOCK = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
EVERYTHING = "everything"
BY_CHOICE = {
    Channel.Kind.EMAIL: "E-mail, to your own address",
    Channel.Kind.CHAT: "A chat service, such as Telegram, ntfy, Discord, Slack or Matrix",
    Channel.Kind.WEBHOOK: "A webhook: a program of yours that is called",
    Channel.Kind.FEED: "An Atom feed, under a private address",
}


class Subject(NamedTuple):
    """What a subscription is about; neither means everything."""

    portfolio: Portfolio | None = None
    sector: Sector | None = None


class ChannelForm(forms.Form):
    """A new way to reach me."""

    kind = forms.ChoiceField(
        label="How", choices=list(BY_CHOICE.items()), widget=forms.RadioSelect(attrs={"class": "stacked"})
    )
    name = forms.CharField(label="Name", max_length=80, help_text="What you call it, such as: my phone.")
    address = forms.CharField(
        label="Address",
        required=False,
        max_length=1000,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Of a chat service as apprise writes it, such as ntfy://my-topic or tgram://token/chat; of a webhook "
        "its https:// address. It is kept sealed and not shown again. E-mail and feed need none.",
    )


class HoursForm(forms.Form):
    """When a channel may disturb me."""

    quiet_from = forms.TimeField(label="Quiet from", required=False, widget=CLOCK)
    quiet_until = forms.TimeField(label="Quiet until", required=False, widget=CLOCK)
    digest_at = forms.TimeField(
        label="One digest a day at", required=False, widget=CLOCK, help_text="Leave it empty to be told at once."
    )
    is_waking = forms.BooleanField(
        label="A position near its liquidation is told at once, at any hour", required=False, initial=True
    )

    @property
    def hours(self) -> Hours:
        """Return what was chosen."""
        return Hours(**self.cleaned_data)


class SubscriptionForm(forms.Form):
    """What a channel is to tell me."""

    subject = forms.ChoiceField(label="About")
    topics = forms.MultipleChoiceField(
        label="Tell me of",
        choices=Topic.choices,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "stacked"}),
        error_messages={"required": "Choose at least one thing to be told of."},
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        """Offer everything, each of the person's portfolios, and each narrative."""
        super().__init__(*args, **kwargs)
        books = {f"portfolio:{book.pk}": book for book in Portfolio.objects.owned_by(user).order_by("pk")}
        kinds = Sector.objects.filter(kind=Sector.Kind.NARRATIVE).order_by("name")
        sectors = {f"sector:{sector.pk}": sector for sector in kinds}
        self._subjects = {
            EVERYTHING: Subject(),
            **{key: Subject(portfolio=book) for key, book in books.items()},
            **{key: Subject(sector=sector) for key, sector in sectors.items()},
        }
        self.fields["subject"].choices = [  # type: ignore[attr-defined]
            (EVERYTHING, "Everything of mine"),
            ("Portfolios", [(key, book.name) for key, book in books.items()]),
            ("Narratives", [(key, sector.name) for key, sector in sectors.items()]),
        ]

    @property
    def chosen(self) -> Subject:
        """Return what it is about."""
        return self._subjects[self.cleaned_data["subject"]]
