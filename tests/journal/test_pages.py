"""The journal's pages: whose they are, what they say and refuse, and how much they ask of the database."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from journal.models import Leg, Pass, Review, Rotation
from portfolio.models import Fill, Holding, Market, Portfolio, Quote
from portfolio.models import Sector as SectorRow
from signals.models import Evidence, Recommendation, RecommendationLeg
from tests.portfolio import factories
from tests.portfolio.factories import NOW, asset, perp, spot

pytestmark = [pytest.mark.django_db, pytest.mark.once]
NEW = "/journal/new/"
HUGE = "1" + "0" * 19


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    """Stand still an instant after the market's newest prices."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def market() -> Market:
    """A market that is priced now."""
    where = factories.market()
    factories.price(where, -1)
    Quote.objects.bulk_create(
        Quote(market=where, asset=asset(symbol), quoted_at=NOW, price_usd=D(price), source="test")
        for symbol, price in factories.PRICES.items()
    )
    return where


@pytest.fixture
def book(alice: User, market: Market) -> Portfolio:
    """Core, reserve and pool: 1 BTC, 20,000 USDC, 200 UNI, 2,500 FET."""
    holdings = {"BTC": ("1", "30000"), "USDC": ("20000", "20000"), "UNI": ("200", "4000"), "FET": ("2500", "4000")}
    return factories.portfolio(alice, holdings)


@pytest.fixture
def recommendation(book: Portfolio) -> Recommendation:
    """Move 2,500 from DeFi to AI, open for a day."""
    evidence = Evidence.objects.create(
        market=book.market, as_of=NOW, computed_at=NOW, payload={}, sha256="0" * 64, params_version="1"
    )
    defi, ai = SectorRow.objects.get(slug="defi"), SectorRow.objects.get(slug="ai")
    found = Recommendation.objects.create(
        portfolio=book,
        evidence=evidence,
        slot=NOW,
        state=Recommendation.State.ISSUED,
        kind=Recommendation.Kind.STAGE,
        stage="NI",
        stage_since=NOW.date(),
        regime="RISK_ON",
        source_sector=defi,
        destination_sector=ai,
        moved_usd=D(2500),
        cost_usd=D(5),
        policy_version=1,
        explanation={"headline": "AI is igniting: move $2,500 from DeFi to AI.", "for": ["Turnover adds 3 points."]},
        issued_at=NOW - timedelta(hours=2),
        expires_at=NOW + timedelta(days=1),
    )
    for position, (action, sector, instrument, quantity, price) in enumerate(
        (("SELL_SPOT", defi, spot("UNI"), "100", "25"), ("BUY_SPOT", ai, spot("FET"), "1247", "2")), start=1
    ):
        RecommendationLeg.objects.create(
            recommendation=found,
            position=position,
            action=action,
            sector=sector,
            instrument=instrument,
            quantity=D(quantity),
            reference_price=D(price),
            notional_usd=D(quantity) * D(price),
            fee_usd=D("2.5"),
            slippage_usd=D(0),
        )
    return found


def ticket(*legs: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Fill in a ticket: half of DeFi into AI, unless said otherwise."""
    stated = legs or (leg("SELL_SPOT", spot("UNI"), "100", "25"), leg("BUY_SPOT", spot("FET"), "1246.2", "2"))
    data: dict[str, Any] = {
        "client_key": str(uuid.uuid4()),
        "executed_at": f"{NOW - timedelta(hours=1):%Y-%m-%dT%H:%M}",
        "thesis": "AI leads.",
        "conviction": "0.6",
        "legs-TOTAL_FORMS": len(stated),
        "legs-INITIAL_FORMS": 0,
        **more,
    }
    for number, each in enumerate(stated):
        data.update({f"legs-{number}-{name}": value for name, value in each.items()})
    return data


def leg(action: str, instrument: Any, quantity: str, price: str, **more: str) -> dict[str, Any]:
    return {"action": action, "instrument": instrument.pk, "quantity": quantity, "price": price, **more}


def rotations(portfolio: Portfolio, count: int) -> None:
    """Write many rotations at once, each with a review."""
    sectors = {sector.slug: sector for sector in SectorRow.objects.all()}
    rows = Rotation.objects.bulk_create(
        Rotation(
            portfolio=portfolio,
            kind=Rotation.Kind.ROTATION,
            adherence=Rotation.Adherence.SPONTANEOUS,
            source_sector=sectors["defi"],
            destination_sector=sectors["ai"],
            thesis=f"Rotation {number}.",
            executed_at=NOW - timedelta(hours=number + 1),
            recorded_at=NOW,
            moved_usd=D(2500),
            fees_usd=D("2.5"),
            spot_pnl_usd=D(10),
            futures_pnl_usd=D(-1),
        )
        for number in range(count)
    )
    Review.objects.bulk_create(
        Review(rotation=row, horizon_days=30, status="ok", priced_at=NOW, total_alpha_usd=D("466.38"), computed_at=NOW)
        for row in rows
    )


def asked(client: Client, path: str) -> int:
    """Return how many queries a page asks, after it was shown once."""
    client.get(path)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    return len(queries)


def field_errors(html: str) -> list[str]:
    """Return the ids of the fields that are marked as wrong."""
    return sorted(set(re.findall(r'<(?:input|select|textarea)[^>]*name="([^"]+)"[^>]*aria-invalid="true"', html)))


class TestStrangers:
    def test_another_persons_pages_are_not_found(
        self, client_of_alice: Client, client_of_bob: Client, recommendation: Recommendation
    ) -> None:
        client_of_alice.post(NEW, ticket())
        rotation = Rotation.objects.get()
        paths = [
            f"/journal/{rotation.pk}/",
            f"/journal/pass/{recommendation.pk}/",
            f"/journal/new/?portfolio={rotation.portfolio_id}",
            f"/journal/?portfolio={rotation.portfolio_id}",
            f"/journal/rotations.csv?portfolio={rotation.portfolio_id}",
            f"/?portfolio={rotation.portfolio_id}",
        ]
        assert [client_of_bob.get(path).status_code for path in paths] == [404] * len(paths)
        assert [client_of_alice.get(path).status_code for path in paths] == [200] * len(paths)

    def test_a_stranger_with_a_portfolio_cannot_reach_in(
        self, client_of_alice: Client, client_of_bob: Client, bob: User, recommendation: Recommendation
    ) -> None:
        factories.portfolio(bob, {"USDC": ("100", "100")})
        client_of_alice.post(NEW, ticket())
        rotation = Rotation.objects.get()
        assert client_of_bob.get(f"{NEW}?rotation={rotation.pk}").status_code == 404
        assert client_of_bob.get(f"{NEW}?recommendation={recommendation.pk}").status_code == 404
        assert client_of_bob.post(f"/journal/{rotation.pk}/reverse/", {"reason": "x"}).status_code == 404
        assert client_of_bob.post(f"/journal/pass/{recommendation.pk}/", {"reason": "x"}).status_code == 404
        assert client_of_bob.post(f"{NEW}?portfolio={rotation.portfolio_id}", ticket()).status_code == 404
        assert Rotation.objects.get().state == Rotation.State.LOGGED
        assert not Pass.objects.exists()

    def test_nobody_signs_in_first(self, client: Client, book: Portfolio) -> None:
        for path in ("/journal/", NEW, "/journal/rotations.csv", "/journal/1/"):
            assert client.get(path).headers["Location"].startswith("/accounts/login/")


class TestToday:
    def test_without_a_portfolio_there_is_one_action(self, client_of_alice: Client) -> None:
        text = client_of_alice.get("/").content.decode()
        assert text.count('class="button primary"') == 1
        assert "/portfolio/new/" in text

    def test_the_heading_is_the_answer(self, client_of_alice: Client, recommendation: Recommendation) -> None:
        text = client_of_alice.get("/").content.decode()
        assert "One thing to decide today" in text
        assert f"/journal/new/?recommendation={recommendation.pk}" in text
        assert "Not now, because" in text

    def test_a_refusal_is_the_answer_too(self, client_of_alice: Client, recommendation: Recommendation) -> None:
        Recommendation.objects.update(
            state="refused", refusal="STALE", explanation={"headline": "No recommendation: funding is 9 hours old."}
        )
        assert "<h1>No recommendation: funding is 9 hours old.</h1>" in client_of_alice.get("/").content.decode()

    def test_the_navigation_counts_what_waits(self, client_of_alice: Client, recommendation: Recommendation) -> None:
        rotations(recommendation.portfolio, 3)
        text = re.sub(r"<[^>]+>", " ", client_of_alice.get("/").content.decode())
        assert re.search(r"Recommendations\s+1\s", text)
        assert re.search(r"Journal\s+3\s", text)


class TestTicket:
    def test_logs_and_leads_to_the_rotation(self, client_of_alice: Client, book: Portfolio) -> None:
        response = client_of_alice.post(NEW, ticket(tags="early, turnover"))
        rotation = Rotation.objects.get()
        assert response.headers["Location"] == f"/journal/{rotation.pk}/"
        assert (rotation.conviction, rotation.tags, rotation.thesis) == (0.6, ["early", "turnover"], "AI leads.")
        assert rotation.fees_usd == D("2.5") + D("2.4924")
        assert Fill.objects.count() == 2

    def test_a_double_submit_makes_one_rotation(self, client_of_alice: Client, book: Portfolio) -> None:
        data = ticket()
        first, second = client_of_alice.post(NEW, data), client_of_alice.post(NEW, data)
        assert first.headers["Location"] == second.headers["Location"]
        assert (Rotation.objects.count(), Fill.objects.count()) == (1, 2)

    def test_a_recommendation_fills_it_in_and_is_closed_by_it(
        self, client_of_alice: Client, recommendation: Recommendation
    ) -> None:
        page = client_of_alice.get(f"{NEW}?recommendation={recommendation.pk}").content.decode()
        assert 'value="1247"' in page
        legs = (leg("SELL_SPOT", spot("UNI"), "100", "25"), leg("BUY_SPOT", spot("FET"), "1247", "2"))
        client_of_alice.post(NEW, ticket(*legs, recommendation=recommendation.pk))
        recommendation.refresh_from_db()
        assert recommendation.state == Recommendation.State.FOLLOWED
        assert Rotation.objects.get().adherence == Rotation.Adherence.FOLLOWED

    @pytest.mark.parametrize("name", ["A", "B"])
    def test_a_scenario_of_the_playbook_can_be_logged_as_it_is(
        self, client_of_alice: Client, book: Portfolio, name: str
    ) -> None:
        page = client_of_alice.get(f"{NEW}?template={name}").content.decode()
        inputs = dict(re.findall(r'name="(legs-[^"]+)"[^>]*?value="([^"]*)"', page))
        selects = re.findall(r'<select name="(legs-[^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL)
        chosen = {key: re.search(r'value="([^"]*)" selected', options) for key, options in selects}
        data = ticket() | inputs | {key: found[1] for key, found in chosen.items() if found}
        if name == "A":
            assert client_of_alice.post(NEW, data).status_code == 302
            assert Leg.objects.filter(action="OPEN_LONG").exists()
        assert "Prices as of" in page

    def test_an_earlier_rotation_can_be_copied(self, client_of_alice: Client, book: Portfolio) -> None:
        client_of_alice.post(NEW, ticket(tags="early"))
        page = client_of_alice.get(f"{NEW}?rotation={Rotation.objects.get().pk}").content.decode()
        assert 'value="1246.2"' in page
        assert 'value="early"' in page

    def test_a_leg_can_be_added_and_removed_without_a_script(self, client_of_alice: Client, book: Portfolio) -> None:
        more = client_of_alice.post(NEW, ticket(add="1")).content.decode()
        less = client_of_alice.post(NEW, ticket(remove="0")).content.decode()
        assert (more.count('class="leg"'), less.count('class="leg"')) == (3, 1)
        assert "AI leads." in more
        assert 'value="1246.2"' in less
        assert not Rotation.objects.exists()

    def test_missing_prices_are_filled_in(self, client_of_alice: Client, book: Portfolio) -> None:
        page = client_of_alice.post(NEW, ticket(leg("SELL_SPOT", spot("UNI"), "100", ""), again="1")).content.decode()
        assert 'name="legs-0-price" value="25"' in page
        assert "Prices as of" in page

    def test_the_preview_needs_no_reason_yet(self, client_of_alice: Client, book: Portfolio) -> None:
        long = leg("OPEN_LONG", perp("FET"), "1500", "2", leverage="3", stop_price="1.70", fee_amount="1.5")
        text = client_of_alice.post("/journal/preview/", ticket(long, thesis="")).content.decode()
        assert "<html" not in text
        assert "$452.78" in text
        assert "Core stays untouched." in text

    def test_selling_core_asks_for_a_reason_and_takes_one(self, client_of_alice: Client, book: Portfolio) -> None:
        sale = leg("SELL_SPOT", spot("BTC"), "0.1", "50000")
        refused = client_of_alice.post(NEW, ticket(sale))
        assert refused.status_code == 422
        assert 'data-needs="core"' in refused.content.decode()
        assert client_of_alice.post(NEW, ticket(sale, core_override_reason="I need it.")).status_code == 302
        assert Leg.objects.get().is_core_violation


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("oversell", {"legs-0-quantity": "201"}, "legs-0-quantity"),
    ("overspend", {"legs-1-quantity": "99999"}, "legs-1-quantity"),
    ("future", {"executed_at": "2027-01-01T00:00"}, "executed_at"),
    ("before anything", {"executed_at": "2008-01-01T00:00"}, "executed_at"),
    ("no date", {"executed_at": "yesterday"}, "executed_at"),
    ("not a number", {"legs-0-quantity": "NaN"}, "legs-0-quantity"),
    ("infinite", {"legs-0-price": "Infinity"}, "legs-0-price"),
    ("negative", {"legs-0-quantity": "-1"}, "legs-0-quantity"),
    ("zero", {"legs-0-price": "0"}, "legs-0-price"),
    ("exponent", {"legs-0-quantity": "1e1000000"}, "legs-0-quantity"),
    ("negative fee", {"legs-0-fee_amount": "-1"}, "legs-0-fee_amount"),
    ("nothing said", {"thesis": "  "}, "thesis"),
    ("certain", {"own_conviction": "100"}, "own_conviction"),
    ("no price", {"legs-0-price": ""}, "legs-0-price"),
    ("no such instrument", {"legs-0-instrument": "999999"}, "legs-0-instrument"),
]


class TestRefusals:
    @pytest.mark.parametrize(("change", "field"), [(c, f) for _, c, f in REFUSED], ids=[name for name, _, _ in REFUSED])
    def test_nothing_is_kept_and_the_field_is_named(
        self, client_of_alice: Client, book: Portfolio, change: dict[str, Any], field: str
    ) -> None:
        before = list(Holding.objects.order_by("pk").values_list("pk", "quantity"))
        response = client_of_alice.post(NEW, ticket() | change)
        assert response.status_code == 422
        assert field_errors(response.content.decode()) == [field]
        assert not Rotation.objects.exists()
        assert not Fill.objects.exists()
        assert list(Holding.objects.order_by("pk").values_list("pk", "quantity")) == before

    def test_core_names_its_field(self, client_of_alice: Client, book: Portfolio) -> None:
        response = client_of_alice.post(NEW, ticket(leg("SELL_SPOT", spot("BTC"), "0.1", "50000")))
        assert field_errors(response.content.decode()) == ["core_override_reason"]
        assert not Fill.objects.exists()

    def test_a_long_without_a_stop_names_it(self, client_of_alice: Client, book: Portfolio) -> None:
        response = client_of_alice.post(NEW, ticket(leg("OPEN_LONG", perp("FET"), "1500", "2", leverage="3")))
        assert response.status_code == 422
        assert field_errors(response.content.decode()) == ["legs-0-stop_price"]
        assert not Rotation.objects.exists()

    def test_a_ticket_without_legs_says_so(self, client_of_alice: Client, book: Portfolio) -> None:
        response = client_of_alice.post(NEW, ticket(leg("", type("None", (), {"pk": ""}), "", "")))
        assert response.status_code == 422
        assert "at least one leg" in response.content.decode()

    @pytest.mark.parametrize("path", [NEW, "/journal/preview/"])
    def test_numbers_too_large_to_multiply_are_said(self, client_of_alice: Client, book: Portfolio, path: str) -> None:
        response = client_of_alice.post(path, ticket(leg("BUY_SPOT", spot("FET"), HUGE, HUGE)))
        assert response.status_code in (200, 422)
        assert not Fill.objects.exists()

    @pytest.mark.parametrize("total", ["", "-1", "NaN", "99999999999999999999"])
    def test_a_forged_management_form_breaks_nothing(
        self, client_of_alice: Client, book: Portfolio, total: str
    ) -> None:
        forged = ticket() | {"legs-TOTAL_FORMS": total}
        assert client_of_alice.post(NEW, forged).status_code == 422
        assert client_of_alice.post(NEW, forged | {"add": "1"}).status_code == 200
        assert client_of_alice.post("/journal/preview/", forged).status_code == 200


class TestRotation:
    def test_the_heading_is_the_conclusion(self, client_of_alice: Client, book: Portfolio) -> None:
        rotations(book, 1)
        where = f"/journal/{Rotation.objects.get().pk}/"
        client_of_alice.post(f"{where}show/")
        text = client_of_alice.get(where).content.decode()
        heading = re.sub(r"<[^>]+>", "", re.search(r"<h1>(.*?)</h1>", text, re.DOTALL)[1])  # type: ignore[index]
        assert heading == "After 30 days you are $466.38 ahead of having held"

    def test_a_young_one_says_when(self, client_of_alice: Client, book: Portfolio) -> None:
        client_of_alice.post(NEW, ticket())
        text = client_of_alice.get(f"/journal/{Rotation.objects.get().pk}/").content.decode()
        assert "Too early to say: the first comparison comes on 21 Nov 2026" in text
        assert "Not yet; known on 21 Dec 2026." in text

    def test_reversing_keeps_both_visible(self, client_of_alice: Client, book: Portfolio) -> None:
        client_of_alice.post(NEW, ticket())
        path = f"/journal/{Rotation.objects.get().pk}/"
        assert client_of_alice.post(f"{path}reverse/", {"reason": ""}).status_code == 422
        assert client_of_alice.post(f"{path}reverse/", {"reason": "Wrong price."}).headers["Location"] == path
        assert "You reversed this rotation" in client_of_alice.get(path).content.decode()
        listed = client_of_alice.get("/journal/").content.decode()
        assert "1 reversed and not counted" in listed
        assert Holding.objects.get(asset__symbol="UNI").quantity == 200

    def test_what_was_sold_on_cannot_be_reversed(self, client_of_alice: Client, book: Portfolio) -> None:
        client_of_alice.post(NEW, ticket())
        path = f"/journal/{Rotation.objects.get().pk}/"
        client_of_alice.post(NEW, ticket(leg("SELL_SPOT", spot("FET"), "3746", "2")))
        assert client_of_alice.post(f"{path}reverse/", {"reason": "Wrong."}).status_code == 422
        assert "You hold" in client_of_alice.post(f"{path}reverse/", {"reason": "Wrong."}).content.decode()
        assert not Rotation.objects.filter(state="reversed").exists()


class TestPass:
    def test_keeps_the_reason(self, client_of_alice: Client, recommendation: Recommendation) -> None:
        path = f"/journal/pass/{recommendation.pk}/"
        assert client_of_alice.post(path, {"reason": " "}).status_code == 422
        assert client_of_alice.post(path, {"reason": "I travel."}).status_code == 302
        assert Pass.objects.get().reason == "I travel."
        assert "no longer open" in client_of_alice.get(path).content.decode()
        assert "I travel." in client_of_alice.get("/journal/").content.decode() or not Rotation.objects.exists()


class TestList:
    def test_adds_up_what_stands_over_the_whole_filter(self, client_of_alice: Client, book: Portfolio) -> None:
        rotations(book, 60)
        Rotation.objects.filter(thesis="Rotation 0.").update(state="reversed", reversed_at=NOW)
        page = client_of_alice.get("/journal/").content.decode()
        assert "59 rotations, $147.50 in fees" in page
        assert "59 standing, 1 reversed and not counted" in page
        assert "+$590.00" in page
        assert "−$59.00" in page
        assert page.count('href="/journal/') - page.count('href="/journal/new') >= 50

    def test_pages_go_on_where_they_ended(self, client_of_alice: Client, book: Portfolio) -> None:
        rotations(book, 60)
        first = client_of_alice.get("/journal/").content.decode()
        older = re.search(r'rel="next" href="([^"]+)"', first)
        assert older is not None
        second = client_of_alice.get(f"/journal/{older[1].replace('&amp;', '&')}").content.decode()
        found = [set(re.findall(r'href="/journal/(\d+)/"', text)) for text in (first, second)]
        assert (len(found[0]), len(found[1]), found[0] & found[1]) == (50, 10, set())

    def test_a_filter_that_lets_nothing_through_says_so(self, client_of_alice: Client, book: Portfolio) -> None:
        rotations(book, 1)
        assert "No rotation passes this filter." in client_of_alice.get("/journal/?kind=overlay").content.decode()
        assert client_of_alice.get("/journal/?kind='--&sector=nowhere&before=x").status_code == 200

    def test_the_file_holds_everything_and_no_formula(self, client_of_alice: Client, book: Portfolio) -> None:
        rotations(book, 3)
        Rotation.objects.filter(thesis="Rotation 1.").update(thesis='=HYPERLINK("x")')
        lines = b"".join(client_of_alice.get("/journal/rotations.csv").streaming_content).decode().splitlines()  # type: ignore[attr-defined]
        assert len(lines) == 4
        assert "'=HYPERLINK" in lines[2]


class TestQueries:
    @pytest.mark.parametrize(("path", "most"), [("/journal/", 12), ("/", 45), (NEW, 32)])
    def test_are_as_many_for_ten_as_for_a_thousand(
        self, client_of_alice: Client, book: Portfolio, path: str, most: int
    ) -> None:
        rotations(book, 10)
        few = asked(client_of_alice, path)
        rotations(book, 990)
        assert asked(client_of_alice, path) == few
        assert few <= most

    def test_a_rotation_is_shown_in_twelve(self, client_of_alice: Client, book: Portfolio) -> None:
        client_of_alice.post(NEW, ticket())
        assert asked(client_of_alice, f"/journal/{Rotation.objects.get().pk}/") <= 12
