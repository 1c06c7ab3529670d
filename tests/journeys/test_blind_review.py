"""Review a decision by keyboard on a telephone: guess, see, learn; then read what it adds up to on a wide screen."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from journal.models import Lesson, Rotation
from journal.services.reviews import measure_reviews
from journal.services.rotations import log_rotation
from tests.journal.scene import anchor, moment, scenario_a
from tests.portfolio.factories import PRICES, price

TELEPHONE, WIDE = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
class TestBlindReview:
    def test_guess_see_learn_and_add_up(self, live_server: object, page: Page, alice: User) -> None:
        base, rotation = str(live_server), decided(alice)
        sign_in(page, base, alice)
        page.set_viewport_size(TELEPHONE)

        page.goto(f"{base}/reviews/")
        expect(page.get_by_role("heading", level=1)).to_have_text("1 decision waits for your guess")
        fits(page)
        page.get_by_role("link", name="Guess what came of DeFi to AI").press("Enter")
        assert "having held" not in page.inner_text("h1")
        page.get_by_label("Better than holding").press("Space")
        page.get_by_label("Because").press_sequentially("FET was only beginning.")
        page.get_by_label("Because").press("Enter")

        expect(page.get_by_text("You expected: better than holding. So it was.")).to_be_visible()
        fits(page)
        page.get_by_label("What you take from it").press_sequentially("I could have taken more.")
        page.get_by_label("Too small to matter").press("Space")
        page.get_by_role("button", name="Keep the lesson").press("Enter")
        expect(page.get_by_text("I could have taken more.")).to_be_visible()
        kept = Lesson.objects.get(rotation=rotation)
        assert (kept.expected_because, kept.mistakes) == ("FET was only beginning.", ["undersized"])

        for size in (TELEPHONE, WIDE):
            page.set_viewport_size(size)
            page.goto(f"{base}/analytics/")
            expect(page.get_by_role("heading", level=1)).to_contain_text("1 of 1")
            expect(page.locator("#chart-reliability svg:visible")).to_have_count(1)
            fits(page)
        page.get_by_role("link", name="1 rotation", exact=True).press("Enter")
        expect(page.get_by_text("you named a mistake: too small to matter")).to_be_visible()


def decided(owner: User) -> Rotation:
    """Log scenario A in a market that stands 35 days later, when FET has risen."""
    book = anchor(owner, days=1)
    price(book.market, 9, PRICES)
    for number in (10, 17, 40, 44):
        price(book.market, number, {**PRICES, "FET": "3"})
    book.market.as_of = moment(45)
    book.market.save()
    found = log_rotation(portfolio=book, draft=scenario_a(), now=timezone.now()).rotation
    measure_reviews(now=timezone.now())
    return found


def sign_in(page: Page, base: str, owner: User) -> None:
    """Give the window a session of the owner's."""
    client = Client()
    client.force_login(owner)
    name = settings.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": base}])


def fits(page: Page) -> None:
    """Nothing scrolls sideways."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
