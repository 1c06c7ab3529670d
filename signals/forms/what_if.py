"""Read what a person changes in a question: each field may stay empty, and then stays as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django import forms

from portfolio.domain.display import number, usd
from portfolio.forms.fields import AmountField, PercentField
from portfolio.models import Stage
from signals.domain.what_if import LONGEST_HORIZON, Bounds, Changes, ChangesError
from signals.queries.what_if import Ground
from signals.services.what_if import WhatIf, ask_what_if

FIELD_NAMES = (
    "stage", "leader", "size_usd", "futures_usd", "leverage", "venue", "spot_discount_percent",
    "futures_discount_percent", "horizon_days",
)  # fmt: skip
RENAMED = {"spot_discount": "spot_discount_percent", "futures_discount": "futures_discount_percent"}
"""Fields in percent, by the name of the fraction they become."""


class AsItIs(NamedTuple):
    """Hold what stands now, to be said beside each field; `choices` are slugs with names."""

    stage: str
    venue: str
    horizon_days: int
    bounds: Bounds
    sectors: Sequence[tuple[str, str]]
    venues: Sequence[tuple[str, str]]


class WhatIfForm(forms.Form):
    """Change size, futures, leverage, venue, discounts, horizon, stage or leader of a question."""

    stage = forms.ChoiceField(label="Stage", required=False)
    leader = forms.ChoiceField(label="Led by", required=False)
    size_usd = AmountField(label="Move at most, $", required=False)
    futures_usd = AmountField(label="Futures notional, $", required=False, is_zero_allowed=True)
    leverage = AmountField(label="Leverage", required=False)
    venue = forms.ChoiceField(label="Venue", required=False)
    spot_discount_percent = PercentField(label="Off spot fees, %", required=False)
    futures_discount_percent = PercentField(label="Off futures fees, %", required=False)
    horizon_days = forms.IntegerField(
        label="Horizon, days",
        required=False,
        min_value=1,
        max_value=LONGEST_HORIZON,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value"), f"Give a number of days from 1 to {LONGEST_HORIZON}."
        ),
    )

    def __init__(self, *args: Any, now: AsItIs, **options: Any) -> None:
        """Offer what there is, and say beside each field what stands now."""
        super().__init__(*args, **options)
        self._offer("stage", f"As it is: {now.stage}", Stage.choices)
        self._offer("leader", "Whoever leads", now.sectors)
        self._offer("venue", f"As it is: {now.venue}", now.venues)
        self._hint("horizon_days", str(now.horizon_days))
        self._hint("size_usd", f"pool {usd(now.bounds.pool, 0)}")
        self._hint("leverage", f"at most {number(now.bounds.most_leverage, 0)}" if now.bounds.most_leverage else "off")
        self._hint("futures_usd", "as the stage asks")
        for name in RENAMED.values():
            self._hint(name, "0")

    @property
    def changes(self) -> Changes:
        """Return what is changed; only a valid form knows."""
        data = {name: self.cleaned_data.get(name) for name in FIELD_NAMES}
        fractions = {name: data.pop(written) for name, written in RENAMED.items()}
        texts = {name: data.pop(name) or None for name in ("stage", "leader", "venue")}
        return Changes(**data, **fractions, **texts)

    def blame(self, faults: Mapping[str, str]) -> None:
        """Put what is out of bounds on its fields."""
        for name, fault in faults.items():
            self.add_error(RENAMED.get(name, name), fault)

    @property
    def faults(self) -> list[tuple[str, str]]:
        """Return what is wrong as pairs of label and sentence."""
        return [(str(self.fields[name].label), str(fault)) for name, each in self.errors.items() for fault in each]

    def _offer(self, name: str, empty: str, choices: Iterable[tuple[Any, Any]]) -> None:
        known = list(choices)
        field: Any = self.fields[name]
        field.choices = [("", empty), *known]
        field.error_messages["invalid_choice"] = f"Give one of {', '.join(str(value) for value, _ in known)}."

    def _hint(self, name: str, text: str) -> None:
        self.fields[name].widget.attrs["placeholder"] = text


class Question(NamedTuple):
    """Hold a question as it was written, what is answered as things are, and the answer; None while it is faulty."""

    form: WhatIfForm
    as_it_is: WhatIf
    answer: WhatIf | None


def asked(*, ground: Ground, data: Mapping[str, Any]) -> Question:
    """Read a question and answer it; what is wrong stands on the form's fields."""
    as_it_is = ask_what_if(ground=ground)
    form = WhatIfForm(data, now=_now(ground, as_it_is))
    answer = None
    if form.is_valid():
        try:
            answer = ask_what_if(ground=ground, changes=form.changes) if form.changes != Changes() else as_it_is
        except ChangesError as error:
            form.blame(error.faults)
    return Question(form, as_it_is, answer)


def _now(ground: Ground, as_it_is: WhatIf) -> AsItIs:
    return AsItIs(
        stage=str(Stage(ground.market.found.day.stage.stage).label),
        venue=as_it_is.venue.name,
        horizon_days=ground.books.policies[0].horizon_days,
        bounds=as_it_is.bounds,
        sectors=[(sector.slug, sector.name) for sector in ground.market.reference.sectors],
        venues=[(terms.slug, terms.name) for terms in ground.market.venues],
    )
