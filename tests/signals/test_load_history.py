"""Loading history: whole or not at all, twice changes nothing, every rejected row is named."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command

from portfolio.models import Asset, Market, Price
from portfolio.services.catalogue import ensure_market
from signals.models import Reading
from signals.services import history
from signals.services.history import HistoryRejectedError, SimulatedMarketError, load_history
from signals.sources.base import Indicator

NOW = datetime(2023, 7, 10, 12, tzinfo=UTC)
HEADER = "date,asset,price_usd,market_cap_usd,volume_usd,volume_scope,tvl_usd,source\n"
GOOD = (
    "2023-06-28,BTC,30080.5,584000000000,14500000000,global,,yahoo\n"
    "2023-06-29,BTC,30445.25,,13100000000,exchange,,yahoo\n"
    "2023-06-28,UNI,5.1079999999999999,,80000000,global,3500000000,cmc\n"
    "2023-06-28,DEFI_TOTAL,,,,,44000000000,llama\n"
)
BAD = "2023-06-30,BTC,NaN,,,,,yahoo\n2023-06-31,BTC,1,,,,,yahoo\n"
REAL = Path(__file__).resolve().parents[3] / "shared" / "market"

pytestmark = pytest.mark.django_db


@pytest.fixture
def market() -> Market:
    """The market of history with its catalogue."""
    return ensure_market("history")


def written(tmp_path: Path, content: str, name: str = "daily.csv") -> Path:
    """Write a file of history."""
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    return file


def stored() -> list[tuple[object, ...]]:
    """Return all that a load may write, as rows."""
    prices = Price.objects.order_by("id").values_list("asset__symbol", "date", "closes_at", "price_usd", "volume_scope")
    readings = Reading.objects.order_by("id").values_list("indicator", "subject", "observed_at", "ingested_at", "value")
    return [*prices, *readings]


class TestWhole:
    def test_prices_and_readings_arrive_as_they_stand_in_the_file(self, market: Market, tmp_path: Path) -> None:
        report = load_history(market=market, path=written(tmp_path, HEADER + GOOD), now=NOW)

        assert (report.stored.added, report.rejections) == (5, [])
        assert stored() == [
            ("BTC", date(2023, 6, 28), datetime(2023, 6, 29, tzinfo=UTC), Decimal("30080.5"), "global"),
            ("BTC", date(2023, 6, 29), datetime(2023, 6, 30, tzinfo=UTC), Decimal("30445.25"), "exchange"),
            ("UNI", date(2023, 6, 28), datetime(2023, 6, 29, tzinfo=UTC), Decimal("5.1079999999999999"), "global"),
            ("tvl", "UNI", datetime(2023, 6, 29, tzinfo=UTC), datetime(2023, 6, 30, tzinfo=UTC), 3.5e9),
            ("tvl", "defi", datetime(2023, 6, 29, tzinfo=UTC), datetime(2023, 6, 30, tzinfo=UTC), 4.4e10),
        ]

    def test_the_clock_of_the_market_stands_shortly_after_its_newest_close(
        self, market: Market, tmp_path: Path
    ) -> None:
        load_history(market=market, path=written(tmp_path, HEADER + GOOD), now=NOW)

        market.refresh_from_db()
        assert market.clock(NOW) == datetime(2023, 6, 30, 1, tzinfo=UTC)

    def test_a_clock_at_the_end_moves_on_and_one_set_elsewhere_stays(self, market: Market, tmp_path: Path) -> None:
        more = "2023-06-30,BTC,30477.25,,,,,yahoo\n"
        load_history(market=market, path=written(tmp_path, HEADER + GOOD), now=NOW)
        load_history(market=market, path=written(tmp_path, HEADER + more), now=NOW)
        moved = market.as_of

        market.as_of = datetime(2023, 6, 29, 12, tzinfo=UTC)
        load_history(market=market, path=written(tmp_path, HEADER + more.replace("06-30", "07-01")), now=NOW)

        assert moved == datetime(2023, 7, 1, 1, tzinfo=UTC)
        assert market.as_of == datetime(2023, 6, 29, 12, tzinfo=UTC)

    def test_totals_do_not_become_assets(self, market: Market, tmp_path: Path) -> None:
        load_history(market=market, path=written(tmp_path, HEADER + GOOD), now=NOW)

        assert not Asset.objects.filter(symbol__endswith="_TOTAL").exists()

    def test_batches_make_no_difference(self, market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(history, "BATCH_ROWS", 2)

        report = load_history(market=market, path=written(tmp_path, HEADER + GOOD), now=NOW)

        assert report.stored.added == 5


class TestTwice:
    def test_the_same_file_adds_nothing(self, market: Market, tmp_path: Path) -> None:
        file = written(tmp_path, HEADER + GOOD)
        load_history(market=market, path=file, now=NOW)
        before = stored()

        report = load_history(market=market, path=file, now=NOW.replace(day=11))

        assert (report.stored.added, report.stored.unchanged) == (0, 5)
        assert stored() == before

    def test_a_longer_file_adds_what_is_new(self, market: Market, tmp_path: Path) -> None:
        load_history(market=market, path=written(tmp_path, HEADER + GOOD), now=NOW)

        longer = written(tmp_path, HEADER + GOOD + "2023-06-30,BTC,30477.25,,,,,yahoo\n")
        report = load_history(market=market, path=longer, now=NOW)

        assert (report.stored.added, report.stored.unchanged) == (1, 5)

    def test_a_close_that_contradicts_the_stored_one_is_rejected(self, market: Market, tmp_path: Path) -> None:
        load_history(market=market, path=written(tmp_path, HEADER + GOOD), now=NOW)
        before = stored()

        with pytest.raises(HistoryRejectedError) as caught:
            load_history(market=market, path=written(tmp_path, HEADER + GOOD.replace("30080.5", "30081")), now=NOW)

        (rejection,) = caught.value.report.rejections
        assert (rejection.line, rejection.column) == (2, "price_usd")
        assert "30080.5" in rejection.reason
        assert stored() == before

    def test_a_restated_reading_is_a_further_version(self, market: Market, tmp_path: Path) -> None:
        load_history(market=market, path=written(tmp_path, HEADER + GOOD), now=NOW)
        restated = HEADER + "2023-06-28,DEFI_TOTAL,,,,,45000000000,llama\n"

        report = load_history(market=market, path=written(tmp_path, restated), now=NOW)

        versions = Reading.objects.filter(indicator=Indicator.TVL, subject="defi").order_by("ingested_at")
        assert report.stored.restated == 1
        assert [version.value for version in versions] == [4.4e10, 4.5e10]
        assert versions[1].ingested_at > versions[0].ingested_at


class TestNothingHalfWritten:
    def test_a_malformed_file_leaves_nothing_behind(self, market: Market, tmp_path: Path) -> None:
        with pytest.raises(HistoryRejectedError) as caught:
            load_history(market=market, path=written(tmp_path, HEADER + GOOD + BAD), now=NOW)

        assert [rejection.line for rejection in caught.value.report.rejections] == [6, 7]
        assert stored() == []
        market.refresh_from_db()
        assert market.as_of is None

    def test_a_bad_row_in_a_late_batch_takes_the_early_ones_back(
        self, market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(history, "BATCH_ROWS", 1)

        with pytest.raises(HistoryRejectedError):
            load_history(market=market, path=written(tmp_path, HEADER + GOOD + BAD), now=NOW)

        assert stored() == []

    def test_good_rows_are_kept_where_that_is_asked_for(self, market: Market, tmp_path: Path) -> None:
        report = load_history(
            market=market, path=written(tmp_path, HEADER + BAD + GOOD), now=NOW, is_partial_allowed=True
        )

        assert [rejection.line for rejection in report.rejections] == [2, 3]
        assert report.stored.added == len(stored()) == 5

    def test_an_unknown_asset_is_rejected_by_line(self, market: Market, tmp_path: Path) -> None:
        content = HEADER + GOOD + "2023-06-28,NEWCOIN,1,,,,,x\n"

        with pytest.raises(HistoryRejectedError) as caught:
            load_history(market=market, path=written(tmp_path, content), now=NOW)

        assert [(r.line, r.column) for r in caught.value.report.rejections] == [(6, "asset")]

    def test_an_unknown_asset_is_added_where_that_is_asked_for(self, market: Market, tmp_path: Path) -> None:
        content = HEADER + "2023-06-28,NEWCOIN,1,,,,,x\n"

        load_history(market=market, path=written(tmp_path, content), now=NOW, is_adding_assets=True)

        assert Price.objects.get().asset.symbol == "NEWCOIN"

    def test_history_does_not_go_into_the_simulated_market(self, tmp_path: Path) -> None:
        with pytest.raises(SimulatedMarketError):
            load_history(market=ensure_market("simulated"), path=written(tmp_path, HEADER + GOOD), now=NOW)


class TestCommand:
    def run(self, *arguments: object) -> tuple[str, str]:
        """Run the command in the frozen present and return what it wrote."""
        out, err = StringIO(), StringIO()
        with time_machine.travel(NOW, tick=False):
            call_command("load_history", *arguments, stdout=out, stderr=err)
        return out.getvalue(), err.getvalue()

    def test_it_reports_progress_and_a_summary(self, tmp_path: Path) -> None:
        out, err = self.run(written(tmp_path, HEADER + GOOD))

        assert out == "daily.csv: 5 added, 0 unchanged, 0 restated, 0 rejected.\n"
        assert "daily.csv: 100%, 5 rows," in err

    def test_it_fails_and_names_each_rejected_row(self, tmp_path: Path) -> None:
        err = StringIO()

        with pytest.raises(CommandError, match=r"Not loaded: daily\.csv"), time_machine.travel(NOW, tick=False):
            call_command("load_history", written(tmp_path, HEADER + GOOD + BAD), stderr=err)

        assert "daily.csv: line 6, price_usd: 'NaN' is not a number." in err.getvalue()
        assert "daily.csv: line 7, date: '2023-06-31' is not a date." in err.getvalue()
        assert stored() == []

    def test_other_files_are_still_loaded(self, tmp_path: Path) -> None:
        bad, good = written(tmp_path, HEADER + BAD, "bad.csv"), written(tmp_path, HEADER + GOOD, "good.csv")

        with pytest.raises(CommandError, match=r"Not loaded: bad\.csv"):
            self.run(bad, good)

        assert len(stored()) == 5

    def test_keep_going_stores_the_good_rows_and_succeeds(self, tmp_path: Path) -> None:
        out, err = self.run(written(tmp_path, HEADER + BAD + GOOD), "--keep-going")

        assert "5 added, 0 unchanged, 0 restated, 2 rejected" in out
        assert "line 2" in err

    @pytest.mark.parametrize("arguments", [("absent.csv",), ("absent.csv", "--market", "nowhere")])
    def test_what_is_not_there_is_said(self, arguments: tuple[str, ...]) -> None:
        with pytest.raises(CommandError):
            self.run(*arguments)


@pytest.mark.skipif(
    not REAL.is_dir() and not os.environ.get("CI"), reason="the market history beside the project is absent"
)
@pytest.mark.cases
def test_all_real_files_go_in_once(market: Market) -> None:
    files = sorted(REAL.glob("*.csv"))
    later = datetime(2026, 11, 20, tzinfo=UTC)

    first = [load_history(market=market, path=file, now=later).stored for file in files]
    second = [load_history(market=market, path=file, now=later).stored for file in files]

    added = {file.name: stored.added for file, stored in zip(files, first, strict=True)}
    assert added == {
        "daily.csv": 45716,
        "fear_greed_daily.csv": 1973,
        "funding_8h.csv": 251,
        "funding_daily_btc.csv": 1390,
        "tvl_by_category.csv": 5867,
    }
    assert [(stored.added, stored.restated) for stored in second] == [(0, 0)] * len(files)
    market.refresh_from_db()
    assert market.clock(later) == datetime(2023, 7, 1, 1, tzinfo=UTC)
