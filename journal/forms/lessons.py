"""Read what a person expects, and what they learned."""

from __future__ import annotations

from django import forms

from journal.models import Lesson
from journal.services.lessons import MOST_LETTERS


class ExpectForm(forms.Form):
    """Guess the outcome before it is shown."""

    horizon_days = forms.IntegerField(widget=forms.HiddenInput, min_value=7, max_value=90)
    expectation = forms.ChoiceField(
        label="How did it go, against having held?",
        choices=Lesson.Expectation.choices,
        widget=forms.RadioSelect(attrs={"class": "stacked"}),
        error_messages={"required": "Choose what you expect: a guess is enough."},
    )
    because = forms.CharField(
        label="Because …",
        required=False,
        max_length=300,
        help_text="Half a sentence is enough. It stays beside the outcome.",
    )
    had_seen = forms.BooleanField(label="I know the outcome already; do not count this as a guess.", required=False)


class LearnForm(forms.Form):
    """Say what there is to learn."""

    horizon_days = forms.IntegerField(widget=forms.HiddenInput, min_value=7, max_value=90)
    lesson = forms.CharField(
        label="What you take from it, in a sentence",
        help_text="Judge the decision by what you knew then: a good one can lose, and a poor one can win.",
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=MOST_LETTERS,
        error_messages={"required": "Write one sentence; “I would do the same again” is one."},
    )
    mistakes = forms.MultipleChoiceField(
        label="What you would do otherwise",
        choices=Lesson.Mistake.choices,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "stacked"}),
        required=False,
        help_text="Choose as many as fit. They are counted, so that you see which one comes back.",
    )
