"""Read why something was reversed or passed on."""

from __future__ import annotations

from django import forms


class ReverseForm(forms.Form):
    """Say why a rotation is reversed."""

    reason = forms.CharField(
        label="Why you reverse it",
        help_text="The rotation stays visible, with this beside it.",
        max_length=300,
        error_messages={"required": "Say why you reverse it: the reason stays beside the rotation."},
    )


class PassForm(forms.Form):
    """Say why not now."""

    reason = forms.CharField(
        label="Not now, because …",
        help_text="Half a sentence is enough. What you pass on is followed on paper, and you will see how it went.",
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=2000,
        error_messages={"required": "Say why not now: half a sentence is enough."},
    )
