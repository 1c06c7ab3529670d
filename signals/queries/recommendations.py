"""Find recommendations: a portfolio's current one, its history, one with its legs, and what the engine said before."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery

from accounts.models import User
from portfolio.models import Market, Portfolio
from signals.domain.batch import Outcome
from signals.domain.insurance import offer_words, offers
from signals.domain.lifecycle import Answer
from signals.models import Recommendation, RecommendationLeg, StageDay
from signals.queries import books
from signals.queries.books import Span

SMALLEST_OFFER = Decimal(10)
RESOLVED_AFTER = timedelta(days=30)
ACCEPTED = books.ACCEPTED
FUTURES = (
    RecommendationLeg.Action.OPEN_LONG,
    RecommendationLeg.Action.REDUCE_LONG,
    RecommendationLeg.Action.TRIM_OVERLAY,
    RecommendationLeg.Action.CLOSE_LONG,
    RecommendationLeg.Action.OPEN_SHORT_HEDGE,
    RecommendationLeg.Action.CLOSE_HEDGE,
)
SHOWN = ("evidence", "leader", "source_sector", "destination_sector")


def current(*, portfolio: Portfolio, now: datetime) -> Recommendation | None:
    """Return the portfolio's newest answer if it still counts: an open recommendation, or the newest refusal.

    A lapsed, followed or passed one is history. `now` is a real moment; a replayed market's own clock decides.
    """
    newest = history(portfolio=portfolio).first()
    if newest is None:
        return None
    is_standing = newest.is_refusal or newest.is_open(portfolio.clock(now))
    return newest if is_standing else None


def history(*, portfolio: Portfolio) -> QuerySet[Recommendation]:
    """Return every answer a portfolio got, newest first."""
    return Recommendation.objects.filter(portfolio=portfolio).select_related(*SHOWN)


def detail(*, user: User, pk: int) -> Recommendation | None:
    """Return a person's own recommendation with its legs in order, None where it is not theirs. Two queries."""
    legs = RecommendationLeg.objects.select_related("sector", "instrument__asset", "instrument__venue")
    mine = Recommendation.objects.owned_by(user).select_related("portfolio__market", *SHOWN)
    return mine.prefetch_related(Prefetch("legs", queryset=legs.order_by("position"))).filter(pk=pk).first()


def optional_hedges(recommendation: Recommendation) -> list[str]:
    """Return both readings of the playbook's hedge on what an ignition sells, with their payoffs; they are no legs.

    Empty where there is none to offer: nothing sold, no futures wanted, no perp, a gate unread, or too little reserve.
    """
    options = recommendation.explanation.get("options")
    if not options or recommendation.source_sector is None:
        return []
    pair = offers(
        remaining_stables=Decimal(options["stables_usd"]),
        kept=Decimal(options["kept_usd"]),
        sold=Decimal(options["sold_usd"]),
    )
    return offer_words(pair, sector=recommendation.source_sector.name) if pair[0].notional >= SMALLEST_OFFER else []


class Previous(NamedTuple):
    """Hold the newest answer of a portfolio: where it stands, and what it said."""

    pk: int
    slot: datetime
    state: str
    expires_at: datetime
    source_id: int | None
    destination_id: int | None
    answer: Answer
    has_opening: bool = False


def previous_answers(span: Span) -> dict[int, Previous]:
    """Return the newest answer by portfolio, its futures included while it is open. Two queries."""
    newest = Recommendation.objects.filter(portfolio=OuterRef("pk")).order_by("-issued_at", "-id").values("pk")[:1]
    portfolios = span.of(Portfolio.objects.all(), prefix="").annotate(newest=Subquery(newest))
    futures, opening = _open_futures(span)
    columns = (
        "portfolio_id", "pk", "slot", "state", "expires_at", "source_sector_id", "destination_sector_id", "stage",
        "leader_id", "regime", "refusal", "z_now", "z_needed", "moved_usd",
    )  # fmt: skip
    found = {}
    for row in Recommendation.objects.filter(pk__in=portfolios.values("newest")).values_list(*columns):
        portfolio, pk, slot, state, expires_at, source, to, stage, leader, regime, refusal, z_now, z_needed, moved = row
        outcome = Outcome[refusal] if refusal else Outcome.TRADE
        traded = float(futures.get(pk, Decimal(0)))
        answer = Answer(stage, leader, regime, outcome, z_now, z_needed, float(moved), traded)
        found[portfolio] = Previous(pk, slot, state, expires_at, source, to, answer, has_opening=pk in opening)
    return found


def _open_futures(span: Span) -> tuple[dict[int, Decimal], set[int]]:
    """Return the futures notional of each open recommendation, and which of them open a long."""
    legs = RecommendationLeg.objects.filter(
        recommendation__state__in=Recommendation.OPEN, action__in=FUTURES, is_accepted=True
    )
    notional: dict[int, Decimal] = defaultdict(Decimal)
    opening: set[int] = set()
    columns = ("recommendation_id", "action", "notional_usd")
    for pk, action, amount in span.of(legs, prefix="recommendation__portfolio").values_list(*columns):
        notional[pk] += amount
        if action == RecommendationLeg.Action.OPEN_LONG:
            opening.add(pk)
    return notional, opening


def accepted_portfolios(span: Span, *, stage: StageDay) -> set[int]:
    """Return whose change into this stage is no longer owed: they followed a recommendation for it (DECISIONS 30)."""
    return {row[0] for row in books.accepted_rows(span, stage=stage)}


def resolved_count(*, market: Market, moment: datetime) -> int:
    """Return how many recommendations of a market people acted on long enough ago to know how they turned out."""
    acted = Recommendation.objects.filter(portfolio__market=market, state__in=ACCEPTED)
    return acted.filter(closed_at__lte=moment - RESOLVED_AFTER).count()
