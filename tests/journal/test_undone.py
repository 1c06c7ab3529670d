"""What was not done is followed on paper, and what every input said stays as it was, with what was revised since."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from journal.models import Rotation
from journal.queries.evidence import revisions
from journal.queries.paper import undone
from journal.services.passes import pass_on
from journal.services.rotations import log_rotation
from portfolio.domain.display import usd
from portfolio.models import Portfolio, Sector
from signals.models import Evidence, Reading, Recommendation, RecommendationLeg
from signals.services.market import fingerprint
from tests.journal.scene import DECIDED, anchor, moment, scenario_a
from tests.journal.test_pages import asked
from tests.portfolio.factories import PRICES, market, perp, price, spot

pytestmark = [pytest.mark.django_db, pytest.mark.once]
ISSUED = DECIDED - timedelta(hours=12)
LEGS = (
    ("SELL_SPOT", "defi", "UNI", "100", "25"),
    ("BUY_SPOT", "ai", "FET", "1240", "2"),
    ("OPEN_LONG", "ai", "FET", "500", "2"),
)
PART = {"indicator": "turnover", "points": 6.7, "raw": 2.0, "reason": "", "unit": "z"}
PAYLOAD = {
    "decided_at": ISSUED.isoformat(),
    "stage": {"code": "NI"},
    "regime": {"code": "RISK_ON", "score": 66.0, "contributions": []},
    "sectors": {"ai": {"score": 56.7, "is_hidden": False, "contributions": [PART]}},
}


@pytest.fixture
def book(alice: User) -> Portfolio:
    """The anchor portfolio; FET rises to 3 after the tenth day."""
    found = anchor(alice, days=10)
    for number in range(10, 60):
        price(market(), number, {**PRICES, "FET": "3"})
    return found


@pytest.fixture
def evidence(book: Portfolio) -> Evidence:
    terms = {"computed_at": ISSUED, "payload": PAYLOAD, "sha256": fingerprint(PAYLOAD), "params_version": "1"}
    return Evidence.objects.create(market=book.market, as_of=ISSUED, **terms)


def advise(book: Portfolio, evidence: Evidence, *, state: str = "issued", days: int = 0) -> Recommendation:
    """Issue a recommendation: UNI into FET, and a long on it, for 10 in costs."""
    sectors = {sector.slug: sector for sector in Sector.objects.all()}
    issued = ISSUED + timedelta(days=days)
    terms = {"kind": "stage", "stage": "NI", "stage_since": ISSUED.date(), "regime": "RISK_ON", "policy_version": 1}
    terms |= {"source_sector": sectors["defi"], "destination_sector": sectors["ai"]}
    found = Recommendation.objects.create(
        portfolio=book,
        evidence=evidence,
        slot=issued,
        issued_at=issued,
        expires_at=issued + timedelta(days=2),
        state=state,
        **terms,
    )
    for position, (action, sector, symbol, quantity, at) in enumerate(LEGS, start=1):
        amounts = {"quantity": D(quantity), "reference_price": D(at), "notional_usd": D(quantity) * D(at)}
        instrument = perp(symbol) if action == "OPEN_LONG" else spot(symbol)
        RecommendationLeg.objects.create(
            recommendation=found,
            position=position,
            action=action,
            sector=sectors[sector],
            instrument=instrument,
            fee_usd=D(4),
            slippage_usd=D(1),
            **amounts,
        )
    return found


GAIN = D(1240) * 3 + (2500 - 2480 - 10) - 2500 + D(500) - 5


class TestPaper:
    def test_a_pass_is_followed_at_its_own_prices_and_costs(self, book: Portfolio, evidence: Evidence) -> None:
        pass_on(recommendation=advise(book, evidence), reason="Not today.", now=DECIDED)
        passed, lapsed = undone(portfolio=book, moment=moment(50))
        assert lapsed == []
        assert (passed[0].days, passed[0].measured.total_alpha) == (30, GAIN)

    def test_before_thirty_days_it_says_so_far(self, book: Portfolio, evidence: Evidence) -> None:
        pass_on(recommendation=advise(book, evidence), reason="Not today.", now=DECIDED)
        found = undone(portfolio=book, moment=moment(15))[0][0]
        assert (found.days, found.measured.total_alpha) == (0, GAIN)

    def test_what_lapsed_counts_and_a_refusal_does_not(self, book: Portfolio, evidence: Evidence) -> None:
        advise(book, evidence, state="expired")
        refused = advise(book, evidence, state="refused", days=1)
        Recommendation.objects.filter(pk=refused.pk).update(refusal="BELOW_HURDLE")
        assert [len(each) for each in undone(portfolio=book, moment=moment(50))] == [0, 1]

    def test_the_journal_shows_both(self, client_of_alice: Client, book: Portfolio, evidence: Evidence) -> None:
        advise(book, evidence, state="expired", days=1)
        pass_on(recommendation=advise(book, evidence), reason="I was on the road.", now=DECIDED)
        with time_machine.travel(moment(50), tick=False):
            text = " ".join(client_of_alice.get("/journal/").content.decode().split())
            assert asked(client_of_alice, "/journal/") <= 12
        assert "I was on the road." in text
        assert text.count("After 30 days it would have left you") == 1
        assert text.count("How it would have gone after 30 days is known: guess before you look") == 1

    def test_a_pass_is_scored_at_every_horizon_once_it_was_guessed(
        self, client_of_alice: Client, book: Portfolio, evidence: Evidence
    ) -> None:
        passed = pass_on(recommendation=advise(book, evidence), reason="I was on the road.", now=DECIDED)
        where = f"/journal/passes/{passed.pk}/"
        with time_machine.travel(moment(50), tick=False):
            assert "ahead of having held" not in client_of_alice.get(where).content.decode()
            client_of_alice.post(f"{where}show/")
            text = " ".join(client_of_alice.get(where).content.decode().split())
            assert asked(client_of_alice, where) <= 12
            assert "ahead of having held" in text
            assert text.count(usd(GAIN, is_signed=True)) >= 3
            assert client_of_alice.get("/journal/").content.decode().count("</span> ahead of having held") == 1


class TestEvidence:
    def rotation(self, book: Portfolio) -> Rotation:
        return log_rotation(portfolio=book, draft=scenario_a(), now=moment(11)).rotation

    def reading(self, value: float, *, hours: float, **more: Any) -> None:
        """Give a reading of the day before, known some hours after the evidence was frozen."""
        terms = {"indicator": "tvl", "subject": "defi", "source": "test", **more}
        known = ISSUED + timedelta(hours=hours)
        Reading.objects.create(
            market=market(), observed_at=ISSUED - timedelta(days=1), ingested_at=known, value=value, **terms
        )

    def test_the_copy_is_what_was_hashed(self, client_of_alice: Client, book: Portfolio, evidence: Evidence) -> None:
        rotation = self.rotation(book)
        assert rotation.evidence == PAYLOAD
        assert fingerprint(rotation.evidence) == rotation.evidence_sha256 == evidence.sha256
        text = client_of_alice.get(f"/journal/{rotation.pk}/").content.decode()
        assert "which the copy still has" in text
        assert "No reading of that week was revised" in text
        Rotation.objects.update(evidence={**PAYLOAD, "stage": {"code": "PR"}})
        assert "which this copy no longer has" in client_of_alice.get(f"/journal/{rotation.pk}/").content.decode()

    def test_a_revision_is_told_with_both_values(
        self, client_of_alice: Client, book: Portfolio, evidence: Evidence
    ) -> None:
        self.reading(5.1, hours=-6)
        self.reading(5.2, hours=30)
        self.reading(5.3, hours=60)
        text = client_of_alice.get(f"/journal/{self.rotation(book).pk}/").content.decode()
        assert "Value locked of DeFi" in text
        assert "5.1000" in text
        assert "5.3000" in text

    def test_what_came_late_or_the_same_is_no_revision(self, book: Portfolio) -> None:
        self.reading(5.1, hours=-6)
        self.reading(5.1, hours=30)
        self.reading(1.0, hours=30, subject="ai")
        assert revisions(market=book.market_id, moment=ISSUED) == []

    def test_what_is_restated_much_later_shows_too_but_never_ahead_of_the_clock(self, book: Portfolio) -> None:
        self.reading(5.0, hours=-6)
        self.reading(7.0, hours=24 * 200)
        [found] = revisions(market=book.market_id, moment=ISSUED)
        assert (found.then, found.now) == (5.0, 7.0)
        assert revisions(market=book.market_id, moment=ISSUED, until=ISSUED + timedelta(days=100)) == []


class TestFile:
    def test_it_holds_what_the_filter_lets_through(self, client_of_alice: Client, book: Portfolio) -> None:
        log_rotation(portfolio=book, draft=scenario_a(), now=moment(11))
        for query, count in (("", 2), ("?kind=rotation", 2), ("?kind=overlay", 1)):
            response: Any = client_of_alice.get(f"/journal/rotations.csv{query}")
            assert len(b"".join(response.streaming_content).splitlines()) == count
