"""What an examination says of a rotation: causes that add up, its lag, its deviations, computed again by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import User
from journal.domain.classify import LegKey
from journal.domain.counterfactual import Change, Decision, FuturesFill, Prices, Side, measure
from journal.domain.deviations import Deviation, Matched, compare_legs, reasons
from journal.domain.deviations import Side as Compared
from journal.domain.lag import delay_cost, share_gone
from journal.domain.split import CENT, Cause, Traded, in_cents, split
from journal.models import LegFill, Review
from journal.queries.examine import Examined, examinable, examine
from journal.services.reviews import measure_reviews
from journal.services.rotations import log_rotation
from portfolio.models import Portfolio
from tests.journal.scene import anchor, moment, scenario_a
from tests.portfolio.factories import PRICES, market, price

AT = datetime(2026, 1, 1, tzinfo=UTC)
WIGGLE = [0.01 * (-1) ** n for n in range(60)]
amounts = st.decimals("0.0001", "10000", places=4)


def moved(sold: D, bought: D, *, fee: D = D(0), futures: tuple[FuturesFill, ...] = (), **more: Any) -> Decision:
    """Sell units of A at 10 and buy units of B at 5."""
    return Decision(
        decided_at=AT,
        sold=(Side(asset="A", quantity=sold, price=D(10)),),
        bought=(Side(asset="B", quantity=bought, price=D(5)),),
        cash=sold * 10 - bought * 5 - fee,
        fees=fee,
        futures=futures,
        **more,
    )


class TestSplit:
    def test_each_cause_of_a_rotation_by_hand(self) -> None:
        long = FuturesFill(asset="B", contract="c", quantity=D(100), price=D(5), fee=D("0.5"))
        paid = Change(contract="c", side=1, happened_at=AT, funding=D("-0.01"))
        decision = moved(D(100), D(190), fee=D(2), futures=(long,), changes=(paid,))
        traded = [
            Traded(asset="A", quantity=D(-100), price=D(10), decided=D("10.1")),
            Traded(asset="B", quantity=D(190), price=D(5), decided=D("4.9"), waited_from=D("4.8"), waited_to=D("4.85")),
        ]
        found = split(decision=decision, traded=traded, closes={"A": D(9), "B": D(6)}, moment=AT)
        assert {line.cause.value: line.amount for line in found} == {
            "source_avoided": D(110),
            "target_selection": D(190) * D("1.1"),
            "timing_between_legs": D(190) * D("-0.05"),
            "slippage": D(-10) - D(19) + D("9.5"),
            "fees": D(-2),
            "overlay": D(100),
            "futures_fees": D("-0.5"),
            "funding": D(-1),
        }

    @settings(max_examples=60)
    @given(st.tuples(*[amounts] * 8), st.decimals("0", "50", places=6))
    def test_the_cents_add_up_to_the_measured_outcome(self, drawn: tuple[D, ...], fee: D) -> None:
        sold, bought, a, b, decided, size, entry, waited = drawn
        futures = (FuturesFill(asset="B", contract="c", quantity=size, price=entry, fee=fee),)
        decision = moved(sold, bought, fee=fee, futures=futures)
        at = AT + timedelta(days=30)
        prices = Prices(closes={"A": [(at, a)], "B": [(at, b)]}, delisted_at={})
        measured = measure(decision=decision, horizon_days=30, prices=prices, clock=at)
        traded = [
            Traded(asset="A", quantity=-sold, price=D(10), decided=decided),
            Traded(asset="B", quantity=bought, price=D(5), decided=decided, waited_from=waited, waited_to=decided),
        ]
        found = split(decision=decision, traded=traded, closes={"A": a, "B": b}, moment=at)
        assert measured.total_alpha is not None
        assert sum(line.amount for line in found) == measured.total_alpha.quantize(CENT)
        assert all(line.amount == line.amount.quantize(CENT) for line in found)

    def test_a_cause_is_never_a_cent_further_off_than_its_rounding(self) -> None:
        raw = {cause: D("0.004") for cause in Cause}
        found = in_cents(raw, total=sum(raw.values(), D(0)))
        assert sorted(line.amount for line in found) == [D(0)] * 5 + [CENT] * 3


class TestLag:
    def test_the_worked_example_of_one_asset(self) -> None:
        found = share_gone(signal=100, executed=104, end=130, changes=WIGGLE, is_ratio=False)
        assert found.share == pytest.approx(4 / 30)

    def test_a_ratio_is_compared_in_logs(self) -> None:
        found = share_gone(signal=1, executed=1.1, end=1.21, changes=WIGGLE, is_ratio=True)
        assert found.share == pytest.approx(0.5)

    @pytest.mark.parametrize(("executed", "share"), [(0.5, -1.0), (4.0, 2.0)])
    def test_shares_are_cut_at_both_ends(self, executed: float, share: float) -> None:
        assert share_gone(signal=1, executed=executed, end=1.5, changes=WIGGLE, is_ratio=True).share == share

    def test_a_small_move_has_no_shares_and_says_so(self) -> None:
        limit = math.exp(0.5 * 0.01 * math.sqrt(60 / 59) * math.sqrt(30))
        for end, is_known in ((limit * 1.001, True), (limit * 0.999, False)):
            found = share_gone(signal=1, executed=1.01, end=end, changes=WIGGLE, is_ratio=True)
            assert (found.share is not None, bool(found.reason)) == (is_known, not is_known)

    def test_waiting_costs_what_prices_moved_against_it(self) -> None:
        bought, sold = [("B", D(10), D(6))], [("A", D(5), D(9))]
        assert delay_cost(bought=bought, sold=sold, signal={"A": D(10), "B": D(5)}) == D(15)
        assert delay_cost(bought=bought, sold=sold, signal={"A": D(10)}) is None


def side(sector: str, notional: int, name: str, *, is_futures: bool = False, **more: Any) -> Compared:
    return Compared(key=LegKey(sector, is_futures), notional=D(notional), instrument=name, **more)


class TestDeviations:
    ASKED = (
        side("defi", -2500, "UNI"),
        side("ai", 2500, "FET"),
        side("core", -1000, "BTC-PERP", is_futures=True, is_hedge=True),
    )

    def found(self, *executed: Compared, is_late: bool = False) -> set[str]:
        matched = compare_legs(executed=executed, recommended=self.ASKED)
        return {str(each) for each in reasons(matched=matched, is_late=is_late)}

    def test_each_reason_is_told_apart(self) -> None:
        sold, hedge = self.ASKED[0], self.ASKED[2]
        assert self.found(*self.ASKED) == set()
        assert self.found(*self.ASKED, is_late=True) == {"late"}
        assert self.found(sold, side("ai", 1000, "FET"), hedge) == {"partial"}
        assert self.found(sold, side("ai", 3100, "FET"), hedge) == {"oversized"}
        assert self.found(sold, side("ai", 2500, "RNDR"), hedge) == {"different_token"}
        assert self.found(*self.ASKED[:2]) == {"no_hedge"}
        assert self.found(side("defi", 2500, "UNI"), *self.ASKED[1:]) == {"opposite"}
        bare = replace(hedge, is_opening=True, has_stop=False)
        assert self.found(*self.ASKED[:2], bare) == {"no_stop"}
        assert self.found(*self.ASKED, side("ai", 500, "FET-PERP", is_futures=True)) == {"unasked"}

    def test_the_share_done_of_each_leg(self) -> None:
        [matched] = compare_legs(executed=[side("ai", 1000, "FET")], recommended=self.ASKED[1:2])
        assert isinstance(matched, Matched)
        assert (matched.ratio, matched.deviations) == (D("0.4"), (Deviation.PARTIAL,))


@pytest.mark.django_db
class TestExamine:
    @pytest.fixture
    def book(self, alice: User) -> Portfolio:
        """The anchor portfolio in a market that moves from day 12 to 45."""
        book = anchor(alice)
        for number in range(12, 46):
            price(market(), number, {**PRICES, "FET": f"{2 + number / 100}", "UNI": f"{25 - number / 10}"})
        return book

    def examined(self, alice: User, book: Portfolio, **changes: Any) -> tuple[Examined, dict[int, Review]]:
        made = log_rotation(portfolio=book, draft=scenario_a(**changes), now=moment(11)).rotation
        measure_reviews(now=moment(43))
        found = examinable(user=alice, pk=made.pk)
        assert found is not None
        pairs: list[LegFill] = found.pairs  # type: ignore[attr-defined]
        reviews = {review.horizon_days: review for review in found.reviews.all()}
        return examine(rotation=found, pairs=pairs, clock=moment(43)), reviews

    def test_curve_causes_and_figures_are_those_of_the_reviews(self, alice: User, book: Portfolio) -> None:
        found, reviews = self.examined(alice, book)
        month = reviews[30]
        by_day = {(point.date, point.hold, point.actual, point.overlay) for point in found.curve}
        assert month.priced_at is not None
        day = (month.priced_at - timedelta(days=1)).date()
        assert (day, month.hold_usd, month.actual_usd, month.overlay_usd) in by_day
        assert len(found.curve) == 33
        assert month.total_alpha_usd is not None
        assert sum(line.amount for line in found.lines) == month.total_alpha_usd.quantize(CENT)
        assert found.risk == D(1500) * D("0.3") + D("1.5") + D("1.5") * D("1.7") / 2
        assert found.risk == D("452.775")
        assert month.overlay_usd is not None
        assert found.multiple == month.overlay_usd / found.risk
        assert found.brier == (D("0.6") - 1) ** 2
        assert found.costs is not None
        assert found.costs.costs == month.gross_alpha_usd - month.alpha_usd  # type: ignore[operator]

    def test_without_a_signal_lag_says_why(self, alice: User, book: Portfolio) -> None:
        found, _ = self.examined(alice, book)
        assert (found.gone.share, found.gone.reason, found.delay) == (None, "No signal stood before it.", None)
        assert found.matched == ()
