"""Beside every portfolio: one book that follows the engine at the next price, one that never rotates."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest
import time_machine

from accounts.models import User
from jobs.models import Job
from jobs.services import enqueue
from portfolio.domain.money import exact
from portfolio.models import Asset, Market, Portfolio, Transfer
from portfolio.services.valuation import value_portfolio
from signals.models import Score, Shadow, ShadowDay, ShadowFill, StageDay
from signals.queries.shadows import ShadowCurves, shadow_curves
from signals.services.refresh import refresh
from signals.services.shadows import advance_shadows
from signals.tasks import advance as advance_task
from tests.signals import scene
from tests.signals.scene import DAY, PRICES, after

pytestmark = pytest.mark.django_db
NEXT = DAY + timedelta(days=1)
RISEN = {**PRICES, "UNI": "24", "FET": "2.2"}


@pytest.fixture
def where(db: None) -> Market:
    market = scene.market()
    scene.computed(market)
    scene.close(market, NEXT, RISEN)
    return market


@pytest.fixture
def book(where: Market, alice: User) -> Portfolio:
    return scene.portfolio(scene.trader(alice), where, opened_at=noon(DAY - timedelta(days=2)), now=after(DAY))


def advance(where: Market, day: date = NEXT) -> int:
    """Write the shadows on until a day's close."""
    return advance_shadows(market=where, now=after(day)).days


def rows(portfolio: Portfolio) -> list[tuple[Any, ...]]:
    """Return everything that was written, without ids."""
    days = ShadowDay.objects.filter(portfolio=portfolio).order_by("kind", "date")
    fills = ShadowFill.objects.filter(portfolio=portfolio).order_by("date", "position")
    columns = ("kind", "date", "equity_usd", "flow_usd", "fee_usd", "slippage_usd", "funding_usd", "unpriced_count")
    what = ("date", "position", "action", "instrument_id", "quantity", "price_usd", "fee_usd", "slot")
    return [*days.values_list(*columns), *fills.values_list(*what)]


def of(portfolio: Portfolio, kind: str, day: date) -> ShadowDay:
    """Return one shadow's day."""
    return ShadowDay.objects.get(portfolio=portfolio, kind=kind, date=day)


class TestFollowing:
    """Scenario A at the close after the one that was answered."""

    @pytest.fixture(autouse=True)
    def advanced(self, where: Market, book: Portfolio) -> None:
        advance(where)

    def test_every_leg_is_filled_at_the_first_price_after_issue(self, book: Portfolio) -> None:
        fills = ShadowFill.objects.filter(portfolio=book).order_by("position")

        assert [(f.action, f.instrument.asset.symbol, f.date) for f in fills] == [
            ("SELL_SPOT", "UNI", NEXT), ("BUY_SPOT", "FET", NEXT), ("OPEN_LONG", "FET", NEXT),
        ]  # fmt: skip
        assert {fill.slot for fill in fills} == {scene.slot()}

    def test_costs_are_the_persons_own(self, book: Portfolio) -> None:
        sale, purchase, opened = ShadowFill.objects.filter(portfolio=book).order_by("position")

        slip = D("0.0005")
        assert (sale.quantity, sale.price_usd) == (D(100), D(24) * (1 - slip))
        assert sale.fee_usd == exact(D(100) * sale.price_usd * D("0.001"))
        assert abs(purchase.price_usd - D("2.2") * (1 + slip)) < D("1e-6")
        assert opened.fee_usd == exact(D(1500) * D("2.2") * D("0.0005"))

    def test_buys_share_what_the_sales_brought(self, book: Portfolio) -> None:
        sale, purchase, _ = ShadowFill.objects.filter(portfolio=book).order_by("position")

        brought = sale.quantity * sale.price_usd - sale.fee_usd
        spent = purchase.quantity * purchase.price_usd + purchase.fee_usd
        assert 0 <= brought - spent < D("0.5")

    def test_worth_by_hand(self, book: Portfolio) -> None:
        btc, uni, fet, cash = D("0.3333333") * 50000, D(100) * 24, (D(2500)) * D("2.2"), D("6666.67")
        sale, purchase, opened = ShadowFill.objects.filter(portfolio=book).order_by("position")
        cash += sale.quantity * sale.price_usd - sale.fee_usd
        cash -= purchase.quantity * purchase.price_usd + purchase.fee_usd + opened.fee_usd
        gain = opened.quantity * (D("2.2") - opened.price_usd)

        expected = btc + uni + fet + purchase.quantity * D("2.2") + cash + gain
        assert abs(of(book, "follow", NEXT).equity_usd - expected) < D("0.000001")

    def test_the_change_is_followed_once(self, where: Market, book: Portfolio) -> None:
        scene.computed(where, day=NEXT, since=DAY)
        scene.close(where, NEXT + timedelta(days=1), RISEN)

        advance(where, NEXT + timedelta(days=1))

        assert ShadowFill.objects.filter(portfolio=book, action="OPEN_LONG").count() == 1

    def test_the_person_is_not_touched(self, book: Portfolio) -> None:
        assert not book.fills.exists()
        assert not book.recommendations.exists()


@pytest.mark.once
class TestStaying:
    def test_it_keeps_what_came_in(self, where: Market, book: Portfolio) -> None:
        advance(where)

        held = D("0.3333333") * 50000 + D("6666.67") + D(200) * 24 + D(2500) * D("2.2")
        assert of(book, "stay", NEXT).equity_usd == held
        assert not ShadowFill.objects.filter(portfolio=book, date__lt=NEXT).exists()

    def test_a_withdrawal_takes_its_share_of_everything(self, where: Market, book: Portfolio) -> None:
        gone = {"portfolio": book, "account": book.accounts.get(), "kind": "withdrawal", "quantity": D(1000)}
        usdc = Asset.objects.get(symbol="USDC")
        Transfer.objects.create(**gone, asset=usdc, executed_at=noon(NEXT), recorded_at=noon(NEXT), sequence=99)

        advance(where)

        day, before = of(book, "stay", NEXT), D("0.3333333") * 50000 + D("6666.67") + D(4800) + D(5500)
        assert day.flow_usd == -1000
        assert abs(day.equity_usd - (before - 1000)) < D("0.000001")


def noon(day: date) -> datetime:
    """Return a day's noon."""
    return scene.slot(day) - timedelta(hours=12)


@pytest.mark.once
class TestStops:
    def test_a_close_beyond_the_stop_closes_at_it_and_bars_a_new_long(self, where: Market, book: Portfolio) -> None:
        advance(where)
        for number, price in ((2, "1.6"), (3, "2.4")):
            scene.computed(where, day=DAY + timedelta(days=number - 1), since=DAY)
            scene.close(where, DAY + timedelta(days=number), {**RISEN, "FET": price})

        advance(where, DAY + timedelta(days=3))

        stopped = ShadowFill.objects.get(portfolio=book, action="STOP")
        assert (stopped.price_usd, stopped.quantity, stopped.slot) == (D("1.6"), D(1500), None)
        assert ShadowFill.objects.filter(portfolio=book, action="OPEN_LONG").count() == 1

    def test_a_gap_through_liquidation_loses_the_margin_and_no_more(self, where: Market, book: Portfolio) -> None:
        advance(where)
        scene.close(where, DAY + timedelta(days=2), {**RISEN, "FET": "0.5"})

        advance(where, DAY + timedelta(days=2))

        gone = ShadowFill.objects.get(portfolio=book, action="LIQUIDATION")
        opened = ShadowFill.objects.get(portfolio=book, action="OPEN_LONG")
        assert gone.price_usd == exact(opened.price_usd * D("1.346801347") / 2)
        assert 0 < (opened.price_usd - gone.price_usd) * 1500 < opened.price_usd * 1500 / 3

    def test_an_open_long_pays_the_funding_that_is_known(self, where: Market, book: Portfolio) -> None:
        advance(where)
        scene.computed(where, day=DAY + timedelta(days=2), since=DAY)
        scene.close(where, DAY + timedelta(days=2), RISEN)

        advance(where, DAY + timedelta(days=2))

        paid = of(book, "follow", DAY + timedelta(days=2)).funding_usd
        assert paid == exact(-D(1500) * D("2.2") * D("0.1095") / 365)


class TestRebuilding:
    def test_deleted_rows_come_back_as_they_were(self, where: Market, book: Portfolio) -> None:
        advance(where)
        before = rows(book)
        for model in (ShadowDay, ShadowFill, Shadow):
            model.objects.all().delete()

        advance(where)

        assert len(before) == 11
        assert rows(book) == before

    def test_repeating_adds_nothing(self, where: Market, book: Portfolio) -> None:
        advance(where)
        before = rows(book)

        assert advance(where) == 0
        assert rows(book) == before

    def test_close_by_close_is_as_all_at_once(self, where: Market, book: Portfolio) -> None:
        advance(where, DAY)
        advance(where)
        step_by_step = rows(book)
        Shadow.objects.all().delete()
        ShadowDay.objects.all().delete()
        ShadowFill.objects.all().delete()

        advance(where)

        assert rows(book) == step_by_step

    def test_the_worker_writes_them_as_prices_arrive(self, where: Market, book: Portfolio) -> None:
        job = enqueue(task="signals.advance_shadows", now=after(NEXT))

        with time_machine.travel(after(NEXT), tick=False):
            advance_task(job.pk)

        job.refresh_from_db()
        assert (job.state, job.message) == (Job.State.DONE, "8 days of shadows written")
        assert of(book, "follow", NEXT).fee_usd > 0

    def test_an_earlier_deposit_writes_them_anew(self, where: Market, book: Portfolio) -> None:
        advance(where)
        was = of(book, "stay", NEXT).equity_usd
        came = {"portfolio": book, "account": book.accounts.get(), "kind": "deposit", "quantity": D(1000)}
        usdc = Asset.objects.get(symbol="USDC")
        Transfer.objects.create(
            **came, asset=usdc, cost_usd=D(1000), executed_at=noon(DAY), recorded_at=after(NEXT), sequence=99
        )
        Portfolio.objects.filter(pk=book.pk).update(ledger_version=book.ledger_version + 5)

        advance(where)

        assert of(book, "stay", NEXT).equity_usd == was + 1000

    def test_a_rebuilt_market_forgets_them(self, where: Market, book: Portfolio) -> None:
        advance(where)

        StageDay.objects.all().delete()
        Score.objects.all().delete()
        refresh(market=where, now=after(NEXT), rebuild_since=DAY)

        assert not ShadowDay.objects.filter(portfolio=book).exists()


@pytest.mark.once
class TestCurves:
    @pytest.fixture
    def curves(self, where: Market, book: Portfolio) -> ShadowCurves:
        advance(where)
        value_portfolio(portfolio=book, now=after(NEXT))
        found = shadow_curves(portfolio=book)
        assert found is not None
        return found

    def test_who_did_nothing_is_the_one_that_stays(self, curves: ShadowCurves) -> None:
        assert curves.ahead_of_staying == 0
        assert [p.equity for p in curves.you.points] == [p.equity for p in curves.stay.points]

    def test_the_one_that_follows_paid_its_costs(self, curves: ShadowCurves) -> None:
        assert curves.follow.costs > 0
        assert curves.ahead_of_following is not None
        assert curves.trades == 3

    def test_six_queries(self, curves: ShadowCurves, book: Portfolio, django_assert_max_num_queries: Any) -> None:
        with django_assert_max_num_queries(6):
            shadow_curves(portfolio=book, since=DAY)
