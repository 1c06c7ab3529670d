"""Quiet hours and digests go by the person's own clock, also where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.domain.quiet_hours import QuietHours, first_moment, next_time

NIGHT = QuietHours(time(22), time(7))
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
CLOCKS = st.times().map(lambda each: each.replace(second=0, microsecond=0))
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda each: each.replace(tzinfo=UTC))


def utc(*parts: int) -> datetime:
    """Return a moment in UTC."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


class TestQuietHours:
    @pytest.mark.parametrize(
        ("moment", "expected"),
        [
            (utc(2026, 7, 1, 12), utc(2026, 7, 1, 12)),
            (utc(2026, 7, 1, 20), utc(2026, 7, 2, 5)),
            (utc(2026, 7, 1, 19, 59), utc(2026, 7, 1, 19, 59)),
            (utc(2026, 7, 2, 4, 59), utc(2026, 7, 2, 5)),
            (utc(2026, 7, 2, 5), utc(2026, 7, 2, 5)),
            (utc(2026, 12, 1, 21), utc(2026, 12, 2, 6)),
        ],
    )
    def test_a_night_in_berlin(self, moment: datetime, expected: datetime) -> None:
        assert first_moment(moment, zone="Europe/Berlin", quiet=NIGHT) == expected

    def test_without_quiet_hours_every_moment_will_do(self) -> None:
        assert first_moment(utc(2026, 7, 1, 23), zone="UTC", quiet=None) == utc(2026, 7, 1, 23)
        assert first_moment(utc(2026, 7, 1, 23), zone="UTC", quiet=QuietHours(time(9), time(9))) == utc(2026, 7, 1, 23)

    def test_the_morning_on_which_clocks_go_forward(self) -> None:
        quiet = QuietHours(time(22), time(2, 30))
        assert first_moment(utc(2026, 3, 28, 23), zone="Europe/Berlin", quiet=quiet) == utc(2026, 3, 29, 1, 30)

    @given(MOMENTS, ZONES, CLOCKS)
    def test_a_digest_comes_after_and_within_little_more_than_a_day(
        self, moment: datetime, zone: str, clock: time
    ) -> None:
        found = next_time(moment, zone=zone, clock=clock)
        assert 0 < (found - moment).total_seconds() <= 25 * 3600
