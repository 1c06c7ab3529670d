"""Reports on paper: the same figures as the pages, the file and the API; what people write is words, never markup."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal as D
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from journal.documents import Report, facts, note, picture, printed, prose, table
from journal.domain.habits import course_of
from journal.models import Review, Rotation, Wording
from journal.services.lessons import Guess, expect
from journal.services.reviews import measure_reviews
from journal.services.rotations import log_rotation
from journal.views.fees import course_chart
from portfolio.models import Portfolio
from portfolio.templatetags.money import signed_usd, usd
from tests.api.scene import Caller
from tests.journal.scene import DECIDED, anchor, leg, moment, scenario_a
from tests.pages import said
from tests.pdf import words_of
from tests.portfolio.factories import PRICES, price, spot

NOW = moment(45)
SLY = '#strong[x] *bold* $a^2$ @ref <label> \\ "quoted" `raw` = no heading // no comment'
LONG = "a" * 300
LARGE = "−$99,999,999,999,999,999,999.99"
REVIEWED = ("hold_usd", "actual_usd", "total_alpha_usd", "gross_alpha_usd", "overlay_usd")


def squeezed(text: str) -> str:
    """Return a text without blanks: where a line breaks is none of its words."""
    return "".join(text.split())


class TestPaper:
    def test_words_are_set_as_they_are_and_long_ones_break(self, settings: Any) -> None:
        settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
        sections = [
            prose("Prose", f"{SLY}\nSecond line.", LONG),
            facts(SLY, [(LONG, LARGE), ("Tone", {"text": LARGE, "tone": "loss"})]),
            table("Table", ["What", *"123456"], [[LONG, *[LARGE] * 6]] * 60),
            picture("Picture", course_chart(course_of([]), days=30)),
            note("A note."),
        ]
        report = Report(title=SLY, subtitle=LONG, sections=sections, footer=SLY)

        words = squeezed(words_of(printed(report, now=NOW)))

        assert words.count(squeezed(SLY)) >= 4
        assert words.count(LONG) >= 3
        assert words.count(LARGE) >= 2
        assert words.count("a") >= (3 + 60) * len(LONG)
        assert words.count("9") >= (2 + 6 * 60) * LARGE.count("9")
        assert "Secondline." in words

    def test_the_same_report_is_the_same_file(self) -> None:
        report = Report(title="Same", subtitle="", sections=[note("Words.")], footer="")
        assert printed(report, now=NOW) == printed(report, now=NOW)


@pytest.fixture
def book(alice: User) -> Iterator[Portfolio]:
    """Scenario A, measured at 1, 7 and 30 days at other prices, and a sale a little later."""
    with time_machine.travel(NOW, tick=False):
        found = anchor(alice, days=1)
        price(found.market, 9, PRICES)
        for number, fet in ((10, "2.1"), (11, "2.07"), (17, "1.9"), (40, "2.83"), (44, "3")):
            price(found.market, number, {**PRICES, "FET": fet})
        log_rotation(portfolio=found, draft=scenario_a(tags=("news",), thesis=f"{SLY} {LONG}"), now=NOW)
        sale = (leg("SELL_SPOT", instrument=spot("FET"), quantity=D(100), price=D("2.5"), fee_amount=D("0.25")),)
        later = scenario_a(client_key=uuid.uuid4(), legs=sale, executed_at=DECIDED + timedelta(hours=5))
        log_rotation(portfolio=found, draft=later, now=NOW)
        measure_reviews(now=NOW)
        yield found


def guessed() -> None:
    """Guess every outcome, so that pages show it."""
    for review in Review.objects.filter(horizon_days=30, status="ok"):
        guess = Guess(horizon_days=30, expectation="better")
        expect(decision=review.rotation, guess=guess, outcome=review.total_alpha_usd, now=NOW)


@pytest.mark.django_db
class TestParity:
    def test_every_figure_of_a_rotation_is_the_same_on_page_paper_and_api(
        self, book: Portfolio, client_of_alice: Client, alice: User
    ) -> None:
        guessed()
        pk = Rotation.objects.earliest("executed_at").pk
        body = Caller(alice).get(f"/rotations/{pk}/").json()
        page = said(client_of_alice, f"/journal/{pk}/")
        paper = squeezed(words_of(client_of_alice.get(f"/journal/{pk}/report.pdf").content))

        figures = [(usd, body[name]) for name in ("moved_usd", "fees_usd")]
        figures += [(signed_usd, body[name]) for name in ("spot_pnl_usd", "futures_pnl_usd")]
        known = [review for review in body["reviews"] if review["status"] == "ok"]
        figures += [(signed_usd, review["total_alpha_usd"]) for review in known]
        figures += [(usd, fill["fee_usd"]) for each in body["legs"] for fill in each["fills"]]
        assert len(known) == 4
        for write, amount in figures:
            assert write(D(amount)) in page, amount
            assert squeezed(write(D(amount))) in paper, amount
        for review in known:
            for name in REVIEWED:
                write = signed_usd if name in ("total_alpha_usd", "gross_alpha_usd", "overlay_usd") else usd
                assert squeezed(write(D(review[name]))) in paper, name
        assert squeezed(SLY) in paper

    def test_every_figure_of_a_list_is_the_same_on_page_paper_file_and_api(
        self, book: Portfolio, client_of_alice: Client, alice: User
    ) -> None:
        guessed()
        page = said(client_of_alice, "/journal/")
        paper = squeezed(words_of(client_of_alice.get("/journal/report.pdf").content))
        text = b"".join(client_of_alice.get("/journal/rotations.csv").streaming_content).decode()  # type: ignore[attr-defined]
        table = {int(row["id"]): row for row in csv.DictReader(StringIO(text))}
        listed = Caller(alice).get("/rotations/").json()["results"]
        assert set(table) == {row["id"] for row in listed}
        assert len(listed) == 2
        for row in listed:
            line = table[row["id"]]
            for name, write in (
                ("moved_usd", usd), ("fees_usd", usd), ("spot_pnl_usd", signed_usd), ("futures_pnl_usd", signed_usd),
            ):  # fmt: skip
                assert line[name] == row[name]
                assert write(D(row[name])) in page
                assert squeezed(write(D(row[name]))) in paper
            ahead = Review.objects.get(rotation=row["id"], horizon_days=30).total_alpha_usd
            assert D(line["alpha_30_usd"]) == ahead
            assert squeezed(signed_usd(ahead)) in paper

    def test_an_outcome_that_waits_for_a_guess_is_on_no_paper(self, book: Portfolio, client_of_alice: Client) -> None:
        pk = Rotation.objects.earliest("executed_at").pk
        ahead = Review.objects.get(rotation=pk, horizon_days=30).total_alpha_usd
        one = words_of(client_of_alice.get(f"/journal/{pk}/report.pdf").content)
        every = words_of(client_of_alice.get("/journal/report.pdf").content)
        assert "waits for your guess" in one
        assert "to guess" in every
        for paper in (one, every):
            assert signed_usd(ahead) not in paper

    def test_mood_checklist_and_later_words_stand_on_paper(self, book: Portfolio, client_of_alice: Client) -> None:
        found = Rotation.objects.filter(portfolio=book).earliest("pk")
        both = (("Is it crowded?", True), ("Did I sleep?", False))
        found.mood, found.checklist = "calm", [{"question": words, "is_checked": said} for words, said in both]
        found.save(update_fields=["mood", "checklist"])
        terms = {"written_at": NOW, "is_after_outcome": True}
        Wording.objects.create(rotation=found, subject="note", text="It was crowded.", **terms)

        paper = squeezed(words_of(client_of_alice.get(f"/journal/{found.pk}/report.pdf").content))

        for words in (
            "Mood",
            "Calm",
            "Is it crowded? considered",
            "Did I sleep? not ticked",
            "after a comparison was known: It was crowded.",
        ):
            assert squeezed(words) in paper

    def test_a_filter_prints_what_it_shows(self, book: Portfolio, client_of_alice: Client) -> None:
        paper = words_of(client_of_alice.get("/journal/report.pdf?tag=news&since=2026-01-01").content)
        assert "1 rotation, $8.99 in fees" in paper
        nothing = words_of(client_of_alice.get("/journal/report.pdf?tag=nothing").content)
        assert "0 rotations, $0.00 in fees" in nothing

    def test_a_stranger_prints_nothing(self, book: Portfolio, client_of_bob: Client) -> None:
        pk = Rotation.objects.earliest("pk").pk
        assert client_of_bob.get(f"/journal/{pk}/report.pdf").status_code == 404
        assert client_of_bob.get(f"/journal/report.pdf?portfolio={book.pk}").status_code == 404
