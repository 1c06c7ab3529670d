"""Say what a rotation came to in whole sentences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from journal.domain.counterfactual import Status, first_close
from journal.models import Review, Rotation
from journal.queries.paper import Undone
from journal.queries.sealed import known_days, sealed_days
from portfolio.domain.display import day, usd

OWN_HORIZON = 30
HORIZONS = (1, 7, 30, 90)
FLAGS = {
    "DELISTED_LAST_PRICE": "{} was delisted: its last price stands in",
    "NO_PRICE": "no price of {}",
}


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """Hold a sentence in three parts, so that the amount can carry its colour; `amount` is None in a plain one."""

    before: str
    amount: Decimal | None = None
    after: str = ""

    @property
    def size(self) -> Decimal | None:
        """Return the amount without its sign, which the words say."""
        return None if self.amount is None else abs(self.amount)

    @property
    def text(self) -> str:
        """Return the whole sentence."""
        return self.before if self.amount is None else f"{self.before} {usd(abs(self.amount))} {self.after}"


@dataclass(frozen=True, kw_only=True)
class HorizonRow:
    """Show one horizon: its name, what is known in words, and the review where one was made."""

    name: str
    status: str
    review: Review | None
    notes: str


def conclusion(rotation: Rotation, reviews: Iterable[Review]) -> Conclusion:
    """Return the answer to "was it worth it": at 30 days, else so far, else when it will be known."""
    if rotation.state == Rotation.State.REVERSED and rotation.reversed_at is not None:
        return Conclusion(before=f"You reversed this rotation on {day(rotation.reversed_at)}")
    known = {review.horizon_days: review for review in reviews}
    for horizon in (OWN_HORIZON, Review.TO_DATE):
        review = known.get(horizon)
        if review is not None and review.status == Review.Status.OK and review.total_alpha_usd is not None:
            return _compared(_when(horizon, review.priced_at), review.total_alpha_usd)
    if any(review.status == Review.Status.MISSING for review in known.values()):
        return Conclusion(before="There is no price to compare this rotation with")
    first = day(first_close(rotation.executed_at))
    return Conclusion(before=f"Too early to say: the first comparison comes on {first}")


def sealed_or(rotation: Rotation, reviews: Iterable[Review]) -> Conclusion:
    """Return the answer, or that it is known and waits for a guess; the rotation comes with what was seen of it."""
    listed = list(reviews)
    days = sealed_days(rotation, known_days(listed))
    if days is None or rotation.state == Rotation.State.REVERSED:
        return conclusion(rotation, listed)
    return Conclusion(before=f"How it went after {days} days is known: guess before you look")


def on_paper(found: Undone) -> Conclusion:
    """Return what a recommendation that was not followed would have brought, as far as it is known."""
    amount = found.measured.total_alpha
    if found.sealed is not None:
        return Conclusion(before=f"How it would have gone after {found.sealed} days is known: guess before you look")
    if found.measured.status is Status.MISSING:
        return Conclusion(before="There is no price to follow it with")
    if amount is None:
        return Conclusion(before="Its first close is still to come")
    when = _when(found.days, found.measured.priced_at)
    way = "ahead of having held" if amount > 0 else "behind having held"
    return Conclusion(before=f"{when} it would have left you", amount=amount, after=way)


def horizon_rows(rotation: Rotation, reviews: Iterable[Review]) -> list[HorizonRow]:
    """Return every horizon, those not measured yet included, and to date last."""
    known = {review.horizon_days: review for review in reviews}
    rows = [_row(rotation, horizon, known.get(horizon)) for horizon in HORIZONS]
    return [*rows, _row(rotation, Review.TO_DATE, known.get(Review.TO_DATE))]


def chance(conviction: float | None) -> Decimal | None:
    """Return a conviction as an exact fraction."""
    return None if conviction is None else Decimal(str(round(conviction, 4)))


def _when(days: int, priced_at: datetime | None) -> str:
    """Say after how long, or up to the close of which day."""
    if days:
        return f"After {days} days"
    return "So far" if priced_at is None else f"Up to the close of {day(_closing_day(priced_at))}"


def _compared(when: str, amount: Decimal) -> Conclusion:
    if not amount:
        return Conclusion(before=f"{when} you are exactly where holding would have left you")
    way = "ahead of having held" if amount > 0 else "behind having held"
    return Conclusion(before=f"{when} you are", amount=amount, after=way)


def _row(rotation: Rotation, horizon: int, review: Review | None) -> HorizonRow:
    name = f"{horizon} day{'s' if horizon > 1 else ''}" if horizon else "To date"
    return HorizonRow(name=name, status=_status(rotation, horizon, review), review=review, notes=_notes(review))


def _status(rotation: Rotation, horizon: int, review: Review | None) -> str:
    if review is not None and review.priced_at is not None:
        return day(_closing_day(review.priced_at))
    if review is not None and review.status == Review.Status.MISSING:
        return "There is no price within 36 hours of that close."
    due: datetime = first_close(rotation.executed_at) + timedelta(days=horizon)
    return f"Not yet; known on {day(due)}."


def _closing_day(moment: datetime) -> datetime:
    """Return the day a close belongs to: midnight closes the day before (DECISIONS 34)."""
    return moment - timedelta(seconds=1)


def _notes(review: Review | None) -> str:
    """Return a review's flags in words."""
    if review is None:
        return ""
    parts = (str(flag).partition(" ") for flag in review.flags)
    return "; ".join(FLAGS.get(code, code).format(asset) for code, _, asset in parts)
