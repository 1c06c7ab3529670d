"""Find when a person may be disturbed: not in their quiet hours, and once a day where they want a digest."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo


class QuietHours(NamedTuple):
    """Hold when quiet begins and ends, by the person's own clock; the end may lie on the next day."""

    begins: time
    ends: time

    def covers(self, clock: time) -> bool:
        """Tell whether a time of day is quiet; equal ends mean that none is."""
        if self.begins <= self.ends:
            return self.begins <= clock < self.ends
        return clock >= self.begins or clock < self.ends


def first_moment(moment: datetime, *, zone: str, quiet: QuietHours | None) -> datetime:
    """Give the first moment from this one on that is not quiet, in UTC."""
    if quiet is None or not quiet.covers(moment.astimezone(ZoneInfo(zone)).time()):
        return moment
    return next_time(moment, zone=zone, clock=quiet.ends)


def next_time(moment: datetime, *, zone: str, clock: time) -> datetime:
    """Give the next moment, after this one, at which a clock in the zone shows a time of day, in UTC.

    A time that a change to summer time leaves out is taken as if the clocks had not changed yet; of one that comes
    twice the first counts.
    """
    here = ZoneInfo(zone)
    today = moment.astimezone(here).date()
    days = (today + timedelta(days=ahead) for ahead in range(3))
    found = (datetime.combine(day, clock, tzinfo=here).astimezone(UTC) for day in days)
    return next(each for each in found if each > moment)
