"""Read how a person wants to look at their journal, and under which name they keep it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.http import urlencode

from journal.models import Rotation
from journal.queries.filters import Filter
from journal.queries.learning import HORIZONS
from portfolio.models import Sector

CHOICES = {"kind": Rotation.Kind.choices, "adherence": Rotation.Adherence.choices, "state": Rotation.State.choices}
LONGEST = {"words": 100, "tag": 40, "behind": 120}


class SaveViewForm(forms.Form):
    """A name for the filter in the address."""

    name = forms.CharField(max_length=60, label="Keep this view as", help_text="Such as: AI in 2026.")
    query = forms.CharField(max_length=600, widget=forms.HiddenInput)

    def clean_query(self) -> str:
        """Keep only what a filter knows."""
        chosen = chosen_from(QueryDict(self.cleaned_data["query"]), narratives())
        if chosen == Filter():
            raise forms.ValidationError("Choose something first: a view of everything needs no name.")
        return query_of(chosen)


def narratives() -> list[Sector]:
    """Return what a filter can choose between. One query."""
    return list(Sector.objects.filter(kind=Sector.Kind.NARRATIVE))


def chosen_from(asked: QueryDict, sectors: Iterable[Sector]) -> Filter:
    """Return the filter asked for; what does not exist is not asked for."""
    picked: dict[str, Any] = {
        name: _one_of(asked.get(name, ""), {value for value, _ in known}) for name, known in CHOICES.items()
    }
    texts: dict[str, Any] = {
        name: asked.get(name, "").replace("\x00", "").strip()[:longest] for name, longest in LONGEST.items()
    }
    return Filter(
        sector=_one_of(asked.get("sector", ""), {sector.slug for sector in sectors}),
        since=_day(asked.get("since", "")),
        until=_day(asked.get("until", "")),
        days=next((days for days in HORIZONS if str(days) == asked.get("days")), 0),
        **picked,
        **texts,
    )


def query_of(chosen: Filter, **changes: Any) -> str:
    """Return the query of the address that asks for a filter."""
    values = {**vars(chosen), **changes}
    return urlencode({name: value for name, value in values.items() if value and name != "only"})


def _one_of(value: str, known: set[str]) -> str:
    return value if value in known else ""


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2026-01-31") else None
    except ValueError:
        return None
