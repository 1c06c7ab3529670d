"""The simulated market: a pure function of (seed, time), plausible, and quick."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from signals.sources import simulated
from signals.sources.base import EventRow, Indicator, PriceRow, QuoteRow, ReadingRow, Source
from signals.sources.simulated import SimulatedSource, events, price_at, price_rows, quotes_at, reading_rows
from signals.sources.simulated.noise import normals, uniforms, words
from signals.sources.simulated.paths import walk
from signals.sources.simulated.universe import AI, ASSETS, DEFI, INDEX, members

SEED = 21
NOON = datetime(2025, 6, 15, 12, 0, tzinfo=UTC)


def closes(seed: int, first: date, last: date) -> dict[tuple[str, date], PriceRow]:
    """Index closes by asset and day."""
    return {(row.asset, row.day): row for row in price_rows(seed=seed, first=first, last=last)}


def reading_values(name: str, subject: str, first: date, last: date) -> np.ndarray:
    """Return one reading's values."""
    rows = reading_rows(seed=SEED, first=first, last=last)
    return np.array([row.value for row in rows if (row.indicator, row.subject) == (name, subject)])


class TestNoise:
    def test_words_are_those_of_the_first_day(self) -> None:
        drawn = words(1, "pin", np.array([0, 1, 2**40]))

        assert drawn.tolist() == [5516602761313977697, 11483887978824409840, 7419787669053895851]

    def test_numbers_do_not_depend_on_their_neighbours(self) -> None:
        together = normals(3, "s", np.arange(50))

        assert normals(3, "s", np.array([17]))[0] == together[17]

    def test_streams_and_seeds_differ(self) -> None:
        index = np.arange(100)

        assert not np.array_equal(uniforms(1, "a", index), uniforms(1, "b", index))
        assert not np.array_equal(uniforms(1, "a", index), uniforms(2, "a", index))

    def test_normals_are_nearly_standard_normal(self) -> None:
        drawn = normals(5, "many", np.arange(100_000))

        assert abs(drawn.mean()) < 0.02
        assert abs(drawn.std() - 1.0) < 0.02


class TestPurity:
    def test_a_range_agrees_with_a_longer_range(self) -> None:
        short = closes(SEED, date(2024, 3, 1), date(2024, 5, 1))
        long = closes(SEED, date(2024, 2, 1), date(2026, 1, 1))

        assert short == {key: long[key] for key in short}

    def test_a_single_day_equals_the_same_day_of_a_range(self) -> None:
        range_ = closes(SEED, date(2024, 1, 1), date(2025, 12, 31))
        for day in (date(2024, 1, 1), date(2024, 8, 17), date(2025, 12, 31)):
            single = closes(SEED, day, day)

            assert len(single) == len(ASSETS)
            assert single == {key: range_[key] for key in single}

    def test_readings_and_events_agree_on_overlaps(self) -> None:
        first, middle, last = date(2024, 6, 1), date(2024, 9, 1), date(2025, 9, 1)
        later = set(reading_rows(seed=SEED, first=first, last=last))

        assert set(reading_rows(seed=SEED, first=first, last=middle)) <= later
        assert set(events(seed=SEED, first=first, last=middle)) <= set(events(seed=SEED, first=first, last=last))

    def test_another_seed_is_another_market(self) -> None:
        day = date(2025, 1, 1)

        assert closes(1, day, day) != closes(2, day, day)

    def test_known_closes_stay_what_they_are(self) -> None:
        row = closes(SEED, date(2025, 6, 15), date(2025, 6, 15))

        assert [str(row[asset, date(2025, 6, 15)].price) for asset in ("BTC", "AAVE", "FET")] == PINNED

    def test_nothing_exists_before_the_first_day(self) -> None:
        rows = price_rows(seed=SEED, first=date(2020, 1, 1), last=date(2024, 1, 2))

        assert min(row.day for row in rows) == simulated.FIRST_DAY
        assert price_rows(seed=SEED, first=date(2020, 1, 1), last=date(2023, 12, 31)) == []
        assert reading_rows(seed=SEED, first=date(2020, 1, 1), last=date(2023, 12, 31)) == []
        assert events(seed=SEED, first=date(2020, 1, 1), last=date(2023, 12, 31)) == []


class TestIntraday:
    def test_midnight_is_the_close_of_the_day_before(self) -> None:
        day = date(2025, 6, 15)
        close = closes(SEED, day, day)
        midnight = datetime(2025, 6, 16, tzinfo=UTC)

        quoted = {quote.asset: quote.price for quote in quotes_at(seed=SEED, at=midnight)}

        assert quoted == {asset.symbol: close[asset.symbol, day].price for asset in ASSETS}

    def test_prices_move_between_closes_but_do_not_jump(self) -> None:
        moments = [NOON + timedelta(minutes=5 * step) for step in range(145)]
        prices = [float(price_at(seed=SEED, asset="BTC", at=moment)) for moment in moments]
        steps = [abs(after / before - 1.0) for before, after in pairwise(prices)]

        assert len(set(prices)) > 140
        assert max(steps) < 0.01

    def test_quotes_are_the_same_for_every_caller(self) -> None:
        assert quotes_at(seed=SEED, at=NOON) == quotes_at(seed=SEED, at=NOON)
        assert (
            price_at(seed=SEED, asset="UNI", at=NOON)
            == {q.asset: q.price for q in quotes_at(seed=SEED, at=NOON)}["UNI"]
        )

    def test_other_time_zones_name_the_same_moment(self) -> None:
        elsewhere = NOON.astimezone(tz=None)

        assert price_at(seed=SEED, asset="ETH", at=elsewhere) == price_at(seed=SEED, asset="ETH", at=NOON)


class TestSource:
    def test_it_is_a_source_that_says_that_it_is_simulated(self) -> None:
        source: Source = SimulatedSource(seed=SEED, since=date(2025, 6, 14), until=NOON)

        assert source.is_simulated
        assert source.name == "simulated"

    def test_it_shows_only_what_was_known(self) -> None:
        rows = list(SimulatedSource(seed=SEED, since=date(2025, 5, 1), until=NOON).observations())

        assert max(row.day for row in rows if isinstance(row, PriceRow)) == date(2025, 6, 14)
        assert all(row.available_at <= NOON for row in rows if isinstance(row, ReadingRow))
        assert all(row.published_at <= NOON for row in rows if isinstance(row, EventRow))
        assert {row.at for row in rows if isinstance(row, QuoteRow)} == {NOON}

    def test_mood_is_usable_at_one_and_tvl_a_day_after_its_close(self) -> None:
        rows = reading_rows(seed=SEED, first=date(2025, 6, 15), last=date(2025, 6, 15))
        usable = {row.indicator: (row.observed_at, row.available_at) for row in rows}

        assert usable[Indicator.FEAR_GREED] == (datetime(2025, 6, 15, tzinfo=UTC), datetime(2025, 6, 15, 1, tzinfo=UTC))
        assert usable[Indicator.TVL] == (datetime(2025, 6, 16, tzinfo=UTC), datetime(2025, 6, 17, tzinfo=UTC))
        assert usable[Indicator.FUNDING] == (datetime(2025, 6, 16, tzinfo=UTC), datetime(2025, 6, 16, tzinfo=UTC))


class TestPlausibility:
    def test_stablecoins_stay_near_a_dollar(self) -> None:
        rows = price_rows(seed=SEED, first=date(2024, 1, 1), last=date(2026, 6, 1))

        assert all(abs(row.price - 1) < Decimal("0.004") for row in rows if row.asset in ("USDC", "USDT"))

    @pytest.mark.parametrize("seed", [1, 7, 42])
    def test_prices_stay_within_reach_of_their_level_for_years(self, seed: int) -> None:
        prices = walk(seed, date(2040, 1, 1)).prices
        levels = np.array([asset.level for asset in ASSETS])

        assert (prices / levels).min() > 0.05
        assert (prices / levels).max() < 20.0

    def test_rows_are_complete_and_positive(self) -> None:
        rows = price_rows(seed=SEED, first=date(2025, 1, 1), last=date(2025, 3, 1))

        assert len(rows) == 60 * len(ASSETS)
        assert all(row.price > 0 and row.market_cap and row.volume and row.volume_scope == "global" for row in rows)

    def test_narratives_take_turns(self) -> None:
        prices = np.log(walk(SEED, date(2026, 1, 1)).prices[-731:])
        spread = prices[:, members(AI)].mean(axis=1) - prices[:, members(DEFI)].mean(axis=1)
        spread -= spread.mean()
        smooth = np.convolve(spread, np.ones(15) / 15, mode="valid")

        assert spread.std() > 0.1
        assert 8 <= np.count_nonzero(np.diff(np.sign(smooth))) <= 30

    def test_btc_has_waves_of_both_signs(self) -> None:
        btc = np.log(walk(SEED, date(2026, 1, 1)).prices[-731:, INDEX["BTC"]])
        month = btc[30:] - btc[:-30]

        assert month.max() > 0.15
        assert month.min() < -0.15

    def test_funding_has_extremes_on_both_sides(self) -> None:
        ai = reading_values(Indicator.FUNDING, "FET", date(2024, 1, 1), date(2026, 1, 1))
        defi = reading_values(Indicator.FUNDING, "UNI", date(2024, 1, 1), date(2026, 1, 1))

        assert ai.max() > 0.45
        assert defi.min() < -0.1095
        assert abs(np.median(ai) - 0.1095) < 0.12

    def test_mood_is_a_whole_number_up_to_100(self) -> None:
        mood = reading_values(Indicator.FEAR_GREED, "", date(2024, 1, 1), date(2026, 1, 1))

        assert np.array_equal(mood, np.round(mood))
        assert mood.min() >= 0
        assert mood.max() <= 100
        assert mood.max() - mood.min() > 50

    def test_every_indicator_is_read_every_day(self) -> None:
        rows = reading_rows(seed=SEED, first=date(2025, 6, 15), last=date(2025, 6, 15))
        traded = {asset.symbol for asset in ASSETS if not asset.is_stablecoin}
        subjects: dict[str, set[str]] = {}
        for row in rows:
            subjects.setdefault(row.indicator, set()).add(row.subject)

        assert subjects[Indicator.FUNDING] == subjects[Indicator.OPEN_INTEREST] == traded
        assert {"defi", "ai", "UNI"} <= subjects[Indicator.TVL]
        assert set(subjects) == set(Indicator) - {Indicator.FUNDING_8H}

    def test_events_say_that_they_are_simulated(self) -> None:
        rows = events(seed=SEED, first=date(2024, 1, 1), last=date(2026, 1, 1))

        assert {"PARTNERSHIP", "REGULATORY", "TECH_MILESTONE", "EXPLOIT", "L2_MILESTONE"} <= {row.type for row in rows}
        assert all(row.title.startswith("Simulated: ") for row in rows)
        assert all(1 <= row.magnitude <= 5 and -1 <= row.polarity <= 1 and 0 < row.confidence <= 1 for row in rows)
        assert len({row.url for row in rows}) == len(rows)

    def test_an_exploit_hurts_its_asset(self) -> None:
        path = walk(SEED, date(2026, 1, 1))
        drops = [
            np.log(path.prices[day, asset] / path.prices[day - 1, asset])
            for happening in path.happenings
            if happening.plot.type == "EXPLOIT"
            for day, asset in zip(happening.day, happening.asset, strict=True)
        ]

        assert np.mean(drops) < -0.04


def test_twenty_four_months_take_less_than_some_seconds() -> None:
    source = SimulatedSource(seed=99, since=date(2024, 6, 1), until=datetime(2026, 6, 1, 12, tzinfo=UTC))
    started = time.process_time()

    count = sum(1 for _ in source.observations())

    assert count > 60_000
    assert time.process_time() - started < 5.0


PINNED = ["50429.37", "116.125", "0.92366"]
