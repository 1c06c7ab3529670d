"""A journal of much: marks that would cover each other, days that no chart draws, legs that filled in parts."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal as D
from io import StringIO

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from journal.models import LegFill, Review, Rotation
from journal.queries.fees import fees, rotations_of_fees
from journal.services.reviews import measure_reviews
from journal.services.rotations import log_rotation, reverse_rotation
from portfolio.charts import RotationMark, equity_chart
from portfolio.charts.equity import MOST_MARKS, joined
from portfolio.models import Portfolio
from portfolio.views.standing import DayRow, drawn
from tests.journal.scene import DECIDED, anchor, leg, moment, scenario_a
from tests.portfolio.factories import spot

NOW = moment(45)
FIRST = date(2021, 3, 1)


@pytest.fixture
def book(alice: User) -> Iterator[Portfolio]:
    """The anchor portfolio with scenario A, on a day when its 30 days are over."""
    with time_machine.travel(NOW, tick=False):
        found = anchor(alice, days=1)
        log_rotation(portfolio=found, draft=scenario_a(), now=NOW)
        yield Portfolio.objects.get(pk=found.pk)


def marks(count: int) -> list[RotationMark]:
    """Return marks over five years, two of three into AI."""
    return [
        RotationMark(date=FIRST + timedelta(days=n * 1800 // count), label="DeFi to AI", hue="ai" if n % 3 else "defi")
        for n in range(count)
    ]


class TestMarks:
    def test_those_that_would_cover_each_other_stand_as_one(self) -> None:
        found = joined(marks(2_000))
        assert len(found) <= MOST_MARKS + 1
        assert sum(int(each.label.split()[0]) for each in found) == 2_000
        assert {each.hue for each in found} == {"ai"}
        assert "one dot stands for them all" in equity_chart(points=[], rotations=marks(2_000)).caption

    def test_a_few_stand_as_they_are(self) -> None:
        few = marks(MOST_MARKS)
        assert joined(few) == few
        assert "one dot stands for them all" not in equity_chart(points=[], rotations=few).caption


class TestDays:
    def test_the_last_of_each_month_and_the_newest_are_kept_of_five_years(self) -> None:
        days = [DayRow(FIRST + timedelta(days=n), D(n), D(n), D(n), D(n), D(n), "{}") for n in range(1_825)]
        found = drawn(days)
        ends = [day for day in days if (day.date + timedelta(days=1)).day == 1]
        assert {day.date for day in ends} <= {day.date for day in found}
        assert (found[0], found[-1]) == (days[0], days[-1])
        assert [day.date for day in found] == sorted(day.date for day in found)
        assert len(found) <= 152 + 61


@pytest.mark.django_db
class TestStored:
    def test_a_leg_that_filled_in_parts_is_one_row_of_the_next_ticket(
        self, book: Portfolio, client_of_alice: Client
    ) -> None:
        sale = {"instrument": spot("FET"), "price": D(2), "fee_amount": D("0.1")}
        legs = tuple(leg("SELL_SPOT", quantity=D(n), **sale) for n in (100, 25))
        draft = scenario_a(client_key=uuid.uuid4(), legs=legs, executed_at=DECIDED + timedelta(days=31))
        made = log_rotation(portfolio=book, draft=draft, now=NOW).rotation
        first, second = LegFill.objects.filter(leg__rotation=made).order_by("leg__position")
        LegFill.objects.filter(pk=second.pk).update(leg=first.leg)

        page = client_of_alice.get("/journal/new/", {"rotation": made.pk})

        rows = page.context["rows"].initial
        assert [(row["action"], row["quantity"]) for row in rows] == [("SELL_SPOT", "125")]

    def test_every_figure_of_fees_opens_exactly_what_it_counts(self, book: Portfolio) -> None:
        found = fees(portfolio=book)
        rows = [found.total, *(row for facet in found.facets.values() for row in facet)]
        assert [len(rotations_of_fees(portfolio=book, key=row.key)) for row in rows] == [row.rotations for row in rows]
        for key in ("venue:mexc", "month:2026-13", "month:never", "month:", "shoe:size", "venue"):
            assert rotations_of_fees(portfolio=book, key=key) == []

        reverse_rotation(rotation=Rotation.objects.get(), reason="A slip.", now=NOW)
        assert rotations_of_fees(portfolio=book, key="venue:binance") == []

    def test_a_further_close_writes_only_what_it_changed(self, book: Portfolio) -> None:
        measure_reviews(now=NOW)
        before = dict(Review.objects.values_list("horizon_days", "computed_at"))

        later = NOW + timedelta(days=1)
        assert measure_reviews(now=later) == 1

        after = dict(Review.objects.values_list("horizon_days", "computed_at"))
        assert {days for days, at in after.items() if at == later} == {Review.TO_DATE}
        assert {days: at for days, at in after.items() if days != Review.TO_DATE} == {
            days: at for days, at in before.items() if days != Review.TO_DATE
        }

    def test_the_file_says_in_which_mood_and_what_was_considered(
        self, book: Portfolio, client_of_alice: Client
    ) -> None:
        both = (("Is it crowded?", True), ("Did I sleep?", False))
        asked = [{"question": question, "is_checked": is_checked} for question, is_checked in both]
        Rotation.objects.update(mood="calm", checklist=asked)

        answer = client_of_alice.get("/journal/rotations.csv")

        (row,) = csv.DictReader(StringIO(answer.getvalue().decode()))
        assert (row["mood"], row["checked"], row["unchecked"]) == ("calm", "Is it crowded?", "Did I sleep?")
