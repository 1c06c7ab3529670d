"""The log of a market's days says what was computed, one line a day, and its points add up."""

from __future__ import annotations

import csv
from datetime import date
from io import StringIO

import pytest

from portfolio.models import Sector
from portfolio.services.catalogue import ensure_market
from signals.models import RegimeDay, Score, StageDay
from signals.queries.day_log import write_day_log

DAYS = (date(2021, 1, 1), date(2021, 1, 2))


@pytest.mark.django_db
class TestDayLog:
    def test_says_scores_coverage_regime_and_stage(self) -> None:
        market = ensure_market("history")
        sectors = {slug: Sector.objects.get(slug=slug) for slug in ("defi", "ai")}
        for day in DAYS:
            for sector in sectors.values():
                Score.objects.create(
                    market=market, sector=sector, date=day, value=56.5, coverage=0.75, params_version="v",
                    contributions=[{"indicator": "rs", "points": 5.0}, {"indicator": "tvl", "points": 1.5}],
                )  # fmt: skip
            RegimeDay.objects.create(market=market, date=day, regime="RISK_ON", value=61, coverage=0.9, components=[])
            StageDay.objects.create(
                market=market, date=day, stage="NI", leader=sectors["ai"], base=sectors["defi"], since=DAYS[0]
            )
        text = StringIO()

        assert write_day_log(market=market, into=text, first=DAYS[1]) == 1

        (row,) = csv.DictReader(StringIO(text.getvalue()))
        assert (row["date"], row["regime"], row["stage"], row["leader"]) == ("2021-01-02", "RISK_ON", "NI", "ai")
        assert float(row["defi score"]) - 50 == float(row["defi rs"]) + float(row["defi tvl"])
        assert (row["ai coverage"], row["params_version"]) == ("0.7500", "v")
        assert list(row).index("defi score") < list(row).index("defi rs")
