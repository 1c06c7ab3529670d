"""Add decisions up into what they teach: every figure has a key, and a key finds the decisions behind its figure."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median

from journal.domain.learning import (
    BLOCK,
    Calibration,
    Costs,
    Expectancy,
    Mean,
    Move,
    RoundTrip,
    Share,
    Verdict,
    bin_of,
    blocks,
    calibration,
    compare,
    costs_of,
    expectancy,
    mean,
    round_trips,
    share,
)
from portfolio.domain.money import ZERO, in_context

FOLLOWED, DEVIATED, BESIDE, UNPROMPTED, PASSED, LAPSED = (
    "followed",
    "deviated",
    "ignored",
    "spontaneous",
    "passed",
    "lapsed",
)
GROUPS = (FOLLOWED, DEVIATED, BESIDE, UNPROMPTED, PASSED, LAPSED)
LOWEST_R, HIGHEST_R = -3, 4
UNSTATED = "none"
WAITS = (1, 6, 24)
LONGEST_WAIT = "longer"
OWN_HORIZON = 30
"""What the chance on a ticket is about, in days (DOMAIN 5.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One standing rotation as statistics see it. Amounts in USD at a horizon, None while they are not known."""

    key: int
    decided_at: datetime
    adherence: str
    chance: float | None = None
    stage: str = ""
    regime: str = ""
    source: str = ""
    destination: str = ""
    tags: tuple[str, ...] = ()
    policy: int = 0
    fees: Decimal = ZERO
    alpha: Decimal | None = None
    spot_alpha: Decimal | None = None
    gross_alpha: Decimal | None = None
    overlay: Decimal | None = None
    risk: Decimal | None = None
    opened: int = 0
    stopped: int = 0
    has_sold_core: bool = False
    mistakes: tuple[str, ...] = ()
    waited_hours: float | None = None

    @property
    def is_known(self) -> bool:
        """Return whether its days are over and measured."""
        return self.alpha is not None

    @property
    def is_ahead(self) -> bool:
        """Return whether it beat having held, after costs (DOMAIN 5.3)."""
        return self.alpha is not None and self.alpha > 0

    @property
    def multiple(self) -> float | None:
        """Return what its futures brought in units of the planned loss; None without a stop on each (DOMAIN 5.4)."""
        if self.overlay is None or not self.risk or self.stopped < self.opened:
            return None
        return float(self.overlay) / float(self.risk)

    @property
    def has_broken_rule(self) -> bool:
        """Return whether futures were opened without a stop, or core was sold (DECISIONS 15, 16)."""
        return self.stopped < self.opened or self.has_sold_core


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """A recommendation that was passed on or lapsed, and what it would have brought at 30 days, on paper."""

    is_passed: bool
    issued_at: datetime
    alpha: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What was expected before the outcome was shown: ahead, behind, or about the same (None)."""

    is_ahead: bool | None
    alpha: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind of decision: how often it beat having held, and by how much on average, in USD."""

    key: str
    hits: Share
    mean: Mean
    verdict: Verdict = Verdict.TOO_FEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Discipline:
    """How often rules were kept, by rotation; `stops` of those with futures, `follows` of what was recommended."""

    stops: Share
    core_kept: Share
    rules_kept: Share
    follows: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How n results came about in USD: gross - costs + futures = total, to the last digit."""

    n: int
    gross: Decimal
    costs: Decimal
    futures: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """How long n decisions came after the recommendation they answer, in hours: the decision latency (DOMAIN 5.6)."""

    n: int
    median_hours: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Hold what all decisions of a portfolio teach; what cannot be said is None, and a count says why."""

    count: int
    known: int
    blocks: int
    hits: Share
    groups: tuple[Row, ...]
    calibration: Calibration | None
    unstated: int
    expectancy: Expectancy | None
    multiples: tuple[tuple[int, int], ...]
    without_stop: int
    fees: Decimal
    costs: Costs
    course: Course
    trips: tuple[RoundTrip, ...]
    trip_fees: Decimal
    discipline: Discipline
    waited: Waited
    facets: Mapping[str, tuple[Row, ...]]
    mistakes: tuple[tuple[str, int], ...]
    guesses: Share


Facet = Callable[[Decided], Iterable[str]]

KNOWN_ONLY: Mapping[str, Facet] = {
    "group": lambda each: (group_of(each),),
    "outcome": lambda each: ("ahead" if each.is_ahead else "behind",),
    "chance": lambda each: (UNSTATED if each.chance is None else str(bin_of(each.chance)),),
    "r": lambda each: () if each.multiple is None else (str(step_of(each.multiple)),),
    "tag": lambda each: each.tags,
    "narrative": lambda each: (each.destination or ("reserve" if each.source else "futures"),),
    "stage": lambda each: (each.stage or UNSTATED,),
    "regime": lambda each: (each.regime or UNSTATED,),
    "policy": lambda each: (str(each.policy),),
    "waited": lambda each: () if each.waited_hours is None else (wait_of(each.waited_hours),),
    "known": lambda _: ("yes",),
}
ANY: Mapping[str, Facet] = {
    "stop": lambda each: (("kept" if each.stopped >= each.opened else "missing"),) if each.opened else (),
    "core": lambda each: ("sold" if each.has_sold_core else "kept",),
    "answer": lambda each: (each.adherence,),
    "rule": lambda each: ("broken" if each.has_broken_rule else "kept",),
    "mistake": lambda each: each.mistakes,
    "every": lambda _: ("yes",),
    "answered": lambda each: () if each.waited_hours is None else ("yes",),
}
SHOWN = ("tag", "narrative", "stage", "regime", "policy", "waited")
TRIP = "trip:yes"


def group_of(each: Decided) -> str:
    """Return how a rotation relates to what was recommended; against it counts as deviated (DOMAIN 5.2)."""
    return DEVIATED if each.adherence == "contradicted" else each.adherence


def wait_of(hours: float) -> str:
    """Return the span a wait belongs to, by the hours it ends before; the last is open."""
    return next((str(end) for end in WAITS if hours < end), LONGEST_WAIT)


def step_of(multiple: float) -> int:
    """Return the whole R below a multiple; the outermost steps hold what lies beyond them."""
    return max(LOWEST_R, min(HIGHEST_R, math.floor(multiple)))


def behind(key: str, decided: Sequence[Decided]) -> list[Decided]:
    """Return the decisions behind a figure, by its key such as `tag:news`; an unknown key has none."""
    name, _, value = key.partition(":")
    if key == TRIP:
        used = {each for trip in _trips(decided) for each in (trip.there, trip.back)}
        return [each for each in decided if each.key in used]
    if name in KNOWN_ONLY:
        return [each for each in decided if each.is_known and value in KNOWN_ONLY[name](each)]
    return [each for each in decided if name in ANY and value in ANY[name](each)]


@in_context
def summarise(
    decided: Sequence[Decided],
    *,
    undone: Sequence[Undone] = (),
    guesses: Sequence[Guess] = (),
    days: int = OWN_HORIZON,
) -> Summary:
    """Add everything up; what lapsed or was passed on counts at its paper result (DOMAIN 5.1, 5.2).

    Chances are about 30 days: beside other results they are not scored (DOMAIN 5.3). Results of more than 30 days
    overlap for as long as they take, so that fewer of them lie apart (5.4).
    """
    is_own, length = days == OWN_HORIZON, max(BLOCK, timedelta(days=days))
    known = [each for each in decided if each.is_known]
    multiples = [multiple for each in known if (multiple := each.multiple) is not None]
    trips = _trips(decided)
    used = {each for trip in trips for each in (trip.there, trip.back)}
    return Summary(
        count=len(decided),
        known=len(known),
        blocks=blocks((each.decided_at for each in known), length=length),
        hits=share(sum(each.is_ahead for each in known), len(known)),
        groups=_groups(known, undone, length),
        calibration=calibration(_stated(known)) if is_own else None,
        unstated=sum(each.chance is None for each in known) if is_own else 0,
        expectancy=expectancy(multiples),
        multiples=tuple(sorted(Counter(step_of(each) for each in multiples).items())),
        without_stop=sum(each.stopped < each.opened for each in decided),
        fees=sum((each.fees for each in decided), ZERO),
        costs=costs_taken(known),
        course=course_of(known),
        trips=tuple(trips),
        trip_fees=sum((each.fees for each in decided if each.key in used), ZERO),
        discipline=_discipline(decided, undone),
        waited=_waited(decided),
        facets={name: _rows(name, known, length) for name in SHOWN},
        mistakes=tuple(Counter(code for each in decided for code in each.mistakes).most_common()),
        guesses=_guesses(guesses),
    )


@in_context
def course_of(known: Iterable[Decided]) -> Course:
    """Return how what was won before costs became what is left, over all whose result is known (DOMAIN 5.1)."""
    whole = [each for each in known if None not in (each.alpha, each.gross_alpha, each.spot_alpha)]
    costs = costs_taken(whole)
    total = sum((each.alpha or ZERO for each in whole), ZERO)
    return Course(n=len(whole), gross=costs.gross, costs=costs.costs, futures=total - costs.net, total=total)


@in_context
def costs_taken(known: Iterable[Decided]) -> Costs:
    """Return what fees and slippage took from the spot side of what is known (DOMAIN 5.4, E39)."""
    pairs = [(each.gross_alpha, each.spot_alpha) for each in known]
    both = [(gross, net) for gross, net in pairs if gross is not None and net is not None]
    return costs_of(gross=sum((gross for gross, _ in both), ZERO), net=sum((net for _, net in both), ZERO))


def _stated(known: Iterable[Decided]) -> list[tuple[float, bool]]:
    return [(each.chance, each.is_ahead) for each in known if each.chance is not None]


def _groups(known: Sequence[Decided], undone: Sequence[Undone], length: timedelta) -> tuple[Row, ...]:
    """Return the rows of the comparison, each against what was followed."""
    found: dict[str, list[tuple[datetime, Decimal]]] = {name: [] for name in GROUPS}
    for each in known:
        found[group_of(each)].append((each.decided_at, each.alpha or ZERO))
    for paper in undone:
        found[PASSED if paper.is_passed else LAPSED].append((paper.issued_at, paper.alpha))
    rows = {name: _row(f"group:{name}", results, length) for name, results in found.items()}
    against = rows[FOLLOWED].mean
    return tuple(
        Row(key=row.key, hits=row.hits, mean=row.mean, verdict=compare(row.mean, against))
        for row in rows.values()
        if row.mean.n
    )


def _rows(name: str, known: Sequence[Decided], length: timedelta) -> tuple[Row, ...]:
    """Return a row for each value of a facet, the most frequent first."""
    found: dict[str, list[tuple[datetime, Decimal]]] = defaultdict(list)
    for each in known:
        for value in KNOWN_ONLY[name](each):
            found[value].append((each.decided_at, each.alpha or ZERO))
    ordered = sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return tuple(_row(f"{name}:{value}", results, length) for value, results in ordered)


def _row(key: str, results: Sequence[tuple[datetime, Decimal]], length: timedelta) -> Row:
    values = [float(alpha) for _, alpha in results]
    average = mean(values, moments=[moment for moment, _ in results], length=length)
    return Row(key=key, hits=share(sum(each > 0 for each in values), len(values)), mean=average)


def _trips(decided: Iterable[Decided]) -> list[RoundTrip]:
    moves = (
        Move(key=each.key, source=each.source, destination=each.destination, moved_at=each.decided_at)
        for each in decided
        if each.source or each.destination
    )
    return round_trips(moves)


def _discipline(decided: Sequence[Decided], undone: Sequence[Undone]) -> Discipline:
    n, opened = len(decided), [each for each in decided if each.opened]
    answered = [each for each in decided if each.adherence != UNPROMPTED]
    follows = sum(each.adherence == FOLLOWED for each in answered)
    return Discipline(
        stops=share(sum(each.stopped >= each.opened for each in opened), len(opened)),
        core_kept=share(sum(not each.has_sold_core for each in decided), n),
        rules_kept=share(sum(not each.has_broken_rule for each in decided), n),
        follows=share(follows, len(answered) + len(undone)),
    )


def _waited(decided: Iterable[Decided]) -> Waited:
    hours = [each.waited_hours for each in decided if each.waited_hours is not None]
    return Waited(n=len(hours), median_hours=median(hours) if hours else None)


def _guesses(guesses: Iterable[Guess]) -> Share:
    """Return how often a guess had the right sign; about the same has none and is not counted."""
    sided = [guess for guess in guesses if guess.is_ahead is not None]
    return share(sum(guess.is_ahead == (guess.alpha > 0) for guess in sided), len(sided))
