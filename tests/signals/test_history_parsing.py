"""History files: each format is known by its header, each bad cell is refused with its line, column and remedy."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from signals.sources.base import Indicator, Observation, PriceRow, ReadingRow, Rejection, Source
from signals.sources.history import HistorySource

NOW = datetime(2023, 7, 10, 12, tzinfo=UTC)
HEADER = "date,asset,price_usd,market_cap_usd,volume_usd,volume_scope,tvl_usd,source\n"
GOOD = "2023-06-30,BTC,30477.25,591800000000.5,16500000000,global,,yahoo\n"
REAL = Path(__file__).resolve().parents[3] / "shared" / "market"

needs_real_files = pytest.mark.skipif(
    not REAL.is_dir() and not os.environ.get("CI"), reason="the market history beside the project is absent"
)


def read(tmp_path: Path, content: str | bytes) -> list[Observation | Rejection]:
    """Write a file and read it back as history."""
    file = tmp_path / "some.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(HistorySource(path=file, now=NOW).observations())


def refusal(tmp_path: Path, content: str | bytes) -> Rejection:
    """Return the one rejection of a file from which nothing else comes."""
    (found,) = read(tmp_path, content)
    assert isinstance(found, Rejection)
    return found


def daily(**cells: str) -> str:
    """Return a daily file of one row."""
    row = {"date": "2023-06-30", "asset": "BTC", "price_usd": "30477.25", "market_cap_usd": "", "volume_usd": "",
           "volume_scope": "", "tvl_usd": "", "source": "test"} | cells  # fmt: skip
    return HEADER + ",".join(row.values()) + "\n"


class TestDaily:
    def test_a_price_keeps_its_digits_and_its_scope(self, tmp_path: Path) -> None:
        assert read(tmp_path, HEADER + GOOD) == [
            PriceRow("BTC", date(2023, 6, 30), Decimal("30477.25"), Decimal("591800000000.5"), Decimal(16500000000),
                     "global", "yahoo")
        ]  # fmt: skip

    def test_scope_and_source_may_be_absent(self, tmp_path: Path) -> None:
        rows = read(tmp_path, "date,asset,price_usd,market_cap_usd,volume_usd,tvl_usd\n2023-06-30,BTC,1.5,,2,\n")

        assert rows == [PriceRow("BTC", date(2023, 6, 30), Decimal("1.5"), None, Decimal(2), "", "history")]

    def test_columns_may_stand_in_any_order(self, tmp_path: Path) -> None:
        rows = read(tmp_path, "asset,date,price_usd,tvl_usd,market_cap_usd,volume_usd\nBTC,2023-06-30,1.5,,,\n")

        assert [row.price for row in rows if isinstance(row, PriceRow)] == [Decimal("1.5")]

    def test_tvl_beside_a_price_becomes_a_reading(self, tmp_path: Path) -> None:
        price, reading = read(tmp_path, daily(asset="UNI", tvl_usd="2500000000"))

        assert isinstance(price, PriceRow)
        assert reading == ReadingRow(
            Indicator.TVL, "UNI", datetime(2023, 7, 1, tzinfo=UTC), datetime(2023, 7, 2, tzinfo=UTC), 2.5e9, "test"
        )

    def test_a_row_may_carry_tvl_only(self, tmp_path: Path) -> None:
        (reading,) = read(tmp_path, daily(asset="COMP", price_usd="", tvl_usd="93223.0"))

        assert isinstance(reading, ReadingRow)
        assert (reading.subject, reading.value) == ("COMP", 93223.0)

    def test_totals_become_readings(self, tmp_path: Path) -> None:
        locked = read(tmp_path, daily(asset="DEFI_TOTAL", price_usd="", tvl_usd="4.0"))
        supply = read(tmp_path, daily(asset="STABLECOINS_TOTAL", price_usd="", market_cap_usd="110105.0"))

        assert [(r.indicator, r.subject, r.value) for r in locked if isinstance(r, ReadingRow)] == [
            ("tvl", "defi", 4.0)
        ]
        assert [(r.indicator, r.subject, r.value) for r in supply if isinstance(r, ReadingRow)] == [
            ("stablecoins", "", 110105.0)
        ]

    def test_a_total_with_a_price_is_refused(self, tmp_path: Path) -> None:
        assert refusal(tmp_path, daily(asset="DEFI_TOTAL", tvl_usd="4.0")).column == "price_usd"

    def test_an_unknown_total_is_refused(self, tmp_path: Path) -> None:
        assert refusal(tmp_path, daily(asset="MEMES_TOTAL", price_usd="", tvl_usd="4.0")).column == "asset"

    def test_a_market_cap_of_zero_is_unknown(self, tmp_path: Path) -> None:
        (row,) = read(tmp_path, daily(market_cap_usd="0.0", volume_usd="0.0"))

        assert isinstance(row, PriceRow)
        assert row.market_cap is None
        assert row.volume == 0

    @pytest.mark.parametrize("ending", [b"\n", b"\r\n", b""], ids=["unix", "windows", "no newline at the end"])
    def test_line_ends_byte_order_mark_and_blank_lines_do_not_matter(self, tmp_path: Path, ending: bytes) -> None:
        content = b"\xef\xbb\xbf" + HEADER.strip().encode() + (ending or b"\n") + GOOD.strip().encode() + ending

        assert len(read(tmp_path, content + (b"\n\n" if ending else b""))) == 1

    def test_quoted_cells_are_read(self, tmp_path: Path) -> None:
        (row,) = read(tmp_path, daily(source='"recorded, later ""cleaned"""'))

        assert isinstance(row, PriceRow)
        assert row.source == 'recorded, later "cleaned"'


class TestRefusals:
    @pytest.mark.parametrize(
        ("cells", "column", "reason"),
        [
            ({"price_usd": "NaN"}, "price_usd", "'NaN' is not a number"),
            ({"price_usd": "inf"}, "price_usd", "'inf' is not a number"),
            ({"price_usd": "-1.5"}, "price_usd", "-1.5 is negative"),
            ({"price_usd": "0"}, "price_usd", "the price is zero"),
            ({"price_usd": "0.00"}, "price_usd", "the price is zero"),
            ({"price_usd": "1e-19"}, "price_usd", "the price is zero"),
            ({"price_usd": "1e1000000"}, "price_usd", "1e1000000 is out of range"),
            ({"price_usd": "1e-1000000"}, "price_usd", "1e-1000000 is out of range"),
            ({"price_usd": "123456789012345678901"}, "price_usd", "123456789012345678901 is out of range"),
            ({"price_usd": "1_000"}, "price_usd", "'1_000' is not a number"),
            ({"price_usd": " 1"}, "price_usd", "' 1' is not a number"),
            ({"price_usd": "1.5 USD"}, "price_usd", "'1.5 USD' is not a number"),
            ({"price_usd": "１２"}, "price_usd", "'１２' is not a number"),
            ({"price_usd": "0x10"}, "price_usd", "'0x10' is not a number"),
            ({"price_usd": ""}, "price_usd", "the cell is empty"),
            ({"price_usd": "", "volume_usd": "5", "tvl_usd": "7"}, "price_usd", "the cell is empty"),
            ({"volume_usd": "-5"}, "volume_usd", "-5 is negative"),
            ({"market_cap_usd": "nan"}, "market_cap_usd", "'nan' is not a number"),
            ({"tvl_usd": "-1"}, "tvl_usd", "-1 is negative"),
            ({"date": "2023-02-30"}, "date", "'2023-02-30' is not a date"),
            ({"date": "20230630"}, "date", "'20230630' is not a date"),
            ({"date": "30.06.2023"}, "date", "'30.06.2023' is not a date"),
            ({"date": ""}, "date", "'' is not a date"),
            ({"date": "0001-01-01"}, "date", "0001-01-01 lies before 2009-01-03"),
            ({"date": "2023-07-10"}, "date", "2023-07-10 has not closed yet"),
            ({"date": "2099-01-01"}, "date", "2099-01-01 has not closed yet"),
            ({"asset": "btc"}, "asset", "'btc' is not a symbol"),
            ({"asset": ""}, "asset", "'' is not a symbol"),
            ({"asset": "=1+1"}, "asset", "'=1+1' is not a symbol"),
            ({"volume_scope": "local"}, "volume_scope", "'local' is unknown"),
            ({"source": "x" * 101}, "", "a cell is longer than 100 characters"),
            ({"source": "a,b"}, "", "the line has 9 cells, the header has 8"),
            ({"source": '"open'}, "", "the quotes do not match"),
            ({"source": "a\0b"}, "", "the line contains a NUL byte"),
        ],
    )
    def test_a_bad_cell_is_refused_with_its_place(
        self, tmp_path: Path, cells: dict[str, str], column: str, reason: str
    ) -> None:
        found = refusal(tmp_path, daily(**cells))

        assert (found.line, found.column, found.reason) == (2, column, reason)
        assert found.remedy

    def test_the_rest_of_the_file_is_still_read(self, tmp_path: Path) -> None:
        bad = GOOD.replace("BTC", "ETH").replace("30477.25", "NaN")

        rows = read(tmp_path, HEADER + GOOD + bad + GOOD.replace("BTC", "SOL"))

        assert [type(row) for row in rows] == [PriceRow, Rejection, PriceRow]
        assert [row.line for row in rows if isinstance(row, Rejection)] == [3]

    def test_a_day_given_twice_is_refused_the_second_time(self, tmp_path: Path) -> None:
        rows = read(tmp_path, HEADER + GOOD + GOOD.replace("30477.25", "1"))

        assert [str(row) for row in rows if isinstance(row, Rejection)] == [
            "line 3: line 2 already gives BTC 2023-06-30. Keep one of the two lines."
        ]

    def test_a_wrong_encoding_is_refused_line_by_line(self, tmp_path: Path) -> None:
        rows = read(tmp_path, HEADER.encode() + GOOD.encode() + "2023-06-29,BTC,1,,,,,Zürich\n".encode("latin-1"))

        assert [str(row) for row in rows if isinstance(row, Rejection)] == [
            "line 3: the line is not valid UTF-8. Save the file with the encoding UTF-8."
        ]

    def test_utf_16_is_refused_at_the_header(self, tmp_path: Path) -> None:
        assert refusal(tmp_path, (HEADER + GOOD).encode("utf-16")).line == 1

    def test_a_line_that_never_ends_is_refused_and_passed_over(self, tmp_path: Path) -> None:
        rows = read(tmp_path, HEADER + "x" * 1_000_000 + "\n" + GOOD)

        assert [type(row) for row in rows] == [Rejection, PriceRow]

    @pytest.mark.parametrize(
        ("header", "column", "reason"),
        [
            ("", "", "the file has no header"),
            ("a,b,c\n", "", "the header is unknown"),
            ("date,asset,price_usd,price_usd,market_cap_usd,volume_usd,tvl_usd\n", "price_usd",
             "the column appears twice in the header"),
            ("date,asset,market_cap_usd,volume_usd,tvl_usd\n", "price_usd", "the column is missing (read as daily)"),
            (HEADER.strip() + ",colour\n", "colour", "the column is unknown (read as daily)"),
            ("Date,Asset,Price\n", "", "the header is unknown"),
        ],
    )  # fmt: skip
    def test_a_bad_header_ends_the_file(self, tmp_path: Path, header: str, column: str, reason: str) -> None:
        found = refusal(tmp_path, header + GOOD if header else "")

        assert (found.line, found.column, found.reason) == (1, column, reason)


class TestOtherFormats:
    def test_eight_hour_funding_is_annualised_per_contract(self, tmp_path: Path) -> None:
        (row,) = read(
            tmp_path, 'symbol,funding_time_ms,funding_rate,source\nBTCUSD_PERP,1577836800000,-0.0001,"a, b"\n'
        )

        assert isinstance(row, ReadingRow)
        assert (row.indicator, row.subject, row.source) == (Indicator.FUNDING_8H, "BTCUSD_PERP", "a, b")
        assert row.value == pytest.approx(-0.1095)
        assert row.observed_at == row.available_at == datetime(2020, 1, 1, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("row", "column"),
        [
            ("BTCUSDT,1577836800,0.0001,x", "funding_time_ms"),
            ("BTCUSDT,9999999999999,0.0001,x", "funding_time_ms"),
            ("BTCUSDT,1577836800000,0.1,x", "funding_rate"),
            ("BTCUSDT,1577836800000,,x", "funding_rate"),
            ("btc/usdt,1577836800000,0.0001,x", "symbol"),
        ],
    )
    def test_bad_funding_is_refused(self, tmp_path: Path, row: str, column: str) -> None:
        assert refusal(tmp_path, f"symbol,funding_time_ms,funding_rate,source\n{row}\n").column == column

    def test_daily_funding_is_annualised(self, tmp_path: Path) -> None:
        (row,) = read(
            tmp_path, "date,asset,funding_rate_mean,funding_rate_abs_mean,source\n2019-09-10,BTC,1e-04,1e-04,x\n"
        )

        assert isinstance(row, ReadingRow)
        assert row.value == pytest.approx(0.1095)
        assert row.observed_at == datetime(2019, 9, 11, tzinfo=UTC)

    def test_mood_is_known_from_one_o_clock_of_its_day(self, tmp_path: Path) -> None:
        rows = read(tmp_path, "date,fng\n2023-07-10,56\n2023-07-11,57\n")

        assert rows[0] == ReadingRow(
            Indicator.FEAR_GREED, "", datetime(2023, 7, 10, tzinfo=UTC), datetime(2023, 7, 10, 1, tzinfo=UTC), 56.0,
            "fear_greed",
        )  # fmt: skip
        assert isinstance(rows[1], Rejection)

    @pytest.mark.parametrize("mood", ["101", "-1", "5.5", "", "NaN", "0100"])
    def test_a_bad_mood_is_refused(self, tmp_path: Path, mood: str) -> None:
        assert refusal(tmp_path, f"date,fng\n2023-07-01,{mood}\n").column == "fng"

    def test_tvl_of_a_category_is_a_reading(self, tmp_path: Path) -> None:
        (row,) = read(tmp_path, "time,tvlusd,tvleth,category\n2021-04-24,28242445474,12014734.04,lending\n")

        assert isinstance(row, ReadingRow)
        assert (row.subject, row.value) == ("defi/lending", 28242445474.0)
        assert row.available_at == datetime(2021, 4, 26, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("row", "column"), [("2021-04-24,,1,lending", "tvlusd"), ("2021-04-24,1,x,lending", "tvleth"),
                            ("2021-04-24,1,1,", "category")]
    )  # fmt: skip
    def test_bad_tvl_is_refused(self, tmp_path: Path, row: str, column: str) -> None:
        assert refusal(tmp_path, f"time,tvlusd,tvleth,category\n{row}\n").column == column


class TestProgress:
    def test_counters_tell_how_far_the_reading_has_come(self, tmp_path: Path) -> None:
        file = tmp_path / "some.csv"
        file.write_text(HEADER + GOOD + GOOD.replace("BTC", "ETH"))
        source = HistorySource(path=file, now=NOW)
        observations = source.observations()

        next(observations)
        first = source.bytes_read
        list(observations)

        assert first == len(HEADER + GOOD)
        assert (source.bytes_read, source.lines_read, source.format_name) == (file.stat().st_size, 3, "daily")

    def test_it_is_a_source_that_is_not_simulated(self, tmp_path: Path) -> None:
        source: Source = HistorySource(path=tmp_path / "daily.csv", now=NOW)

        assert not source.is_simulated
        assert source.name == "daily.csv"


@needs_real_files
@pytest.mark.cases
class TestRealFiles:
    @pytest.mark.parametrize(
        ("name", "prices", "readings"),
        [
            ("daily.csv", 38455, 7261),
            ("tvl_by_category.csv", 0, 5867),
            ("funding_8h.csv", 0, 251),
            ("funding_daily_btc.csv", 0, 1390),
            ("fear_greed_daily.csv", 0, 1973),
        ],
    )
    def test_every_row_is_taken(self, name: str, prices: int, readings: int) -> None:
        rows = list(HistorySource(path=REAL / name, now=datetime(2024, 1, 1, tzinfo=UTC)).observations())

        assert [row for row in rows if isinstance(row, Rejection)] == []
        assert sum(isinstance(row, PriceRow) for row in rows) == prices
        assert sum(isinstance(row, ReadingRow) for row in rows) == readings

    def test_totals_are_never_assets(self) -> None:
        rows = HistorySource(path=REAL / "daily.csv", now=NOW).observations()

        assert not [row for row in rows if isinstance(row, PriceRow) and row.asset.endswith("_TOTAL")]

    def test_a_file_that_is_no_history_is_refused(self) -> None:
        (found,) = HistorySource(path=REAL / "windows.json", now=NOW).observations()

        assert isinstance(found, Rejection)
