"""What one learns: the page, the rotations behind each figure, and the same figures wherever they are shown."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from html import unescape

import pytest
import time_machine
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import User
from journal.domain.habits import ANY, KNOWN_ONLY, TRIP, Decided, Guess, Undone, behind, summarise
from journal.domain.learning import LEAST, Verdict
from journal.models import Leg, Lesson, Review, Rotation
from journal.queries.learning import decided_of, learned, rotations_behind
from journal.services.lessons import Guess as NewGuess
from journal.services.lessons import expect, learn
from journal.services.reviews import measure_reviews
from journal.services.rotations import log_rotation
from portfolio.models import Portfolio
from tests.journal.scene import DECIDED, anchor, leg, moment, scenario_a
from tests.pages import heading, queries, said
from tests.portfolio.factories import PRICES, price, spot

NOW = moment(45)
PAGE = "/analytics/"
START = datetime(2026, 1, 1, tzinfo=UTC)
LINK = re.compile(r'href="(/journal/\?behind=[^"]+)"')


def decision(key: int, day: float = 0, **terms: object) -> Decided:
    """State a decision."""
    known = {"key": key, "decided_at": START + timedelta(days=day), "adherence": "followed"}
    return Decided(**{**known, **terms})  # type: ignore[arg-type]


amounts = st.none() | st.decimals(-1000, 1000, places=2)
decisions = st.lists(
    st.builds(
        decision,
        st.integers(1, 10**6),
        st.integers(0, 900),
        adherence=st.sampled_from(["followed", "deviated", "contradicted", "ignored", "spontaneous"]),
        chance=st.none() | st.floats(0.01, 0.99),
        stage=st.sampled_from(["", "NI", "PR"]),
        source=st.sampled_from(["", "ai", "defi"]),
        destination=st.sampled_from(["", "ai", "defi"]),
        tags=st.sampled_from([(), ("news",), ("news", "gut")]),
        alpha=amounts,
        overlay=amounts,
        risk=st.none() | st.decimals(1, 100, places=2),
        opened=st.integers(0, 2),
        stopped=st.integers(0, 2),
        has_sold_core=st.booleans(),
        mistakes=st.sampled_from([(), ("late",)]),
        waited_hours=st.none() | st.floats(0, 100),
    ),
    max_size=25,
    unique_by=lambda each: each.key,
)


class TestBehindFigures:
    @given(decisions)
    @settings(max_examples=80)
    def test_every_figure_counts_exactly_what_stands_behind_it(self, decided: Sequence[Decided]) -> None:
        found = summarise(decided)
        rows = [*found.groups, *(row for each in found.facets.values() for row in each)]
        assert [(row.key, row.mean.n) for row in rows] == [(row.key, len(behind(row.key, decided))) for row in rows]
        assert len(behind("outcome:ahead", decided)) == found.hits.count
        assert len(behind("known:yes", decided)) == found.hits.n == found.known
        assert len(behind(TRIP, decided)) == 2 * len(found.trips)
        assert len(behind("chance:none", decided)) == found.unstated
        assert len(behind("stop:missing", decided)) == found.without_stop
        assert len(behind("answered:yes", decided)) == found.waited.n
        assert [count for _, count in found.mistakes] == [
            len(behind(f"mistake:{m}", decided)) for m, _ in found.mistakes
        ]
        assert [count for _, count in found.multiples] == [len(behind(f"r:{r}", decided)) for r, _ in found.multiples]

    @given(decisions)
    @settings(max_examples=40)
    def test_kept_and_broken_rules_make_up_the_whole(self, decided: Sequence[Decided]) -> None:
        kept = summarise(decided).discipline
        assert len(behind("stop:kept", decided)) == kept.stops.count
        assert len(behind("stop:kept", decided)) + len(behind("stop:missing", decided)) == kept.stops.n
        for name, share in (("core", kept.core_kept), ("rule", kept.rules_kept)):
            assert len(behind(f"{name}:kept", decided)) == share.count
        assert len(behind("answer:followed", decided)) == kept.follows.count

    def test_an_unknown_key_has_nothing_behind_it(self) -> None:
        assert behind("luck:good", [decision(1, alpha=D(1))]) == []
        assert not KNOWN_ONLY.keys() & ANY.keys()


class TestSummary:
    def test_following_is_judged_from_ten_each_on(self) -> None:
        good = [decision(n, 30 * n, alpha=D(100 + n)) for n in range(LEAST)]
        bad = [Undone(is_passed=True, issued_at=START + timedelta(days=30 * n), alpha=D(-50 - n)) for n in range(LEAST)]
        verdicts = {row.key: row.verdict for row in summarise(good, undone=bad).groups}
        assert verdicts["group:passed"] is Verdict.WORSE
        verdicts = {row.key: row.verdict for row in summarise(good, undone=bad[1:]).groups}
        assert verdicts["group:passed"] is Verdict.TOO_FEW

    def test_going_against_it_counts_as_deviating(self) -> None:
        [row] = summarise([decision(1, adherence="contradicted", alpha=D(1))]).groups
        assert row.key == "group:deviated"

    def test_a_chance_not_given_is_never_averaged(self) -> None:
        found = summarise([decision(1, alpha=D(1), chance=0.6), decision(2, alpha=D(1))])
        assert found.calibration is not None
        assert (found.calibration.n, found.unstated) == (1, 1)

    def test_without_a_stop_there_is_no_r(self) -> None:
        terms = {"alpha": D(1), "overlay": D(90), "risk": D(45)}
        found = summarise([decision(1, **terms, opened=1, stopped=1), decision(2, **terms, opened=2, stopped=1)])
        assert found.multiples == ((2, 1),)
        assert found.without_stop == 1

    def test_about_the_same_is_no_guess_with_a_side(self) -> None:
        guesses = [
            Guess(is_ahead=True, alpha=D(5)),
            Guess(is_ahead=False, alpha=D(5)),
            Guess(is_ahead=None, alpha=D(5)),
        ]
        found = summarise([], guesses=guesses).guesses
        assert (found.count, found.n) == (1, 2)

    def test_nothing_decided_is_no_figure(self) -> None:
        found = summarise([])
        assert (found.calibration, found.expectancy, found.hits.value, found.costs.ratio) == (None, None, None, None)


@pytest.fixture
def book(alice: User) -> Iterator[Portfolio]:
    """The anchor portfolio, its clock 35 days after a decision that paid, with two more around it."""
    with time_machine.travel(NOW, tick=False):
        found = anchor(alice, days=1)
        price(found.market, 9, PRICES)
        for number in (10, 17, 40, 44):
            price(found.market, number, {**PRICES, "FET": "3"})
        log_rotation(portfolio=found, draft=scenario_a(tags=("news",)), now=NOW)
        back = (leg("SELL_SPOT", instrument=spot("FET"), quantity=D(100), price=D("2.5")),)
        draft = scenario_a(
            client_key=uuid.uuid4(), legs=back, executed_at=DECIDED + timedelta(hours=5), conviction=None
        )
        log_rotation(portfolio=found, draft=draft, now=NOW)
        measure_reviews(now=NOW)
        yield found


@pytest.mark.django_db
class TestStored:
    def test_one_r_is_what_the_stop_would_have_cost_with_both_fees(self, book: Portfolio) -> None:
        first = decided_of(portfolio=book)[0]
        assert first.risk == D("452.775")
        review = Review.objects.get(rotation=first.key, horizon_days=30)
        assert (first.alpha, first.overlay) == (review.total_alpha_usd, review.overlay_usd)
        assert first.multiple == pytest.approx(float(review.overlay_usd or 0) / 452.775)

    def test_a_reversed_rotation_counts_nowhere(self, book: Portfolio) -> None:
        Rotation.objects.filter(conviction=None).update(state=Rotation.State.REVERSED)
        assert learned(portfolio=book, moment=NOW).summary.count == 1

    def test_mistakes_come_from_lessons(self, book: Portfolio) -> None:
        rotation = Rotation.objects.earliest("executed_at")
        guess = NewGuess(horizon_days=30, expectation=Lesson.Expectation.BETTER)
        lesson = expect(decision=rotation, guess=guess, outcome=D(10), now=NOW)
        learn(lesson=lesson, sentence="Smaller.", mistakes=["oversized"], now=NOW)
        found = learned(portfolio=book, moment=NOW).summary
        assert found.mistakes == (("oversized", 1),)
        assert (found.guesses.count, found.guesses.n) == (1, 1)
        assert rotations_behind(portfolio=book, key="mistake:oversized") == [rotation.pk]

    def test_what_was_known_before_is_no_guess(self, book: Portfolio) -> None:
        guess = NewGuess(horizon_days=30, expectation=Lesson.Expectation.BETTER, had_seen=True)
        expect(decision=Rotation.objects.earliest("pk"), guess=guess, outcome=D(10), now=NOW)
        assert learned(portfolio=book, moment=NOW).summary.guesses.n == 0


@pytest.mark.django_db
class TestPage:
    def test_it_says_what_may_be_said_of_two(self, book: Portfolio, client_of_alice: Client) -> None:
        assert heading(client_of_alice, PAGE) == "You were ahead of holding in 1 of 2; 10 are the least for a verdict"
        shown = said(client_of_alice, PAGE)
        assert "1 stated chance so far; 10 are the least for a verdict" in shown
        assert "1 rotation without a stated chance is left out." in shown
        assert "better than following" not in shown
        assert "By tag Tag Ahead On average news 1 of 1" in shown

    def test_every_link_opens_the_rotations_behind_its_figure(self, book: Portfolio, client_of_alice: Client) -> None:
        links = {unescape(each) for each in LINK.findall(client_of_alice.get(PAGE).content.decode())}
        assert len(links) > 10
        shown = {link: client_of_alice.get(link).context for link in links}
        for link, context in shown.items():
            key = context["behind"]
            assert {row["it"].pk for row in context["rows"]} == set(rotations_behind(portfolio=book, key=key)), link
            assert context["behind_name"], link
            assert f"behind={key.replace(':', '%3A')}" in context["query"]

    def test_the_filter_survives_the_form_and_the_file(self, book: Portfolio, client_of_alice: Client) -> None:
        page = client_of_alice.get("/journal/?behind=tag:news").content.decode()
        assert '<input type="hidden" name="behind" value="tag:news">' in page
        table = b"".join(client_of_alice.get("/journal/rotations.csv?behind=tag:news").streaming_content)  # type: ignore[attr-defined]
        assert table.count(b"\r\n") == 2

    @pytest.mark.parametrize("key", ["r:x", "chance:", "%00", "group:<b>", ":", "mistake:none", "narrative:nowhere"])
    def test_a_key_that_nobody_made_shows_nothing(self, key: str, book: Portfolio, client_of_alice: Client) -> None:
        response = client_of_alice.get(f"/journal/?behind={key}")
        assert response.status_code == 200
        assert response.context["rows"] == [] or key == "%00"

    def test_before_the_first_decision_it_says_what_will_be(self, alice: User, client_of_alice: Client) -> None:
        assert heading(client_of_alice, PAGE) == "Learning begins with a portfolio"
        anchor(alice, days=1)
        assert heading(client_of_alice, PAGE) == "Nothing to learn from yet"

    def test_while_nothing_is_known_it_says_why(self, book: Portfolio, client_of_alice: Client) -> None:
        Review.objects.update(status=Review.Status.PENDING, total_alpha_usd=None)
        Leg.objects.update(stop_price=None)
        shown = said(client_of_alice, PAGE)
        assert "You logged 2 rotations, and the 30 days of none are over yet." in shown
        assert "No result of 30 days is known yet." in shown
        assert "1 rotation opened futures without a stop on each" in shown

    def test_queries_stay_few(self, book: Portfolio, client_of_alice: Client) -> None:
        assert queries(client_of_alice, PAGE) <= 12
        assert queries(client_of_alice, "/journal/?behind=known:yes") <= 12

    def test_a_stranger_sees_nothing_of_it(self, book: Portfolio, client_of_bob: Client) -> None:
        assert client_of_bob.get(f"{PAGE}?portfolio={book.pk}").status_code == 404
        assert heading(client_of_bob, PAGE) == "Learning begins with a portfolio"
