"""Read an event that an administrator enters by hand, and a verdict on one that was told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone

from portfolio.forms.dated import moment_field
from portfolio.models import Market, Sector
from signals.models import Event

SPEAKS = (("1", "for it"), ("-1", "against it"), ("0.5", "rather for it"), ("-0.5", "rather against it"))
KINDS = (
    ("REGULATORY", "Regulation"),
    ("PARTNERSHIP", "Partnership"),
    ("TECH_MILESTONE", "Technical milestone"),
    ("L2_MILESTONE", "Layer-2 milestone"),
    ("EXPLOIT", "Exploit"),
    ("LISTING", "Listing"),
    ("UNLOCK", "Unlock"),
)
MAGNITUDES = ((1, "1, small"), (2, "2"), (3, "3, middling"), (4, "4"), (5, "5, as large as it gets"))
CONFIDENCES = (("0.3", "a rumour, 30%"), ("0.6", "likely, 60%"), ("0.8", "well sourced, 80%"), ("1", "certain, 100%"))


class EventForm(forms.Form):
    """Say what happened to which narrative, how much it weighs, and how sure that is."""

    sector = forms.ModelChoiceField(
        label="Narrative", queryset=Sector.objects.filter(kind=Sector.Kind.NARRATIVE), empty_label=None
    )
    type = forms.ChoiceField(label="Kind", choices=KINDS)
    title = forms.CharField(
        label="What happened", max_length=300, help_text="A line that somebody else understands without the source."
    )
    url = forms.URLField(
        label="Where it stands",
        max_length=500,
        required=False,
        assume_scheme="https",
        help_text="An address on the web.",
    )
    published_at = moment_field("When it came out")
    occurred_at = moment_field("When it happens")
    polarity = forms.TypedChoiceField(label="It speaks", choices=SPEAKS, coerce=float)
    magnitude = forms.TypedChoiceField(
        label="How large",
        choices=MAGNITUDES,
        coerce=int,
        initial=3,
        help_text="Of regulation: a ban or securities law 5, money laundering rules 3, a legal framework 4.",
    )
    confidence = forms.TypedChoiceField(
        label="How sure", choices=CONFIDENCES, coerce=float, initial="0.8", help_text="Up to 40% it stays unverified."
    )
    jurisdiction = forms.CharField(
        label="Jurisdiction", max_length=60, required=False, help_text="Of regulation: EU, US and so on."
    )

    def __init__(self, *args: Any, market: Market, now: datetime, **options: Any) -> None:
        """Propose the market's present as the moment it came out."""
        super().__init__(*args, **options)
        self.fields["published_at"].initial = timezone.localtime(market.clock(now))
        self.fields["published_at"].help_text = f"In your time zone, {timezone.get_current_timezone_name()}."
        self.fields["occurred_at"].required = False
        self.fields["occurred_at"].help_text = "Of an unlock or a listing that is still to come."


class VerdictForm(forms.Form):
    """Confirm an event, or refute it, with a reason that stays."""

    event = forms.ModelChoiceField(queryset=Event.objects.none(), widget=forms.HiddenInput)
    verdict = forms.ChoiceField(choices=[("confirm", "Confirm"), ("refute", "Refute")])
    note = forms.CharField(label="Why", max_length=500, required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        """Let any event be judged; who may is the view's question."""
        super().__init__(*args, **options)
        found = self.fields["event"]
        if isinstance(found, forms.ModelChoiceField):
            found.queryset = Event.objects.select_related("market", "story")
