"""Read the market and the recommendations as a person does."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.models import User
from jobs.models import Job
from portfolio.models import Market, Portfolio
from portfolio.provided import stage_bands
from signals.models import Evidence, Recommendation, Score, SourcePoll, StageDay
from signals.queries.standing import stage_now
from signals.services.recommend import recommend
from signals.views.cards import regime_card
from tests.pages import heading, queries, said, words
from tests.signals import scene

MARKET = reverse("signals:market")
RECOMMENDATIONS = reverse("signals:recommendations")
REFRESH = reverse("signals:refresh")
NOW = scene.after(minutes=10)


@pytest.fixture(autouse=True)
def _today() -> Any:
    """Ten minutes after the close that was scored; sessions begin then too."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def where(db: None) -> Market:
    """A market read five minutes ago, with a computed day."""
    market = scene.market()
    scene.computed(market)
    SourcePoll.objects.create(market=market, source="simulated", polled_at=NOW, succeeded_at=NOW - timedelta(minutes=5))
    return market


@pytest.fixture
def book(alice: User, where: Market) -> Portfolio:
    """The playbook's scenario A, before anything was decided."""
    return scene.portfolio(scene.trader(alice), where)


@pytest.fixture
def issued(book: Portfolio, where: Market) -> Recommendation:
    """An open recommendation."""
    recommend(market=where, as_of=scene.slot(), now=NOW)
    return Recommendation.objects.get(portfolio=book)


def detail(found: Recommendation) -> str:
    """Return where a recommendation is shown."""
    return reverse("signals:recommendation", args=[found.pk])


class TestMarket:
    def test_the_heading_says_who_leads(self, client_of_alice: Client, where: Market) -> None:
        assert heading(client_of_alice, MARKET) == "AI is igniting, day 1"

    def test_without_a_market_the_page_says_how_one_comes(self, client_of_alice: Client) -> None:
        assert "The simulated market fills itself once the worker runs." in said(client_of_alice, MARKET)

    def test_before_the_first_day_the_page_says_so(self, client_of_alice: Client) -> None:
        scene.market()

        page = said(client_of_alice, MARKET)

        assert "Nothing has been computed yet." in page
        assert "Look again now" in page

    def test_parts_add_up_to_the_score(self, client_of_alice: Client, where: Market) -> None:
        cards = client_of_alice.get(MARKET).context["cards"]

        for card in cards:
            terms = card.score.terms
            assert terms[0].start == 50
            assert [term.start for term in terms[1:]] == [term.end for term in terms[:-1]]
            assert terms[-1].end == pytest.approx(50 + float(sum(term.points for term in terms)))

    def test_what_is_missing_and_why_stands_on_the_page(self, client_of_alice: Client, where: Market) -> None:
        silent = scene.contribution("sentiment", 0.0, freshness=0.0, weight=0.2, reason="no source asked")
        score = Score.objects.filter(sector__slug="ai").latest("date")
        score.contributions = [*score.contributions, silent]
        score.coverage = 0.8
        score.save()

        page = said(client_of_alice, MARKET)

        assert "Sentiment nobody looked within a day" in page
        assert "Fresh data carries 80% of it" in page

    def test_a_score_on_too_little_data_is_hidden(self, client_of_alice: Client, where: Market) -> None:
        Score.objects.filter(sector__slug="ai").update(coverage=0.3)

        assert "Not enough fresh data for a score" in said(client_of_alice, MARKET)

    def test_the_stage_says_how_many_signs_can_be_observed(self, client_of_alice: Client, where: Market) -> None:
        signs = [
            {"code": "DRAWDOWN", "holds": True},
            {"code": "WEAKENING", "holds": False},
            {"code": "OPEN_INTEREST", "holds": None},
        ]
        gate = {"code": "FUNDING", "passes": True, "is_known": False}
        StageDay.objects.update(evidence={"evidences": signs, "gates": {"ai": [gate]}})

        page = said(client_of_alice, MARKET)

        assert "2 of 3 signs of a peak can be observed, 1 holds." in page
        assert "Open interest in AI unwinds not known" in page
        assert "Funding is not extreme not known" in page

    def test_price_share_is_said(self, client_of_alice: Client, where: Market) -> None:
        score = Score.objects.filter(sector__slug="ai").latest("date")
        score.details = scene.details(price_share=0.62)
        score.save()

        assert "62% of its distance to the other narratives is relative price alone" in said(client_of_alice, MARKET)

    def test_the_age_of_the_signals_is_said(self, client_of_alice: Client, where: Market) -> None:
        page = said(client_of_alice, MARKET)

        assert "Signals as of 2 Mar 2026, 00:05 UTC ( 5 min ago )" in page
        assert "stale" not in page

    @pytest.mark.parametrize(
        ("later", "sentence"),
        [
            (timedelta(minutes=15), "the market was not read when it should have been"),
            (timedelta(hours=37), "stale"),
        ],
    )
    def test_silence_raises_the_banner(
        self, client_of_alice: Client, where: Market, later: timedelta, sentence: str
    ) -> None:
        with time_machine.travel(NOW + later, tick=False):
            assert sentence in said(client_of_alice, MARKET)

    def test_the_health_of_its_data_is_a_link_away(self, client_of_alice: Client, where: Market) -> None:
        link = f'href="{reverse("signals:health")}"'
        assert client_of_alice.get(MARKET).content.decode().count(link) == 1
        with time_machine.travel(NOW + timedelta(hours=37), tick=False):
            assert client_of_alice.get(MARKET).content.decode().count(link) == 2

    def test_a_close_that_is_not_computed_raises_the_banner(self, client_of_alice: Client, where: Market) -> None:
        later = NOW + timedelta(hours=36)
        SourcePoll.objects.update(succeeded_at=later)

        with time_machine.travel(later, tick=False):
            assert "a later day has closed and is not computed yet" in said(client_of_alice, MARKET)

    def test_a_replay_is_never_late(self, client_of_alice: Client, where: Market) -> None:
        Market.objects.filter(pk=where.pk).update(as_of=NOW)

        with time_machine.travel(NOW + timedelta(days=10), tick=False):
            page = said(client_of_alice, MARKET)

        assert "stale" not in page
        assert "stands at 2 Mar 2026, 00:10 UTC" in page

    def test_an_unknown_market_is_not_found(self, client_of_alice: Client, where: Market) -> None:
        assert client_of_alice.get(MARKET, {"market": "moon"}).status_code == 404

    def test_ten_and_a_thousand_days_cost_the_same(self, client_of_alice: Client, book: Portfolio) -> None:
        few = queries(client_of_alice, MARKET)
        newest = Score.objects.filter(market=book.market).latest("date")
        fields = ("market_id", "sector_id", "value", "coverage", "contributions", "details", "params_version")
        values = {name: getattr(newest, name) for name in fields}
        Score.objects.bulk_create(
            [Score(**values, date=newest.date - timedelta(days=n)) for n in range(30, 1030)], ignore_conflicts=True
        )

        assert queries(client_of_alice, MARKET) == few
        assert few <= 12


class TestRefresh:
    def test_without_a_script_the_page_shows_how_far_it_is(self, client_of_alice: Client, where: Market) -> None:
        response = client_of_alice.post(REFRESH, {"market": where.slug}, follow=True)

        job = Job.objects.get()
        assert (job.task, job.args) == ("signals.refresh_market", {"market": where.pk})
        assert f"job={job.public_id}" in response.redirect_chain[0][0]
        assert "Waiting for the worker" in response.content.decode()

    def test_htmx_gets_a_fragment_that_asks_every_second_and_stops(
        self, client_of_alice: Client, where: Market
    ) -> None:
        html = client_of_alice.post(REFRESH, {"market": where.slug}, headers={"HX-Request": "true"}).content.decode()
        job = Job.objects.get()
        url = reverse("job_progress", args=[job.public_id])

        assert 'hx-trigger="every 1s"' in html
        assert url in html
        assert client_of_alice.get(url, headers={"HX-Request": "true"}).status_code == 200

        Job.objects.update(state=Job.State.DONE, message="1 day computed")
        response = client_of_alice.get(url, headers={"HX-Request": "true"})

        assert response.status_code == 286
        assert "every 1s" not in response.content.decode()

    def test_asking_twice_queues_once(self, client_of_alice: Client, where: Market) -> None:
        for _ in range(2):
            client_of_alice.post(REFRESH, {"market": where.slug})

        assert Job.objects.count() == 1

    def test_two_people_each_see_their_own(self, client_of_alice: Client, client_of_bob: Client, where: Market) -> None:
        client_of_alice.post(REFRESH, {"market": where.slug})
        job = Job.objects.get()

        assert "Waiting for the worker" not in client_of_bob.get(f"{MARKET}?job={job.public_id}").content.decode()

        client_of_bob.post(REFRESH, {"market": where.slug})

        assert Job.objects.count() == 2

    @pytest.mark.parametrize("slug", ["", "moon", "\x00"])
    def test_an_unknown_market_is_not_found(self, client_of_alice: Client, where: Market, slug: str) -> None:
        assert client_of_alice.post(REFRESH, {"market": slug}).status_code == 404
        assert not Job.objects.exists()

    def test_looking_needs_no_post_and_refreshing_does(self, client_of_alice: Client, where: Market) -> None:
        assert client_of_alice.get(REFRESH).status_code == 405


class TestRecommendations:
    def test_without_a_portfolio_there_is_one_action(self, client_of_alice: Client) -> None:
        assert "Open your first portfolio" in said(client_of_alice, RECOMMENDATIONS)

    def test_an_empty_list_says_what_would_fill_it(self, client_of_alice: Client, book: Portfolio) -> None:
        assert heading(client_of_alice, RECOMMENDATIONS) == "Nothing to decide now"
        assert "After each daily close" in said(client_of_alice, RECOMMENDATIONS)

    def test_an_open_one_is_to_be_decided(self, client_of_alice: Client, issued: Recommendation) -> None:
        assert heading(client_of_alice, RECOMMENDATIONS) == "One recommendation to decide"
        assert "AI is igniting: move $2,500 from DeFi to AI" in said(client_of_alice, RECOMMENDATIONS)

    def test_a_refusal_is_the_answer_too(self, client_of_alice: Client, issued: Recommendation) -> None:
        Recommendation.objects.update(state="refused", refusal="BELOW_HURDLE")

        assert heading(client_of_alice, RECOMMENDATIONS) == "No recommendation now"

    def test_the_list_is_filtered_by_state(self, client_of_alice: Client, issued: Recommendation) -> None:
        copies(issued, 3, state="passed")

        def shown(state: str) -> int:
            return len(client_of_alice.get(RECOMMENDATIONS, {"state": state}).context["rows"])

        assert [shown(s) for s in ("", "open", "passed", "refused", "nonsense")] == [4, 1, 3, 0, 4]

    def test_pages_reach_every_answer_once(self, client_of_alice: Client, issued: Recommendation) -> None:
        copies(issued, 120)
        cursor, seen = "first", []

        while cursor:
            asked = {} if cursor == "first" else {"before": cursor}
            context = client_of_alice.get(RECOMMENDATIONS, asked).context
            seen += [row["it"].pk for row in context["rows"]]
            cursor = context["next_cursor"]

        assert len(seen) == len(set(seen)) == 121

    def test_ten_and_a_thousand_cost_the_same(self, client_of_alice: Client, issued: Recommendation) -> None:
        copies(issued, 9)
        few = queries(client_of_alice, RECOMMENDATIONS)
        copies(issued, 990, first=9)

        assert queries(client_of_alice, RECOMMENDATIONS) == few
        assert few <= 12


def copies(found: Recommendation, count: int, *, first: int = 0, state: str = "expired") -> None:
    """Write older answers of the same portfolio."""
    fields = [field.attname for field in Recommendation._meta.concrete_fields if not field.primary_key]
    values = {name: getattr(found, name) for name in fields} | {"state": state}
    Recommendation.objects.bulk_create(
        Recommendation(
            **values | {"slot": found.slot - timedelta(days=n), "issued_at": found.issued_at - timedelta(hours=n // 2)}
        )
        for n in range(first + 1, first + count + 1)
    )


class TestRecommendation:
    def test_the_contract_is_kept_in_order(self, client_of_alice: Client, issued: Recommendation) -> None:
        html = client_of_alice.get(detail(issued)).content.decode()

        assert [words(title) for title in re.findall(r"<h2[^>]*>(.*?)</h2>", html, re.DOTALL)] == [
            "Stage change",
            "What speaks for it",
            "What speaks against it",
            "What it rests on",
            "Legs, in the order to place them",
            "Costs against what is expected",
            "Risk",
            "Confidence",
            "How long it stands",
            "If you do nothing",
            "Where every number comes from",
            "Keys",
        ]

    def test_costs_stand_beside_expectations(self, client_of_alice: Client, issued: Recommendation) -> None:
        page = said(client_of_alice, detail(issued))

        assert "Costs now, all legs $" in page
        assert "Has to earn" in page
        assert "Model expects" in page
        assert "Confidence, n = 0" in page

    def test_legs_are_exact_and_futures_show_what_can_be_lost(
        self, client_of_alice: Client, issued: Recommendation
    ) -> None:
        page = said(client_of_alice, detail(issued))

        assert [leg.action for leg in issued.legs.all()] == ["SELL_SPOT", "BUY_SPOT", "OPEN_LONG"]
        assert "FET-PERP 3.0×" in page
        assert "margin $" in page
        assert "liquidation" in page

    def test_yes_and_not_now_are_as_easy(self, client_of_alice: Client, issued: Recommendation) -> None:
        html = client_of_alice.get(detail(issued)).content.decode()

        assert f"/journal/new/?recommendation={issued.pk}" in html
        assert f"/journal/pass/{issued.pk}/" in html

    @pytest.mark.parametrize("state", ["passed", "followed", "expired", "superseded", "invalidated"])
    def test_what_is_over_cannot_be_acted_on(self, client_of_alice: Client, issued: Recommendation, state: str) -> None:
        Recommendation.objects.update(state=state, closed_at=NOW, close_reason="The stage has changed.")

        page = client_of_alice.get(detail(issued)).content.decode()

        assert "/journal/new/?recommendation" not in page
        assert "The stage has changed." in page

    def test_a_lapsed_one_cannot_be_acted_on(self, client_of_alice: Client, issued: Recommendation) -> None:
        with time_machine.travel(issued.expires_at, tick=False):
            page = client_of_alice.get(detail(issued)).content.decode()

        assert "/journal/new/?recommendation" not in page
        assert "lapsed" in page

    def test_a_refusal_is_an_answer_with_z_needed_beside_z_now(
        self, client_of_alice: Client, issued: Recommendation
    ) -> None:
        refuse(issued, z_now=0.42, z_needed=1.02, reachable=True)

        page = said(client_of_alice, detail(issued))

        assert "The score gap stands at a z of 0.42; it needs 1.02." in page
        assert "z now 0.42 z needed 1.02" in page
        assert "You need to do nothing: staying is the cheaper answer." in page

    def test_what_no_gap_would_pay_is_said(self, client_of_alice: Client, issued: Recommendation) -> None:
        refuse(issued, z_now=0.42, z_needed=99.0, reachable=False)

        assert "z needed not reachable at these costs" in said(client_of_alice, detail(issued))

    def test_every_number_opens_its_proof(self, client_of_alice: Client, issued: Recommendation) -> None:
        Evidence.objects.update(payload={"day": "2026-03-01"}, sha256="ab" * 32)

        answer = client_of_alice.get(reverse("signals:evidence", args=[issued.pk]))

        assert json.loads(answer.content)["payload"] == {"day": "2026-03-01"}
        assert "SHA-256 abababababababab…" in said(client_of_alice, detail(issued))

    def test_its_queries_are_few(self, client_of_alice: Client, issued: Recommendation) -> None:
        assert queries(client_of_alice, detail(issued)) <= 12


def refuse(found: Recommendation, *, z_now: float, z_needed: float, reachable: bool) -> None:
    """Turn a recommendation into a refusal."""
    found.legs.all().delete()
    need = f"The score gap stands at a z of {z_now:.2f}; it needs {z_needed:.2f}."
    numbers = {"needed_alpha": 0.006, "is_reachable": reachable, "resolved": 0}
    found.explanation = {"headline": "It does not pay.", "need": need, "for": [], "against": [], "numbers": numbers}
    found.state, found.refusal, found.z_now, found.z_needed = "refused", "BELOW_HURDLE", z_now, z_needed
    found.moved_usd = D(0)
    found.save()


class TestStanding:
    def test_the_portfolios_pages_know_the_stage(self, where: Market) -> None:
        found = stage_now(market=where, now=NOW)

        assert found is not None
        assert (found.stage, found.leader, found.base, found.day) == ("NI", "ai", "defi", 1)
        assert found.leader_name == "AI"
        assert found.score_ok == {"ai": True, "defi": True}

    def test_nobody_knows_tomorrows_stage(self, where: Market) -> None:
        assert stage_now(market=where, now=NOW - timedelta(hours=1)) is None

    def test_bands_follow_the_stages(self, where: Market) -> None:
        first = StageDay.objects.get()
        for back, stage in ((1, "SC"), (2, "SC"), (3, "RE")):
            began = first.date - timedelta(days=2 if stage == "SC" else 3)
            StageDay.objects.create(
                market=where, date=first.date - timedelta(days=back), stage=stage, base=first.base, since=began
            )

        bands = stage_bands(market=where, since=first.date - timedelta(days=9))

        assert [(band.name, (band.end - band.start).days) for band in bands] == [
            ("Re-emergence", 1),
            ("Stable consolidation", 2),
            ("Narrative ignition", 1),
        ]

    def test_a_regimes_parts_add_up(self, where: Market) -> None:
        day = where.regime_days.get()
        day.components = [scene.contribution("trend", 9.0, weight=0.2), scene.contribution("funding", 6.0, weight=0.1)]

        card = regime_card(day)

        assert [term.name for term in card.terms] == ["BTC trend", "Funding"]
        assert card.terms[-1].end == 65.0
