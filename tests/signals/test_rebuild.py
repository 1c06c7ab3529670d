"""Rows of days that were computed already reach these days: what was computed before them stays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from jobs.models import Job
from portfolio.models import Market
from portfolio.services.catalogue import ensure_market
from signals import tasks
from signals.models import RegimeDay, Score, StageDay
from signals.services.history import load_history
from signals.services.market import rebuild_market, refresh_market
from tests.signals.test_load_history import HEADER, written

pytestmark = pytest.mark.django_db
FIRST = date(2023, 3, 1)
NOW = datetime(2023, 7, 10, 12, tzinfo=UTC)
EARLY = ("BTC", "ETH", "UNI", "FET")


def loaded(market: Market, tmp_path: Path, assets: Sequence[str], days: range, *, at: datetime = NOW) -> None:
    """Load closes of assets over some days, each on a way of its own."""
    rows = (
        f"{FIRST + timedelta(days=day)},{asset},{100 + place + (day * (place + 3)) % 17},,1000000,global,,test\n"
        for day in days
        for place, asset in enumerate(sorted({*EARLY, "AAVE", "GRT"}))
        if asset in assets
    )
    load_history(market=market, path=written(tmp_path, HEADER + "".join(rows)), now=at)


def derived(market: Market) -> list[dict[str, Any]]:
    """Return everything computed of a market, without keys."""
    return [
        {name: value for name, value in row.items() if name != "id"}
        for model in (Score, RegimeDay, StageDay)
        for row in model._default_manager.filter(market=market).order_by("date", "pk").values()
    ]


@pytest.fixture
def market(tmp_path: Path) -> Market:
    """A market of history that was computed up to its end."""
    where = ensure_market("history")
    loaded(where, tmp_path, EARLY, range(120))
    refresh_market(market=where, now=NOW)
    assert not Job.objects.exists()
    return where


class TestLoading:
    def test_rows_of_computed_days_queue_these_days(self, market: Market, tmp_path: Path) -> None:
        loaded(market, tmp_path, ["AAVE", "GRT"], range(60, 120))
        job = Job.objects.get()
        assert (job.task, job.args) == ("signals.refresh_market", {"market": market.pk, "since": "2023-04-30"})

    def test_new_days_and_nothing_new_queue_nothing(self, market: Market, tmp_path: Path) -> None:
        loaded(market, tmp_path, EARLY, range(100, 125))
        loaded(market, tmp_path, EARLY, range(125))
        assert not Job.objects.exists()

    def test_two_loads_wait_as_one_that_begins_with_the_earlier(self, market: Market, tmp_path: Path) -> None:
        for asset, first in (("AAVE", 60), ("GRT", 30), ("GRT", 90)):
            loaded(market, tmp_path, [asset], range(first, 120))
        assert Job.objects.get().args["since"] == "2023-03-31"

    def test_a_reading_reaches_the_day_on_which_it_was_known(self, market: Market, tmp_path: Path) -> None:
        load_history(market=market, path=written(tmp_path, "date,fng\n2023-05-10,40\n", "fng.csv"), now=NOW)
        assert Job.objects.get().args["since"] == "2023-05-09"


class TestJob:
    def test_it_leaves_what_computing_everything_leaves_and_earlier_days_alone(
        self, market: Market, tmp_path: Path
    ) -> None:
        kept = list(StageDay.objects.filter(market=market, date__lt="2023-04-30").values_list("pk", flat=True))
        before = derived(market)
        loaded(market, tmp_path, ["AAVE", "GRT"], range(60, 120))
        with time_machine.travel(NOW, tick=False):
            tasks.refresh_market(Job.objects.get().pk)
        partly = derived(market)
        assert list(StageDay.objects.filter(pk__in=kept).values_list("pk", flat=True)) == kept
        rebuild_market(market=market, now=NOW)
        assert partly == derived(market)
        assert partly != before
