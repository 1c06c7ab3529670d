"""Follow on paper every recommendation that was passed on or lapsed, at the horizons of a rotation (DOMAIN 5.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch, Q, QuerySet

from journal.domain.counterfactual import Measured, Status, measure
from journal.queries.decisions import closes_for
from journal.queries.paper import UNANSWERED, paper_decision
from portfolio.models import Portfolio
from signals.models import Recommendation, RecommendationLeg

MOST = 200
"""The newest so many are followed; what is older is counted nowhere, and pages say so."""


@dataclass(frozen=True, kw_only=True)
class Unacted:
    """Hold a recommendation that nobody followed, whether it was passed on, and what is known of it, by days."""

    recommendation: Recommendation
    is_passed: bool
    measured: Mapping[int, Measured]

    def known(self, days: int) -> Measured | None:
        """Return the result at a horizon where there is one."""
        found = self.measured.get(days)
        return found if found is not None and found.status is Status.OK and found.total_alpha is not None else None


def unacted(*, portfolio: Portfolio, moment: datetime, horizons: Sequence[int]) -> list[Unacted]:
    """Return the newest recommendations that were passed on or lapsed, newest first. Three queries."""
    rows = Recommendation.objects.filter(portfolio=portfolio, refusal="")
    rows = rows.filter(Q(decided_pass__isnull=False) | Q(state__in=UNANSWERED))
    return followed_on_paper(rows[:MOST], portfolio=portfolio, moment=moment, horizons=horizons)


def followed_on_paper(
    rows: QuerySet[Recommendation], *, portfolio: Portfolio, moment: datetime, horizons: Sequence[int]
) -> list[Unacted]:
    """Return some recommendations with their results on paper. Three queries."""
    legs = RecommendationLeg.objects.filter(is_accepted=True).select_related("instrument__asset").order_by("position")
    related = ("decided_pass", "source_sector", "destination_sector")
    found = list(rows.select_related(*related).defer("explanation").prefetch_related(Prefetch("legs", queryset=legs)))
    decisions = [paper_decision(row) for row in found]
    newest = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    prices = closes_for(market=portfolio.market_id, decisions=decisions, horizons=horizons, newest=newest)
    return [
        Unacted(
            recommendation=row,
            is_passed=getattr(row, "decided_pass", None) is not None,
            measured={
                days: measure(decision=paper, horizon_days=days, prices=prices, clock=moment) for days in horizons
            },
        )
        for row, paper in zip(found, decisions, strict=True)
    ]
