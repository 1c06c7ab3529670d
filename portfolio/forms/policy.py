"""Read a change of policy: weights of the sleeves, shares of the narratives, band and hurdle."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms

from portfolio.domain.money import ZERO
from portfolio.forms.fields import PercentField, as_percent
from portfolio.forms.weights import OWN, SLEEVES, WeightsForm, gap_sentence
from portfolio.models import Policy, PolicySector, Sector
from portfolio.services.portfolios import Aim

SAFETY_CHOICES = (
    ("1", "1: it pays for itself, in and out again"),
    ("1.5", "1.5: half as much again"),
    ("2", "2: twice what it costs"),
)


class PolicyForm(WeightsForm):
    """Change what a portfolio aims for; the next version counts from now on."""

    band = PercentField(
        label="Band, %", help_text="How far a share may drift from its target before anything is suggested."
    )
    safety = forms.ChoiceField(
        label="A rotation has to earn its costs, times",
        choices=SAFETY_CHOICES,
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, sectors: Sequence[Sector], **options: Any) -> None:
        """Ask for a share of each narrative."""
        super().__init__(*args, **options)
        self.sectors = list(sectors)
        for sector in self.sectors:
            self.fields[_key(sector)] = PercentField(label=f"{sector.name}, % of the pool")

    def clean(self) -> dict[str, Any]:
        """Refuse shares with a gap."""
        data = super().clean() or {}
        if self.sectors and not any(_key(sector) in self.errors for sector in self.sectors):
            gap = gap_sentence({sector.slug: share for sector, share in self._shares(data).items()}, subject="shares")
            if gap:
                self.add_error(_key(self.sectors[-1]), gap)
        return data

    @property
    def share_fields(self) -> list[Any]:
        """Return the fields of the narratives."""
        return [self[_key(sector)] for sector in self.sectors]

    @property
    def aim(self) -> Aim:
        """Return what is aimed for."""
        data = self.cleaned_data
        parameters = {"band": data["band"], "safety": Decimal(data["safety"])}
        return Aim(preset=self.chosen, sectors=self._shares(data), parameters=parameters)

    def _shares(self, data: dict[str, Any]) -> dict[Sector, Decimal]:
        return {sector: data.get(_key(sector)) or ZERO for sector in self.sectors}


def current_values(policy: Policy, shares: Sequence[PolicySector]) -> dict[str, Any]:
    """Return a policy as the form's first values."""
    names = {choice for choice, _ in WeightsForm.base_fields["preset"].choices}  # type: ignore[attr-defined]
    values: dict[str, Any] = {f"share_{share.sector.slug}": as_percent(share.share) for share in shares}
    values |= {sleeve: as_percent(getattr(policy, f"{sleeve}_weight")) for sleeve in SLEEVES}
    safety = f"{policy.safety.normalize():f}"
    return {
        **values,
        "preset": policy.preset if policy.preset in names else OWN,
        "band": as_percent(policy.band),
        "safety": safety,
    }


def _key(sector: Sector) -> str:
    return f"share_{sector.slug}"
