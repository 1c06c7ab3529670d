"""Lay out a market's day for people: scores whose parts visibly add up, the stage with its evidence, the regime."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from portfolio.models import Sector
from signals.models import RegimeDay, Score, StageDay
from signals.queries.market import MarketPast
from signals.queries.standing import day_number
from signals.views import words
from signals.views.words import exact

NEUTRAL = 50.0
Record = Mapping[str, Any]
Series = list[float | None]


@dataclass(frozen=True, kw_only=True)
class Term:
    """Show one part of a score: where it starts and ends between 0 and 100, and what is behind it."""

    code: str
    name: str
    points: Decimal
    start: float
    end: float
    raw: str
    unit: str
    z: Decimal
    weight: Decimal
    freshness: Decimal
    reason: str
    source: str
    observed_at: datetime | None
    history: Series


@dataclass(frozen=True, kw_only=True)
class ScoreCard:
    """Show a score, its parts in order of weight, and what is missing behind it; a hidden score is None."""

    value: Decimal | None
    coverage: Decimal
    terms: tuple[Term, ...]
    history: Series

    @property
    def total(self) -> Decimal:
        """Return 50 and all parts together: the score, to the last place."""
        return sum((term.points for term in self.terms), Decimal(50))

    @property
    def missing(self) -> tuple[Term, ...]:
        """Return the parts that carry less than their weight."""
        return tuple(term for term in self.terms if term.reason)


@dataclass(frozen=True, kw_only=True)
class NarrativeCard:
    """Show one narrative's day."""

    sector: Sector
    score: ScoreCard
    facts: tuple[tuple[str, str], ...]
    price_share: Decimal | None


@dataclass(frozen=True, kw_only=True)
class Sign:
    """Show one evidence or condition: True, False, or None where nobody can tell."""

    text: str
    holds: bool | None


@dataclass(frozen=True, kw_only=True)
class StageCard:
    """Show the stage, the signs that would end it, and what each narrative lacks to ignite."""

    day: StageDay
    number: int
    headline: str
    signs: tuple[Sign, ...]
    gates: tuple[tuple[str, tuple[Sign, ...]], ...]

    @property
    def gate_rows(self) -> list[dict[str, Any]]:
        """Return the conditions one a row, with each narrative's answer."""
        columns = [[(name, sign) for sign in signs] for name, signs in self.gates]
        return [{"text": row[0][1].text, "signs": row} for row in zip(*columns, strict=True)]

    @property
    def observable(self) -> int:
        """Count the signs that can be observed."""
        return sum(sign.holds is not None for sign in self.signs)

    @property
    def held(self) -> int:
        """Count the signs that hold."""
        return sum(sign.holds is True for sign in self.signs)


def narrative_cards(past: MarketPast) -> list[NarrativeCard]:
    """Return a card a narrative, with 90 days of history."""
    return [_narrative(score, past.scores[slug]) for slug, score in past.day.scores.items()]


def regime_card(regime: RegimeDay) -> ScoreCard:
    """Return the regime's score as parts."""
    return ScoreCard(
        value=exact(regime.value),
        coverage=exact(regime.coverage),
        terms=_terms(regime.components, history={}),
        history=[],
    )


def stage_card(day: StageDay, *, sectors: Iterable[Sector]) -> StageCard:
    """Return the stage's card."""
    names = {sector.slug: sector.name for sector in sectors}
    who = {"leader": day.leader.name if day.leader else "The leader", "base": day.base.name}
    return StageCard(
        day=day,
        number=day_number(day),
        headline=words.STAGES[day.stage].format(**who),
        signs=_signs(day.evidence.get("evidences", []), "holds", words.EVIDENCES, who),
        gates=tuple(
            (names.get(slug, slug), _signs(gates, "passes", words.GATES, who))
            for slug, gates in day.evidence.get("gates", {}).items()
        ),
    )


def _signs(records: Iterable[Record], key: str, wording: words.Wording, who: Mapping[str, str]) -> tuple[Sign, ...]:
    """Return signs in words; what nobody can tell is None."""
    return tuple(
        Sign(
            text=wording.get(record["code"], record["code"]).format(**who),
            holds=record[key] if record.get("is_known", True) else None,
        )
        for record in records
    )


def _narrative(score: Score, past: Sequence[Score]) -> NarrativeCard:
    share = score.details.get("price_share")
    return NarrativeCard(
        sector=score.sector,
        score=ScoreCard(
            value=None if score.is_hidden else exact(score.value),
            coverage=exact(score.coverage),
            terms=_terms(score.contributions, history=_histories(past)),
            history=[None if each.is_hidden else each.value for each in past],
        ),
        facts=tuple(_facts(score.details)),
        price_share=None if share is None or not 0 <= share <= 1 else exact(share),
    )


def _histories(past: Sequence[Score]) -> dict[str, Series]:
    """Return each indicator's points over the days, None where it had nothing to say."""
    found: dict[str, Series] = defaultdict(list)
    for score in past:
        for record in score.contributions:
            found[record["indicator"]].append(record["points"] if record.get("freshness", 1.0) > 0 else None)
    return found


def _terms(records: Sequence[Record], *, history: Mapping[str, Series]) -> tuple[Term, ...]:
    """Return the parts of a score one after the other, each beginning where the one before ends."""
    terms, level = [], NEUTRAL
    for record in records:
        terms.append(_term(record, level, history.get(record["indicator"], [])))
        level += record.get("points", 0.0)
    return tuple(terms)


def _term(record: Record, level: float, history: Series) -> Term:
    code, reason = record["indicator"], record.get("reason", "")
    points, weight = record.get("points", 0.0), record.get("weight", 0.0)
    return Term(
        code=code,
        name=words.indicator_name(code),
        points=exact(points),
        start=level,
        end=level + points,
        raw=words.raw_text(code, record.get("raw")),
        unit=record.get("unit", ""),
        z=exact(record.get("z", 0.0)),
        weight=exact(weight),
        freshness=exact(record.get("freshness", 0.0)),
        reason=words.REASONS.get(reason, reason),
        source=record.get("source", ""),
        observed_at=_moment(record.get("observed_at")),
        history=history if weight else [],
    )


def _facts(details: Record) -> Iterable[tuple[str, str]]:
    """Return what stands beside the score: map, funding, open interest, what is priced in."""
    funding, interest = details.get("funding", {}), details.get("interest", {})
    yield "On the rotation map", words.QUADRANTS.get(details.get("quadrant") or "", "not known")
    yield "Funding", words.with_rate(words.FUNDING_FLAGS, funding.get("flag"), funding.get("annual"), " a year")
    yield (
        "Open interest, 7 days",
        words.with_rate(words.INTERESTS, interest.get("quadrant"), interest.get("interest_change")),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
