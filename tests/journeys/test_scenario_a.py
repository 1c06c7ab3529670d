"""The playbook's scenario A on real prices: decide on 1 February 2021, log it in the form, look again 30 days later."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import Page, expect

from journal.services.reviews import measure_reviews
from portfolio.models import Market
from signals.services.refresh import refresh
from tests.journeys.raw import Raw, money

DECIDED, CLOSE, LATER = "2021-02-01", "2021-01-31", "2021-03-03"
EMAIL, PASSWORD = "trader@example.org", "a long enough secret 7"
HELD = {
    "BTC": ("0.3", "3000"),
    "ETH": ("5", "2500"),
    "USDC": ("6666.67", ""),
    "UNI": ("283.0249", "2000"),
    "FET": ("50821.27", "3000"),
}
SOLD, PRICE_SOLD = Fraction("141.51"), Fraction("17.6662939")
PRICE_BOUGHT = Fraction("0.098384")
PRICE_SOLD_TEXT = "17.6662939"
RATE = Fraction("0.001")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
class TestScenarioA:
    def test_from_an_empty_account_to_the_review(self, live_server: object, page: Page, history: Path) -> None:
        base, raw = str(live_server), Raw(history / "daily.csv")
        market = load(history)
        sign_up(page, base)
        open_portfolio(page, base)
        see_the_market(page, base, raw, history)
        bought = log_scenario_a(page)
        figures = expected(raw, bought)
        assert money(figures["fees"]) in words(page)
        assert f"+{money(figures['realized'])}" in words(page)
        market.as_of = datetime(2021, 3, 4, 0, 30, tzinfo=UTC)
        market.save()
        measure_reviews(now=timezone.now())
        page.reload()
        expect(page.get_by_role("heading", level=1)).to_contain_text("guess before you look")
        page.get_by_role("button", name="Show it anyway").press("Enter")
        way = "ahead of" if figures["total"] > 0 else "behind"
        expect(page.get_by_role("heading", level=1)).to_contain_text(
            f"After 30 days you are {money(abs(figures['total']))} {way} having held"
        )
        reverse(page, base)


def load(history: Path) -> Market:
    """Load the files as a person would, stand on the day, and let the engine look."""
    files = ["daily.csv", "funding_daily_btc.csv", "fear_greed_daily.csv", "tvl_by_category.csv"]
    call_command("load_history", *[str(history / name) for name in files], market="history", keep_going=True)
    market = Market.objects.get(slug="history")
    market.as_of = datetime(2021, 2, 1, 0, 30, tzinfo=UTC)
    market.save()
    refresh(market=market, now=timezone.now())
    return market


def sign_up(page: Page, base: str) -> None:
    """Begin at the welcome page."""
    page.goto(base)
    page.get_by_role("link", name="Create an account").click()
    page.fill("[name=email]", EMAIL)
    page.fill("[name=password1]", PASSWORD)
    page.fill("[name=password2]", PASSWORD)
    page.get_by_role("button", name="Create it").click()
    page.wait_for_url(f"{base}/")


def open_portfolio(page: Page, base: str) -> None:
    """Open the anchor portfolio in the market of real history."""
    page.goto(f"{base}/portfolio/new/")
    page.fill("[name=name]", "Playbook")
    choose(page, "[name=market]", "Market history")
    choose(page, "[name=reserve_asset]", "USDC")
    for number, (asset, (quantity, cost)) in enumerate(HELD.items()):
        if not page.locator(f"[name$='-{number}-asset']").count():
            page.get_by_role("button", name="Add rows").click()
        choose(page, f"[name$='-{number}-asset']", f"{asset},")
        page.fill(f"[name$='-{number}-quantity']", quantity)
        page.fill(f"[name$='-{number}-cost_usd']", cost)
        if asset in {"BTC", "ETH"}:
            page.check(f"[name$='-{number}-is_core']")
    page.get_by_role("button", name="Open the portfolio").last.click()
    page.wait_for_url(re.compile(r"/portfolio/(\?.*)?$"))


def see_the_market(page: Page, base: str, raw: Raw, history: Path) -> None:
    """Read scores and stage of that day, and two of their inputs as the raw files give them."""
    page.goto(f"{base}/market/")
    text = words(page)
    assert re.search(r"DeFi scores \d+\.\d of 100", text)
    assert re.search(r"AI scores \d+\.\d of 100", text)
    assert "Scored close 1 Feb 2021, 00:00 UTC" in text
    assert f"BTC trend {signed(raw.trend('BTC', CLOSE, 50))}" in text
    assert f"Fear and greed {float(raw.fear(history, CLOSE)):.1f}" in text
    assert "Simulated market" not in text


def log_scenario_a(page: Page) -> Fraction:
    """Sell half of DeFi, buy AI with all it brings, open a 3x long on 1,000 of the reserve; return what was bought."""
    proceeds = SOLD * PRICE_SOLD * (1 - RATE)
    bought = Fraction(int(proceeds / (1 + RATE) / PRICE_BOUGHT))
    page.get_by_role("link", name="New rotation").first.click()
    page.get_by_role("button", name="Add a leg").click()
    expect(page.locator("[name$='-2-action']")).to_be_visible()
    leg(page, 0, "Sell", "UNI", str(float(SOLD)), PRICE_SOLD_TEXT, fee(SOLD * PRICE_SOLD, RATE))
    leg(page, 1, "Buy", "FET", str(int(bought)), "0.098384", fee(bought * PRICE_BOUGHT, RATE))
    leg(page, 2, "Open long", "FET-PERP", "30492", "0.098384", "1.5")
    page.fill("[name$='-2-leverage']", "3")
    page.fill("[name$='-2-stop_price']", "0.0836")
    page.fill("[name=thesis]", "AI is accelerating on the news; I keep half of DeFi.")
    page.get_by_label("60%").check()
    expect(page.locator("#preview")).to_contain_text("Core stays untouched")
    page.get_by_role("button", name="Log this rotation").click()
    page.wait_for_url(re.compile(r"/journal/\d+/"))
    return bought


def leg(page: Page, number: int, action: str, instrument: str, quantity: str, price: str, charged: str) -> None:
    """Fill in one row of the ticket."""
    choose(page, f"[name$='-{number}-action']", action)
    choose(page, f"[name$='-{number}-instrument']", instrument)
    page.fill(f"[name$='-{number}-quantity']", quantity)
    page.fill(f"[name$='-{number}-price']", price)
    page.fill(f"[name$='-{number}-fee_amount']", charged)


def signed(value: float) -> str:
    """Write a number with its sign, to two places."""
    return f"{value:+.2f}".replace("-", "−")


def choose(page: Page, control: str, beginning: str) -> None:
    """Choose the option whose words begin so; the shortest, where several do."""
    page.locator(control).wait_for()
    options = {text.strip(): number for number, text in enumerate(page.locator(f"{control} option").all_inner_texts())}
    found = min((text for text in options if text.startswith(beginning)), key=len)
    page.locator(control).select_option(index=options[found])


def fee(value: Fraction, rate: Fraction) -> str:
    """Return a fee to 6 places, as a venue charges it."""
    return f"{float(round(value * rate, 6)):.6f}"


def expected(raw: Raw, bought: Fraction) -> dict[str, Fraction]:
    """Work the review out from the raw file: fees, FIFO gain, hold against actual at 30 days, and the overlay."""
    fees = [Fraction(fee(SOLD * PRICE_SOLD, RATE)), Fraction(fee(bought * PRICE_BOUGHT, RATE)), Fraction("1.5")]
    usdc = raw.close("USDC", CLOSE)
    proceeds = (SOLD * PRICE_SOLD - fees[0]) * usdc
    cost = Fraction(2000) * SOLD / Fraction(HELD["UNI"][0])
    spent = (bought * PRICE_BOUGHT + fees[1]) * usdc
    hold = SOLD * raw.close("UNI", LATER)
    actual = bought * raw.close("FET", LATER) + proceeds - spent
    overlay = 30492 * (raw.close("FET", LATER) - PRICE_BOUGHT * usdc) - fees[2] * usdc
    return {"fees": sum(fees) * usdc, "realized": proceeds - cost, "total": actual - hold + overlay}


def reverse(page: Page, base: str) -> None:
    """Reverse it: both stay visible."""
    page.get_by_text("Reverse this rotation").first.click()
    page.fill("[name=reason]", "It was a rehearsal.")
    page.get_by_role("button", name=re.compile("Reverse")).last.click()
    page.wait_for_load_state("networkidle")
    assert "It was a rehearsal." in words(page)


def words(page: Page) -> str:
    """Return what the page says."""
    return re.sub(r"\s+", " ", page.inner_text("main"))
