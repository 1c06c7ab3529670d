"""Hold the orders to scenario A on the anchor portfolio, and to what no order may do (E03, E41; DOMAIN 3.4, F54)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.domain.baskets import Member, default_basket, overlay_asset, ranked
from signals.domain.batch import StageCode
from signals.domain.engine import decide
from signals.domain.legs import expand, slippage_rate, spot_stop
from signals.domain.shelf import (
    Action,
    CoreAsset,
    Held,
    Leg,
    Listing,
    OpenPosition,
    Purpose,
    Reason,
    Shelf,
    Task,
    exactly,
    listed,
)
from tests.signals.domain.books import AI, DEFI, market, scenario

D = Decimal
NAN = float("nan")


def listing(number: int, price: str, **values: Any) -> Listing:
    """Build a listing with a flat slippage of 5 bp."""
    fields = {
        "instrument_id": number,
        "asset_id": number % 100,
        "price": D(price),
        "step": D("0.1"),
        "min_notional": D(10),
        "adv": 5e6,
        "half_spread": 0.0005,
        "sigma_daily": 0.0,
        "atr_rate": NAN,
        "maintenance_rate": D("0.01"),
        **values,
    }
    return listed(**fields)


UNI, FET, BTC, ETH = 1, 2, 3, 4
SPOT = {UNI: listing(UNI, "25"), FET: listing(FET, "2")}
PERP = {
    UNI: listing(100 + UNI, "25"),
    FET: listing(100 + FET, "2"),
    BTC: listing(100 + BTC, "50000", step=D("0.001")),
    ETH: listing(100 + ETH, "2500", step=D("0.01")),
}
SHELF = Shelf(SPOT, PERP, [((UNI, D(1)),), ((FET, D(1)),)], [UNI, FET])


def task(**values: Any) -> Task:
    """Build a task in which nothing is asked for."""
    fields: dict[str, Any] = {
        "sells": [0.0, 0.0],
        "buys": [0.0, 0.0],
        "overlay_change": [0.0, 0.0],
        "overlay": [0.0, 0.0],
        "margin_change": 0.0,
        "hedge_change": 0.0,
        "hedge": 0.0,
        "stage": int(StageCode.NI),
        "leverage": D(3),
        "stop": 0.15,
        "stop_rate": D("0.15"),
        "spot_fee": D("0.001"),
        "futures_fee": D("0.0005"),
        "min_notional": D(10),
        "is_carved": False,
        "reason": Reason.STAGE,
        "cut_reason": Reason.STAGE,
        "trim": Action.REDUCE_LONG,
        "held": [],
        "longs": [],
        "shorts": [],
        "core": [],
        **values,
    }
    return Task(**fields)


def held(column: int, quantity: str, item: Listing) -> Held:
    """Hold a quantity at its price."""
    return Held(column, D(quantity), D(quantity) * item.price, item)


class TestScenarioA:
    """E41, from the engine's float64 decision to exact orders."""

    @pytest.fixture
    def legs(self) -> list[Leg]:
        decision = decide(scenario(), market())
        return expand(
            task(
                sells=decision.sell[0].tolist(),
                buys=decision.buy[0].tolist(),
                overlay_change=decision.overlay_change[0].tolist(),
                overlay=decision.overlay[0].tolist(),
                stop=float(decision.stop[0]),
                held=[held(DEFI, "200", SPOT[UNI]), held(AI, "2500", SPOT[FET])],
            ),
            shelf=SHELF,
        )

    def test_order(self, legs: list[Leg]) -> None:
        assert [leg.action for leg in legs] == [Action.SELL_SPOT, Action.BUY_SPOT, Action.OPEN_LONG]
        assert [leg.position for leg in legs] == [1, 2, 3]
        assert [leg.depends_on for leg in legs] == [None, 1, None]

    def test_sale(self, legs: list[Leg]) -> None:
        leg = legs[0]

        assert (leg.quantity, leg.notional) == (D(100), D(2500))
        assert leg.fee + leg.slippage == D("3.75")
        assert leg.notional - leg.fee - leg.slippage == D("2496.25")
        assert (leg.low, leg.high) == (D("24.875"), D("25.125"))

    def test_buy_spends_the_proceeds_and_rounds_down(self, legs: list[Leg]) -> None:
        leg = legs[1]

        assert leg.quantity == D("1246.2")
        assert leg.fee + leg.slippage == D("3.744375")
        assert leg.notional == D("2492.4")
        assert D("2492.505625") - leg.notional == D("0.105625")
        assert leg.stop == D("1.7")

    def test_overlay(self, legs: list[Leg]) -> None:
        leg = legs[2]

        assert (leg.quantity, leg.notional, leg.margin, leg.leverage) == (D(1500), D(3000), D(1000), D(3))
        assert (leg.fee, leg.slippage, leg.stop, leg.risk) == (D("1.5"), D(0), D("1.7"), D("452.775"))
        assert leg.liquidation is not None
        assert round(leg.liquidation, 8) == D("1.34680135")
        assert leg.purpose == Purpose.AMPLIFY

    def test_one_way_cost(self, legs: list[Leg]) -> None:
        assert sum(leg.fee + leg.slippage for leg in legs) == D("8.994375")
        assert D("6666.67") - legs[2].margin - legs[2].fee == D("5665.17")


class TestSells:
    """Sales share out over holdings."""

    def test_pro_rata_rounded_down(self) -> None:
        small = listing(5, "3", step=D("0.01"))

        legs = expand(task(sells=[1000.0, 0.0], held=[held(0, "100", SPOT[UNI]), held(0, "500", small)]), shelf=SHELF)

        assert [leg.quantity for leg in legs] == [D("25.0"), D("125.00")]

    def test_a_part_too_small_for_an_order_is_left_to_the_others(self) -> None:
        dust = listing(5, "3", step=D("0.01"))

        legs = expand(task(sells=[500.0, 0.0], held=[held(0, "100", SPOT[UNI]), held(0, "5", dust)]), shelf=SHELF)

        assert [(leg.instrument_id, leg.quantity) for leg in legs] == [(UNI, D("20.0"))]

    def test_everything_means_everything(self) -> None:
        legs = expand(task(sells=[2507.499999, 0.0], held=[held(0, "100.3", SPOT[UNI])]), shelf=SHELF)

        assert legs[0].quantity == D("100.3")

    def test_nothing_held_sells_nothing(self) -> None:
        assert expand(task(sells=[1000.0, 0.0]), shelf=SHELF) == []


class TestBuys:
    """Buys spend what there is on the basket."""

    def test_without_proceeds_nothing_is_bought(self) -> None:
        assert expand(task(buys=[0.0, 1000.0]), shelf=SHELF) == []

    def test_margin_that_comes_back_pays(self) -> None:
        legs = expand(task(buys=[0.0, 1000.0], margin_change=-1000.0), shelf=SHELF)

        assert legs[0].quantity == D("499.2")

    def test_margin_to_post_comes_first(self) -> None:
        legs = expand(
            task(
                sells=[2500.0, 0.0],
                buys=[0.0, 1500.0],
                margin_change=1000.0,
                overlay_change=[0.0, 3000.0],
                overlay=[0.0, 3000.0],
                is_carved=True,
                held=[held(0, "200", SPOT[UNI])],
            ),
            shelf=SHELF,
        )

        assert legs[1].fee + legs[1].slippage == D("1496.25") * D("0.0015")
        assert legs[2].depends_on == 1

    def test_tokens_too_small_for_an_order_leave_it_to_the_larger(self) -> None:
        other = listing(6, "1")
        shelf = Shelf({**SPOT, 6: other}, PERP, [(), ((FET, D("0.6")), (6, D("0.4")))], [None, None])

        small = expand(task(buys=[0.0, 20.0], margin_change=-20.0), shelf=shelf)
        large = expand(task(buys=[0.0, 200.0], margin_change=-200.0), shelf=shelf)

        assert [leg.instrument_id for leg in small] == [FET]
        assert [leg.instrument_id for leg in large] == [FET, 6]


class TestFutures:
    """Closing, trimming and hedging."""

    def test_a_close_takes_all_of_each_position(self) -> None:
        long = OpenPosition(1, D("1500.05"), D("3000.1"), PERP[FET])

        legs = expand(task(overlay_change=[0.0, -3000.1], overlay=[0.0, 0.0], longs=[long]), shelf=SHELF)

        assert [(leg.action, leg.quantity, leg.margin, leg.stop) for leg in legs] == [
            (Action.CLOSE_LONG, D("1500.05"), D(0), None)
        ]

    def test_a_trim_names_its_cause(self) -> None:
        long = OpenPosition(1, D(1500), D(3000), PERP[FET])
        asked = task(
            overlay_change=[0.0, -1500.0],
            overlay=[0.0, 1500.0],
            longs=[long],
            trim=Action.TRIM_OVERLAY,
            cut_reason=Reason.FUNDING,
        )

        legs = expand(asked, shelf=SHELF)

        assert [(leg.action, leg.quantity, leg.reason) for leg in legs] == [
            (Action.TRIM_OVERLAY, D("750.0"), Reason.FUNDING)
        ]

    def test_the_hedge_follows_the_core_and_core_stays(self) -> None:
        core = [CoreAsset(BTC, D(6000)), CoreAsset(ETH, D(4000))]

        legs = expand(task(hedge_change=-2500.0, leverage=D(2), core=core), shelf=SHELF)

        assert [(leg.action, leg.quantity, leg.notional) for leg in legs] == [
            (Action.OPEN_SHORT_HEDGE, D("0.030"), D(1500)),
            (Action.OPEN_SHORT_HEDGE, D("0.40"), D(1000)),
        ]
        assert legs[0].stop == D(57500)
        assert legs[0].liquidation is not None
        assert round(legs[0].liquidation, 2) == D("74257.43")
        assert legs[0].risk == D(1500) * D("0.15") + D("1500") * D("0.0005") * D("2.15")
        assert {leg.purpose for leg in legs} == {Purpose.CORE_HEDGE}

    def test_a_hedge_closes_whole_or_shrinks_pro_rata(self) -> None:
        shorts = [OpenPosition(-1, D("0.030"), D(1500), PERP[BTC]), OpenPosition(-1, D("0.40"), D(1000), PERP[ETH])]

        whole = expand(task(hedge_change=2500.0, hedge=0.0, shorts=shorts), shelf=SHELF)
        part = expand(task(hedge_change=1000.0, hedge=-1500.0, shorts=shorts), shelf=SHELF)

        assert [leg.quantity for leg in whole] == [D("0.030"), D("0.40")]
        assert [leg.quantity for leg in part] == [D("0.012"), D("0.16")]

    def test_risk_comes_off_before_anything_is_sold(self) -> None:
        legs = expand(
            task(
                sells=[0.0, 3000.0],
                buys=[3000.0, 0.0],
                overlay_change=[0.0, -3000.0],
                hedge_change=-2500.0,
                stage=int(StageCode.PR),
                held=[held(1, "2500", SPOT[FET])],
                longs=[OpenPosition(1, D(1500), D(3000), PERP[FET])],
                core=[CoreAsset(BTC, D(10_000))],
            ),
            shelf=SHELF,
        )

        assert [leg.action for leg in legs] == [
            Action.CLOSE_LONG,
            Action.SELL_SPOT,
            Action.BUY_SPOT,
            Action.OPEN_SHORT_HEDGE,
        ]

    def test_re_emergence_is_for_yield(self) -> None:
        asked = task(stage=int(StageCode.RE), overlay_change=[2500.0, 0.0], overlay=[2500.0, 0.0])

        assert expand(asked, shelf=SHELF)[0].purpose == Purpose.YIELD


class TestBaskets:
    """What a sector is bought with."""

    MEMBERS = [Member(n, strength=float(n), adv=float(100 * n)) for n in range(1, 8)]

    def test_the_five_best_by_strength_and_volume(self) -> None:
        assert [m.asset_id for m in ranked(self.MEMBERS)[:5]] == [7, 6, 5, 4, 3]

    def test_weights_follow_volume_under_the_cap_and_add_to_one(self) -> None:
        heavy = [Member(1, 0.1, 9e6), Member(2, 0.2, 5e5), Member(3, 0.3, 5e5)]

        basket = default_basket(heavy)

        assert dict(basket) == {1: D("0.4"), 2: D("0.3"), 3: D("0.3")}
        assert sum(w for _, w in default_basket(self.MEMBERS)) == 1

    def test_two_members_share_half_and_half_under_a_cap_that_could_not_hold(self) -> None:
        assert dict(default_basket([Member(1, 0.1, 9e6), Member(2, 0.2, 1e6)])) == {1: D("0.5"), 2: D("0.5")}

    def test_unknown_numbers_rank_last_and_no_volume_no_purchase(self) -> None:
        members = [Member(1, NAN, 1e6), Member(2, 0.1, 1e6), Member(3, 0.2, NAN)]

        assert {asset for asset, _ in default_basket(members)} == {1, 2}
        assert ranked(members)[0].asset_id == 2

    def test_the_overlay_needs_a_perp(self) -> None:
        assert overlay_asset([Member(1, 0.9, 9e6, has_perp=False), Member(2, 0.1, 1e6)]) == 2
        assert overlay_asset([Member(1, 0.9, 9e6, has_perp=False)]) is None


class TestPricing:
    """Slippage and stops of one order."""

    def test_e20(self) -> None:
        deep = listing(1, "1", sigma_daily=0.06)

        assert [slippage_rate(deep, D(size)) for size in (22_000, 2_500)] == [D("0.00315330"), D("0.00139443")]

    def test_unknown_depth_doubles_the_half_spread(self) -> None:
        assert slippage_rate(listing(1, "1", adv=NAN), D(100)) == D("0.001")

    @pytest.mark.parametrize(("atr", "stop"), [(NAN, "0.15"), (0.01, "0.08"), (0.05, "0.125"), (0.2, "0.15")])
    def test_spot_stop(self, atr: float, stop: str) -> None:
        assert spot_stop(listing(1, "1", atr_rate=atr), D("0.15")) == D(stop)

    def test_tiny_prices_keep_within_eighteen_places(self) -> None:
        shib = listing(1, "0.0000000012345678", step=D(1))

        leg = expand(task(sells=[50.0, 0.0], held=[held(0, "1000000000000", shib)]), shelf=SHELF)[0]

        exponents = [value.as_tuple().exponent for value in (leg.low, leg.high, leg.notional, leg.fee)]
        assert all(isinstance(e, int) and e >= -18 for e in exponents)


@settings(max_examples=100, deadline=None)
@given(
    quantities=st.lists(st.decimals("0.1", "5000", places=1), min_size=1, max_size=6),
    share=st.floats(0.0, 1.0),
    margin=st.floats(-500.0, 500.0),
    fee=st.sampled_from(["0", "0.001", "0.0015"]),
)
def test_orders_never_sell_more_than_is_held_nor_spend_more_than_came_in(
    quantities: list[Decimal], share: float, margin: float, fee: str
) -> None:
    """Self-financing to the last 1e-8 dollar, every quantity a multiple of its step."""
    items = [held(0, str(q), listing(10 + n, str(1 + n * 3), step=D("0.1"))) for n, q in enumerate(quantities)]
    amount = float(sum(h.value for h in items)) * share
    asked = task(
        sells=[amount, 0.0],
        buys=[0.0, max(amount - margin, 0.0)],
        margin_change=margin,
        spot_fee=D(fee),
        held=items,
    )

    legs = expand(asked, shelf=SHELF)
    sales = [leg for leg in legs if leg.action == Action.SELL_SPOT]
    buys = [leg for leg in legs if leg.action == Action.BUY_SPOT]
    owned = {h.listing.instrument_id: h.quantity for h in items}

    assert all(leg.quantity <= owned[leg.instrument_id] for leg in sales)
    assert all(leg.quantity % D("0.1") == 0 for leg in legs)
    assert sum(leg.notional for leg in sales) <= exactly(amount) + D("0.01")
    came_in = sum(leg.notional - leg.fee - leg.slippage for leg in sales) - exactly(margin)
    assert sum(leg.notional + leg.fee + leg.slippage for leg in buys) <= max(came_in, D(0))
