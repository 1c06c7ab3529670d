"""What the stage machine makes of the simulated market: all four stages, and ignitions on both sides of their costs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import groupby

import pytest

from portfolio.models import Stage
from portfolio.services.catalogue import ensure_market
from signals.models import Regime, RegimeDay, Score, StageDay
from signals.services.market import refresh_market
from signals.services.prices import refresh_prices

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIRST = date(2024, 11, 20)
# Two spot legs at 0.10% and half a spread of 0.05%, in and out again (DOMAIN 3.7); the information coefficient and the
# horizon are the defaults of the policy.
HURDLE = 2 * 2 * (0.0010 + 0.0005)
INFORMATION, HORIZON_YEARS = 0.05, 14 / 365


@pytest.mark.django_db
def test_two_simulated_years_hold_every_stage_and_ignitions_of_every_worth() -> None:
    market = ensure_market("simulated")
    refresh_prices(market=market, now=NOW)

    refresh_market(market=market, now=NOW)

    days = list(StageDay.objects.filter(market=market, date__gte=FIRST).order_by("date"))
    episodes = [(key, list(group)) for key, group in groupby(days, key=lambda day: (day.stage, day.leader_id))]
    counts = {stage: sum(key[0] == stage for key, _ in episodes) for stage in Stage.values}
    assert len(days) == 730
    assert min(counts.values()) >= 5, counts
    regimes = RegimeDay.objects.filter(market=market, date__gte=FIRST).values_list("regime", flat=True)
    assert min(list(regimes).count(regime) for regime in Regime.values) >= 100
    best = [max(_expected(day) for day in group) for (stage, _), group in episodes if stage == Stage.NI]
    assert sum(alpha >= HURDLE for alpha in best) >= 2, best
    assert sum(alpha < HURDLE for alpha in best) >= 2, best


def _expected(day: StageDay) -> float:
    """Return what the model expects of a move into the leader (DOMAIN 3.7)."""
    details = Score.objects.get(market=day.market, sector=day.leader, date=day.date).details
    return float(INFORMATION * (details["z_spread"] or 0.0) * (details["sigma_relative"] or 0.0) * HORIZON_YEARS**0.5)
