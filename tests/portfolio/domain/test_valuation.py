"""An unknown price is never zero, haircuts follow the peg, drift is actual less target (DOMAIN 4.5)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest

from portfolio.domain.valuation import (
    Held,
    HeldFutures,
    Owed,
    PriceState,
    Quoted,
    Worth,
    drifts,
    haircut_of,
    preferred,
    risk_value,
    sleeves,
    worth,
)

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def at(price: str, age_hours: int = 0, *, is_assumed: bool = False) -> Quoted:
    return Quoted(price=D(price), observed_at=NOW - timedelta(hours=age_hours), is_assumed=is_assumed)


class TestPrice:
    def test_is_stale_after_a_day(self) -> None:
        assert at("1", 24).state(NOW) is PriceState.PRICED
        assert at("1", 25).state(NOW) is PriceState.STALE

    def test_an_assumed_price_holds(self) -> None:
        assert at("1", 2500, is_assumed=True).state(NOW) is PriceState.PRICED


class TestPreferred:
    def test_the_market_s_is_chosen_while_it_is_fresh(self) -> None:
        market = at("1", 24)

        assert preferred(market=market, manual=at("2", is_assumed=True), now=NOW) is market

    def test_a_newer_one_of_one_s_own_stands_in_for_a_stale_one(self) -> None:
        market, newer, older, same = at("1", 25), at("2", 24), at("3", 26), at("4", 25)

        assert preferred(market=market, manual=newer, now=NOW) is newer
        assert preferred(market=market, manual=older, now=NOW) is market
        assert preferred(market=market, manual=same, now=NOW) is market

    def test_the_only_one_is_taken(self) -> None:
        old = at("1", 99)

        assert preferred(market=old, manual=None, now=NOW) is old
        assert preferred(market=None, manual=old, now=NOW) is old
        assert preferred(market=None, manual=None, now=NOW) is None


class TestWorth:
    def test_unpriced_is_counted_and_not_added(self) -> None:
        total = worth(quantity=D(2), quoted=at("3"), now=NOW) + worth(quantity=D(9), quoted=None, now=NOW)

        assert (total.value, total.priced, total.unpriced, total.is_complete) == (6, 1, 1, False)

    def test_stale_and_assumed_are_added_and_counted(self) -> None:
        total = worth(quantity=D(2), quoted=at("3", 48), now=NOW)
        total += worth(quantity=D(1), quoted=at("5", is_assumed=True), now=NOW)

        assert (total.value, total.stale, total.priced, total.assumed) == (11, 1, 1, 1)

    def test_every_count_is_added(self) -> None:
        one = Worth(value=D(1), priced=2, stale=3, unpriced=4, assumed=5)

        assert one + one == Worth(value=D(2), priced=4, stale=6, unpriced=8, assumed=10)

    def test_nothing_held_needs_no_price(self) -> None:
        assert worth(quantity=D(0), quoted=None, now=NOW).is_complete


class TestSleeves:
    HOLDINGS = (
        Held(asset="BTC", quantity=D("1.5"), quoted=at("100"), core=D(1)),
        Held(asset="USD", quantity=D(50), quoted=at("1"), is_reserve=True),
        Held(asset="FET", quantity=D(10), quoted=at("2"), sectors={"ai": D(1)}),
        Held(asset="MIX", quantity=D(10), quoted=at("1"), sectors={"ai": D("0.5"), "defi": D("0.25")}),
        Held(asset="NEW", quantity=D(10), quoted=None, sectors={"defi": D(1)}),
    )

    def test_sorts_values(self) -> None:
        split = sleeves(holdings=self.HOLDINGS, futures=(), now=NOW)

        assert (split.core.value, split.reserve.value) == (100, 50)
        assert {k: v.value for k, v in split.sectors.items()} == {"ai": 25, "defi": D("2.5")}
        assert split.other.value == D("52.5")
        assert (split.equity.value, split.equity.unpriced) == (230, 1)
        assert split.sectors["ai"].is_complete
        assert not split.sectors["defi"].is_complete

    def test_core_is_what_is_held_at_most(self) -> None:
        split = sleeves(holdings=[Held(asset="BTC", quantity=D(1), quoted=at("100"), core=D(9))], futures=(), now=NOW)

        assert (split.core.value, split.other.value) == (100, 0)

    def test_carved_margin_counts_in_the_rotation_pool(self) -> None:
        position = HeldFutures(margin=D(5), unrealized=D(-2), settle=at("1"), carved_from="ai")

        split = sleeves(holdings=self.HOLDINGS, futures=[position], now=NOW)

        assert split.futures.value == 3
        assert split.rotation_pool == D("32.5")
        assert split.equity.value == 233

    def test_margin_carved_out_of_one_sector_adds_up(self) -> None:
        posted = [
            HeldFutures(margin=D(margin), unrealized=D(0), settle=at("1"), carved_from=sector)
            for margin, sector in [(5, "ai"), (7, "ai"), (11, "defi"), (13, None)]
        ]

        split = sleeves(holdings=(), futures=posted, now=NOW)

        assert split.carved == {"ai": 12, "defi": 11}
        assert (split.rotation_pool, split.futures.value) == (23, 36)

    def test_a_position_without_a_mark_is_unpriced(self) -> None:
        split = sleeves(holdings=(), futures=[HeldFutures(margin=D(5), unrealized=None, settle=at("1"))], now=NOW)

        assert (split.futures.value, split.futures.unpriced) == (5, 1)

    @pytest.mark.parametrize("gain", ["-2", "0"])
    def test_a_gain_is_as_old_as_its_mark(self, gain: str) -> None:
        old = Quoted(price=D(2), observed_at=NOW - timedelta(days=90))
        position = HeldFutures(margin=D(5), unrealized=D(gain), settle=at("1"), marked=old)

        futures = sleeves(holdings=(), futures=[position], now=NOW).futures

        assert (futures.value, futures.priced, futures.stale) == (5 + D(gain), 1, 1)

    def test_an_assumed_mark_is_counted(self) -> None:
        said = Quoted(price=D(2), observed_at=NOW - timedelta(days=90), is_assumed=True)
        position = HeldFutures(margin=D(5), unrealized=D(-2), settle=at("1"), marked=said)

        futures = sleeves(holdings=(), futures=[position], now=NOW).futures

        assert (futures.priced, futures.stale, futures.assumed) == (2, 0, 1)


class TestDrift:
    def test_is_actual_less_target_against_the_band(self) -> None:
        found = drifts(
            values={"defi": D(540), "ai": D(460)}, targets={"defi": D("0.5"), "ai": D("0.45")}, band=D("0.02")
        )

        assert (found["defi"].drift, found["defi"].is_outside) == (D("0.04"), True)
        assert (found["ai"].drift, found["ai"].is_outside) == (D("0.01"), False)

    def test_on_the_band_is_inside(self) -> None:
        found = drifts(values={"ai": D("0.52"), "defi": D("0.48")}, targets={"ai": D("0.5")}, band=D("0.02"))

        assert (found["ai"].drift, found["ai"].is_outside) == (D("0.02"), False)

    def test_what_is_not_held_or_not_wanted_is_compared_with_nothing(self) -> None:
        found = drifts(values={"ai": D("0.8")}, targets={"defi": D("0.3")}, band=D("0.02"))

        assert {name: (one.actual, one.target, one.value) for name, one in found.items()} == {
            "defi": (0, D("0.3"), 0),
            "ai": (1, 0, D("0.8")),
        }
        assert [one.drift for one in found.values()] == [D("-0.3"), 1]

    def test_an_empty_sum_has_none(self) -> None:
        assert drifts(values={"defi": D(0)}, targets={"defi": D(1)}, band=D("0.02")) == {}


class TestHaircuts:
    """E30."""

    def test_market_and_risk_value(self) -> None:
        coins = [
            ("10000", ".9995", ".005", "9945.025"),
            ("5000", "1.0001", ".0025", "4987.5"),
            ("3000", ".962", ".05", "2666.664"),
        ]

        risk = [risk_value(quantity=D(q), price=D(p), haircut=D(h)) for q, p, h, _ in coins]

        assert risk == [D(expected) for *_, expected in coins]
        assert sum(D(q) * D(p) for q, p, *_ in coins) == D("17881.5")
        assert sum(risk) == D("17599.189")

    def test_a_collapse_is_worth_nothing_and_not_less(self) -> None:
        assert risk_value(quantity=D(10), price=D("0.2"), haircut=D("0.2")) == 0

    def test_the_risk_nav_of_a_portfolio(self) -> None:
        """E30."""
        coins = [("10000", ".9995", "B"), ("5000", "1.0001", "A"), ("3000", ".962", "C")]
        held = [
            Held(asset=tier, quantity=D(q), quoted=at(p), is_reserve=True, haircut=haircut_of(tier))
            for q, p, tier in coins
        ]

        split = sleeves(holdings=held, futures=(), now=NOW)

        assert (split.equity.value, split.risk_equity) == (D("17881.5"), D("17599.189"))

    def test_an_issuer_nobody_rated_counts_as_a_small_one(self) -> None:
        assert [haircut_of(tier) for tier in ("A", "B", "D", "", "?")] == [
            D("0.0025"),
            D("0.005"),
            D("0.2"),
            D("0.05"),
            D("0.05"),
        ]

    def test_the_band_belongs_to_the_peg(self) -> None:
        inside, outside = (
            risk_value(quantity=D(100), price=D(price), haircut=D("0.005")) for price in ("0.995", "0.994")
        )

        assert (inside, outside) == (D("99.0025"), D("98.2072"))

    def test_a_coin_above_par_is_worth_par_less_its_distance(self) -> None:
        assert risk_value(quantity=D(100), price=D("1.02"), haircut=D("0.005")) == 96

    def test_futures_settled_in_a_stablecoin_are_cut_too_and_a_loss_is_not(self) -> None:
        up, down = (
            HeldFutures(margin=D(100), unrealized=D(gain), settle=at("1"), haircut=D("0.05")) for gain in (20, -150)
        )

        split = sleeves(holdings=(), futures=[up, down], now=NOW)

        assert (split.equity.value, split.risk_equity) == (70, 64)

    def test_what_has_no_price_or_no_haircut_is_not_cut(self) -> None:
        held = [
            Held(asset="DAI", quantity=D(10), quoted=None, haircut=D("0.2")),
            Held(asset="BTC", quantity=D(1), quoted=at("100")),
        ]

        split = sleeves(holdings=held, futures=(), now=NOW)

        assert (split.risk_equity, split.equity.unpriced) == (100, 1)


class TestWhatIsNotOnesOwn:
    def test_debts_are_deducted_and_an_unpriced_one_is_counted(self) -> None:
        held = [Held(asset="ETH", quantity=D(2), quoted=at("100"))]
        debts = [Owed(quantity=D(50), quoted=at("1")), Owed(quantity=D(5), quoted=None)]

        split = sleeves(holdings=held, futures=(), now=NOW, debts=debts)

        assert (split.debts.value, split.equity.value, split.equity.unpriced) == (-50, 150, 1)

    def test_bonus_credit_is_no_equity(self) -> None:
        held = [Held(asset="USDT", quantity=D(120), quoted=at("1"), is_reserve=True, credit=D(20), haircut=D("0.05"))]

        split = sleeves(holdings=held, futures=(), now=NOW)

        assert (split.reserve.value, split.credit.value) == (100, 20)
        assert (split.equity.value, split.risk_equity) == (100, 95)

    def test_credit_of_several_assets_adds_up(self) -> None:
        held = [Held(asset=name, quantity=D(50), quoted=at("2"), credit=D(20)) for name in ("USDT", "USDC")]

        assert sleeves(holdings=held, futures=(), now=NOW).credit == Worth(value=D(80), priced=2)

    def test_credit_is_what_is_held_at_most(self) -> None:
        held = [Held(asset="USDT", quantity=D(10), quoted=at("1"), credit=D(20))]

        split = sleeves(holdings=held, futures=(), now=NOW)

        assert (split.credit.value, split.equity.value) == (10, 0)
