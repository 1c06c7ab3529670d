"""An administrator adds RWA and DePIN on a page; scores, map, recommendations and the API work for four."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.models import User
from jobs.models import Job
from portfolio.models import Asset, Market, Portfolio, Sector, SectorMembership
from portfolio.services.catalogue import ensure_market
from signals.models import Recommendation, Score
from signals.services.narratives import NarrativeError, add_narrative, set_shares
from signals.services.refresh import refresh
from tests.api.scene import Caller
from tests.pages import said
from tests.signals import scene

pytestmark = pytest.mark.django_db
PAGE = reverse("signals:narratives")
BEGAN = date(2024, 1, 2)
EARLY, TODAY = (datetime(2024, *day, 0, 10, tzinfo=UTC) for day in ((1, 10), (8, 20)))
HELD = {"BTC": "0.3", "USDC": "9000", "UNI": "400", "FET": "1000", "SOL": "20", "DOT": "300", "LINK": "100"}
RWA = ("SOL", "AVAX", "XRP")
DEPIN = ("DOT", "ATOM", "LTC")


@pytest.fixture
def administrator(alice: User) -> User:
    """Alice, who keeps the shared market."""
    alice.is_staff = alice.is_superuser = True
    alice.save()
    return alice


@pytest.fixture
def where() -> Market:
    """A market with a close of a few assets."""
    return scene.market(prices={**scene.PRICES, "LINK": "10", "SOL": "100"})


class TestShares:
    def test_a_day_ends_one_share_and_begins_others(self, where: Market) -> None:
        ai, defi = (Sector.objects.get(slug=slug) for slug in ("ai", "defi"))
        uni = Asset.objects.get(symbol="UNI")

        set_shares(market=where, asset=uni, shares={ai: D("0.25"), defi: D("0.75")}, since=scene.DAY, now=scene.after())

        rows = SectorMembership.objects.filter(market=where, asset=uni).order_by("since_date", "sector__slug")
        assert [(row.sector.slug, row.weight, row.until_date) for row in rows] == [
            ("defi", D(1), scene.DAY),
            ("ai", D("0.25"), None),
            ("defi", D("0.75"), None),
        ]
        assert not Job.objects.exists()

    def test_what_was_computed_already_is_computed_anew(self, where: Market) -> None:
        scene.computed(where)
        link = Asset.objects.get(symbol="LINK")

        set_shares(
            market=where, asset=link, shares={Sector.objects.get(slug="ai"): D(1)}, since=scene.DAY, now=scene.after()
        )

        assert Job.objects.get().args == {"market": where.pk, "since": str(scene.DAY)}

    @pytest.mark.parametrize(
        ("symbol", "share", "since", "words"),
        [
            ("UNI", "0.75", scene.DAY, "Together the shares are at most 1"),
            ("BTC", "0.5", scene.DAY, "never rotates"),
            ("UNI", "0.12345", scene.DAY, "at most four places"),
            ("UNI", "-0.5", scene.DAY, "not negative"),
            ("UNI", "0.5", scene.DAY + timedelta(days=2), "has not come yet"),
            ("UNI", "0.5", date(2013, 1, 1), "Choose a later day"),
        ],
    )
    def test_what_cannot_be_is_refused_with_a_remedy(
        self, where: Market, symbol: str, share: str, since: date, words: str
    ) -> None:
        asset = Asset.objects.get(symbol=symbol)
        shares = {sector: D(share) for sector in Sector.objects.filter(kind=Sector.Kind.NARRATIVE)}
        before = list(SectorMembership.objects.values_list())

        with pytest.raises(NarrativeError, match=words):
            set_shares(market=where, asset=asset, shares=shares, since=since, now=scene.after())
        assert list(SectorMembership.objects.values_list()) == before

    @pytest.mark.parametrize(("name", "defensiveness"), [("AI", "0.5"), ("...", "0.5"), ("RWA", "1.5")])
    def test_a_narrative_needs_a_name_of_its_own(self, where: Market, name: str, defensiveness: str) -> None:
        with pytest.raises(NarrativeError):
            add_narrative(name=name, defensiveness=D(defensiveness))


class TestPage:
    def test_others_read_it_and_change_nothing(self, client_of_bob: Client, where: Market) -> None:
        page = said(client_of_bob, PAGE)

        assert "Only an administrator adds narratives" in page
        assert client_of_bob.post(PAGE, {"name": "RWA", "defensiveness": "0.5", "hue": "rwa"}).status_code == 403
        assert not Sector.objects.filter(slug="rwa").exists()

    def test_a_refusal_stands_on_the_page(self, client_of_alice: Client, where: Market, administrator: User) -> None:
        ai, defi = (Sector.objects.get(slug=slug) for slug in ("ai", "defi"))
        uni = Asset.objects.get(symbol="UNI")
        data = {"asset": uni.pk, "since": str(scene.DAY), f"share_{ai.pk}": "0.6", f"share_{defi.pk}": "0.6"}

        with time_machine.travel(scene.after(), tick=False):
            response = client_of_alice.post(PAGE, data)

        assert response.status_code == 422
        assert "Together the shares are at most 1" in response.content.decode()

    def test_the_past_has_its_members(self, client_of_alice: Client, where: Market, administrator: User) -> None:
        ai, link = Sector.objects.get(slug="ai"), Asset.objects.get(symbol="LINK")
        set_shares(market=where, asset=link, shares={ai: D(1)}, since=scene.DAY, now=scene.after())

        with time_machine.travel(scene.after(), tick=False):
            assert "LINK Chainlink" in said(client_of_alice, PAGE)
            assert "LINK Chainlink" not in said(client_of_alice, f"{PAGE}?as_of={scene.DAY - timedelta(days=1)}")


def entered(client: Client, market: Market) -> None:
    """Enter two narratives as an administrator does, with LINK in both and UNI partly in one of them."""
    for name, hue in (("RWA", "rwa"), ("DePIN", "depin")):
        client.post(PAGE, {"name": name, "defensiveness": "0.5", "hue": hue})
    sectors = {sector.slug: sector for sector in Sector.objects.all()}
    parts = {symbol: {"rwa": "1"} for symbol in RWA} | {symbol: {"depin": "1"} for symbol in DEPIN}
    for symbol, shares in {**parts, "LINK": {"rwa": "0.5", "depin": "0.5"}}.items():
        asset = Asset.objects.get(symbol=symbol)
        fields = {f"share_{sectors[slug].pk}": share for slug, share in shares.items()}
        answer = client.post(f"{PAGE}?market={market.slug}", {"asset": asset.pk, "since": str(BEGAN), **fields})
        assert answer.status_code == 302, answer.content.decode()


@pytest.mark.once
class TestFour:
    def test_everything_works_for_four(self, client_of_alice: Client, administrator: User) -> None:
        market = ensure_market("simulated")
        self.turn(market, EARLY)
        refresh(market=market, now=EARLY)
        with time_machine.travel(EARLY, tick=False):
            entered(client_of_alice, market)
        rebuild = Job.objects.get(task="signals.refresh_market")
        self.turn(market, TODAY)
        refresh(market=market, now=TODAY, rebuild_since=date.fromisoformat(rebuild.args["since"]))
        with time_machine.travel(TODAY, tick=False):
            client_of_alice.force_login(administrator)
            terms = {"opened_at": TODAY - timedelta(minutes=5), "now": TODAY}
            book = scene.portfolio(scene.trader(administrator), market, HELD, **terms)
            refresh(market=market, now=TODAY)

            self.scores_hold(market)
            self.pages_hold(client_of_alice, book)
            self.answers_hold(client_of_alice, administrator, book)

    def turn(self, market: Market, moment: datetime) -> None:
        """Turn the market's clock."""
        market.as_of = moment
        market.save()

    def scores_hold(self, market: Market) -> None:
        """Every narrative is scored, placed on the map, and its parts add up."""
        newest = Score.objects.filter(market=market).latest("date").date
        scores = Score.objects.filter(market=market, date=newest).select_related("sector")
        assert {score.sector.slug for score in scores} == {"defi", "ai", "rwa", "depin"}
        for score in scores:
            assert 50 + sum(part["points"] for part in score.contributions) == pytest.approx(score.value)
            assert score.details["rsr"] is not None
            assert score.details["rsm"] is not None
        assert Score.objects.filter(market=market, date=BEGAN, sector__slug="rwa").exists()

    def pages_hold(self, client: Client, book: Portfolio) -> None:
        """The market page shows all four, an asset in two counts half in each, and nothing counts twice."""
        context = client.get(reverse("signals:market")).context
        assert [card.sector.slug for card in context["cards"]] == ["defi", "ai", "rwa", "depin"]
        assert {row[0] for row in context["map_chart"].table.rows} == {"DeFi", "AI", "RWA", "DePIN"}
        assert len(context["stage"].gates) == 4
        page = said(client, PAGE)
        assert "LINK Chainlink 50% 2 Jan 2024 DePIN" in page
        assert "LINK Chainlink 50% 2 Jan 2024 RWA" in page

    def answers_hold(self, client: Client, person: User, book: Portfolio) -> None:
        """The engine answers, moves into a new narrative when it leads, and the API says the same."""
        answer = Recommendation.objects.filter(portfolio=book).latest("issued_at")
        assert set(answer.evidence.payload["sectors"]) == {"defi", "ai", "rwa", "depin"}
        caller = Caller(person)
        asked = caller.get(f"/portfolios/{book.pk}/what-if/?stage=NI&leader=rwa")
        assert asked.status_code == 200, asked.json()
        bought = {leg["sector"] for leg in asked.json()["what_if"]["legs"] if leg["action"] == "BUY_SPOT"}
        assert bought <= {"rwa"}
        standing: Any = caller.get(f"/portfolios/{book.pk}/").json()
        assert {row["name"] for row in standing["sectors"]} >= {"rwa", "depin"}
        shares = sum(D(row["actual"]) for row in standing["sectors"])
        assert shares <= D(1) + D("0.000001")
        assert len(caller.get("/signals/simulated/sectors/").json()) == 4
