"""Read weights and say by how much they miss 100%."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django import forms

from portfolio.domain.money import ZERO
from portfolio.domain.policy import ANCHOR, PRESETS, Preset, WeightGap, check_weights
from portfolio.forms.fields import PercentField, as_percent

OWN = "OWN"
SLEEVES = ("core", "reserve", "pool")
PRESET_CHOICES = (
    ("ANCHOR", "Anchor: 50% core, 20% reserve, 30% pool"),
    ("TABLE", "Table: 60% core, no reserve, 40% pool"),
    (OWN, "My own weights"),
)


def gap_sentence(weights: Mapping[str, Decimal], *, subject: str = "weights") -> str:
    """Say by how much weights miss 100% and what to do; empty when they add up."""
    try:
        check_weights(weights)
    except WeightGap as error:
        total, points = as_percent(1 + error.gap), as_percent(abs(error.gap))
        noun = "point" if points == "1" else "points"
        if error.gap > 0:
            return f"Your {subject} add to {total}%: take {points} {noun} away."
        return f"Your {subject} add to {total}%: {points} {noun} {'is' if noun == 'point' else 'are'} missing."
    return ""


class WeightsForm(forms.Form):
    """Choose a preset, or write the weights of the three sleeves; own weights must add to 100%."""

    preset = forms.ChoiceField(
        label="What you aim for",
        help_text="The pool is what rotates between the narratives; the core never does.",
        choices=PRESET_CHOICES,
        widget=forms.RadioSelect(attrs={"class": "stacked"}),
        initial="ANCHOR",
    )
    core = PercentField(label="Core, %", required=False)
    reserve = PercentField(label="Reserve, %", required=False)
    pool = PercentField(label="Pool, %", required=False)

    def clean(self) -> dict[str, Any]:
        """Refuse own weights with a gap, in words that say what to do."""
        data = super().clean() or {}
        if data.get("preset") == OWN and not any(name in self.errors for name in SLEEVES):
            gap = gap_sentence(self.weights)
            if gap:
                self.add_error("pool", gap)
        return data

    @property
    def weights(self) -> dict[str, Decimal]:
        """Return the weights as written, an empty one as zero."""
        return {name: self.cleaned_data.get(name) or ZERO for name in SLEEVES}

    @property
    def chosen(self) -> Preset:
        """Return the preset, or the anchor's parameters under the person's own weights."""
        name = self.cleaned_data["preset"]
        if name != OWN:
            return PRESETS[name]
        parts = {f"{sleeve}_weight": weight for sleeve, weight in self.weights.items()}
        floor = min(ANCHOR.reserve_floor, parts["reserve_weight"])
        return replace(ANCHOR, name=OWN, reserve_floor=floor, **parts)  # type: ignore[arg-type]


class SumForm(forms.Form):
    """Read the three weights while they are being written, to show their sum."""

    core = PercentField(required=False)
    reserve = PercentField(required=False)
    pool = PercentField(required=False)

    @property
    def sentence(self) -> str:
        """Say what the weights add to."""
        if not self.is_valid():
            return "Write each weight as a number from 0 to 100."
        weights = {name: self.cleaned_data.get(name) or ZERO for name in SLEEVES}
        return gap_sentence(weights) or "Your weights add to 100%."
