"""Say what stands between a market and its next turn: how far the regime is, what is priced in, what is not known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from portfolio.domain.display import number
from signals.domain.switches import Switch
from signals.models import Event, Score
from signals.queries.events import Story
from signals.views import words
from signals.views.cards import NarrativeCard, ScoreCard
from signals.views.words import exact


@dataclass(frozen=True, kw_only=True)
class PricedIn:
    """Show how much of the usual move after news has happened, and how late one is (DOMAIN 2.9)."""

    name: str
    hue: str
    event: Event | None
    days: int | None
    share: Decimal | None
    moved: Decimal | None
    expected: Decimal | None
    t: Decimal | None
    flags: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Show one input that carries less than its weight, and where it is missing."""

    where: str
    code: str
    name: str
    reason: str


def switch_lines(found: Iterable[Switch]) -> list[dict[str, str]]:
    """Return each turn in words: to what, from where, how far."""
    return [
        {
            "name": words.REGIMES[each.regime.name],
            "bound": f"{_bound(each)} {number(exact(each.bound), 0)}",
            "distance": _distance(each),
        }
        for each in found
    ]


def priced_in_lines(scores: Iterable[Score], *, news: Sequence[Story], moment: datetime) -> list[PricedIn]:
    """Return a line a narrative; without news to measure against only the move itself speaks."""
    by_id = {str(story.event.pk): story.event for story in news}
    return [_priced_in(score, by_id, moment) for score in scores]


def gaps(cards: Iterable[NarrativeCard], regime: ScoreCard) -> list[Gap]:
    """Return everything that is missing or stale behind the scores and the regime."""
    named = [(card.sector.name, card.score) for card in cards] + [("Regime", regime)]
    return [
        Gap(where=where, code=term.code, name=term.name, reason=term.reason)
        for where, score in named
        for term in score.missing
    ]


def _bound(each: Switch) -> str:
    if each.is_within:
        return "from" if each.is_upward else "down to"
    return "above" if each.is_upward else "below"


def _distance(each: Switch) -> str:
    if each.is_wanted:
        return f"asked for by {each.count} of {each.needed} closes"
    return f"{number(exact(each.distance), 1)} points away" if each.distance else "the score is beyond it"


def _priced_in(score: Score, events: Mapping[str, Event], moment: datetime) -> PricedIn:
    found: dict[str, Any] = score.details.get("priced_in", {})
    event = events.get(str(found.get("event_id") or ""))
    return PricedIn(
        name=score.sector.name,
        hue=score.sector.hue,
        event=event,
        days=None if event is None else max((moment - event.published_at).days, 0),
        share=_known(found.get("share")),
        moved=_known(found.get("car")),
        expected=_known(found.get("expected")),
        t=_known(found.get("t")),
        flags=tuple(text for name, text in words.PRICED_IN_FLAGS.items() if found.get(name)),
    )


def _known(value: float | None) -> Decimal | None:
    return None if value is None else exact(value)
