"""Liquidation follows the venue's convention, else the nearer; tiers are walked, wallets shared (DOMAIN 4.3)."""

from decimal import Decimal as D
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.domain.futures import Position, trade, unrealized
from portfolio.domain.margin import (
    CONVENTIONS,
    Convention,
    Marked,
    Tier,
    Wallet,
    bankruptcy_price,
    cross_wallet,
    distance,
    liquidation_price,
    liquidation_price_at_entry,
    liquidation_price_at_mark,
    maintenance_margin,
    nearer,
    nearness,
    tier_at,
    with_deductions,
)

FLAT = Position(settle="USD")
COIN = Position(settle="BTC", is_inverse=True)
BTC_TIERS = [Tier(D(0), D(".004")), Tier(D(50_000), D(".005"), D(50)), Tier(D(600_000), D(".0065"), D(950))]
sizes = st.decimals(min_value=D("0.001"), max_value=D(1000), places=3)
prices = st.decimals(min_value=D("0.01"), max_value=D(100_000), places=2)


def opened(quantity: str, price: str, leverage: str, flat: Position = FLAT) -> Position:
    return trade(position=flat, quantity=D(quantity), price=D(price), leverage=D(leverage)).position


class TestScenarioA:
    def test_scenario_a(self) -> None:
        """E03."""
        overlay = opened("1500", "2", "3")
        tiers = [Tier(D(0), D("0.01"))]

        at_mark = liquidation_price_at_mark(position=overlay, mmr=D("0.01"))
        at_entry = liquidation_price_at_entry(position=overlay, mmr=D("0.01"))

        assert at_mark is not None
        assert at_entry is not None
        assert overlay.margin == 1000
        assert round(at_mark, 8) == D("1.34680135")
        assert round((2 - at_mark) / 2, 8) == D("0.32659933")
        assert round(at_entry, 8) == D("1.35333333")
        assert liquidation_price(position=overlay, tiers=tiers) == at_entry
        assert round(bankruptcy_price(overlay) or 0, 8) == D("1.33333333")

    def test_scenario_a_in_dollars(self) -> None:
        """E03."""
        ai, notional, stop = D(7500), D(1000) * 3, D(2) * (1 - D("0.15"))
        one_r = 1500 * (2 - stop) + D("0.0005") * (notional + 1500 * stop)

        assert (ai + notional, (ai + notional) / 10_000) == (10_500, D("1.05"))
        assert D("6666.67") - 1000 == D("5666.67")
        assert (stop, one_r) == (D("1.7"), D("452.775"))
        assert round(one_r / D("33333.33"), 8) == D("0.01358325")
        assert round(D("0.15") / D("0.32659933"), 6) == D("0.459278")


class TestTiers:
    """E15."""

    @pytest.mark.parametrize(("quantity", "expected"), [("20", "54305.485657"), ("-20", "65620.963736")])
    def test_isolated(self, quantity: str, expected: str) -> None:
        found = liquidation_price(position=opened(quantity, "60000", "10"), tiers=BTC_TIERS, convention=Convention.MARK)

        assert round(found or D(0), 6) == D(expected)

    def test_the_tier_is_that_of_the_notional_at_the_price_found(self) -> None:
        crossing = opened("10.5", "60000", "10")

        third = liquidation_price_at_mark(position=crossing, mmr=D(".0065"), cum=D(950))
        final = liquidation_price(position=crossing, tiers=BTC_TIERS, convention=Convention.MARK)

        assert round(third or D(0), 6) == D("54262.228293")
        assert round(D("10.5") * (third or D(0)), 6) == D("569753.397081")
        assert round(final or D(0), 6) == D("54266.570950")

    def test_an_unknown_venue_shows_the_nearer(self) -> None:
        long, short = opened("20", "60000", "10"), opened("-20", "60000", "10")

        assert (liquidation_price(position=long, tiers=BTC_TIERS) or 0) > D("54305.485657")
        assert (liquidation_price(position=short, tiers=BTC_TIERS) or 0) < D("65620.963736")

    def test_cross_counts_what_the_others_gain_and_need_with_their_sign(self) -> None:
        other = Marked(opened("-10", "3000", "10"), D(3100), [Tier(D(0), D("0.005"))])
        wallet = cross_wallet(balance=D(10_000), others=[other])

        found = liquidation_price(
            position=opened("1", "60000", "10"), tiers=BTC_TIERS, wallet=wallet, convention=Convention.MARK
        )

        assert (wallet.others_gain, wallet.others_maintenance, wallet.free) == (-1000, 155, 8845)
        assert round(found or D(0), 6) == D("51361.809045")

    def test_cross_adds_up_all_the_others_each_in_its_own_way(self) -> None:
        flat = [Tier(D(0), D("0.01"))]
        coin = Marked(opened("50000", "50000", "10", COIN), D(40_000), flat)
        short = Marked(opened("-2", "100", "10"), D(90), flat)

        wallet = cross_wallet(balance=D(10), others=[coin, short, short])

        assert (wallet.others_gain, wallet.others_maintenance) == (D("39.75"), D("3.6125"))

    @pytest.mark.parametrize(
        ("short", "at_entry", "at_mark", "nearer_one"),
        [("-0.4", "45.733333", "44.368601", "45.733333"), ("-1.5", "184.700000", "180.952381", "180.952381")],
    )
    def test_what_is_longer_in_all_decides_which_is_nearer(
        self, short: str, at_entry: str, at_mark: str, nearer_one: str
    ) -> None:
        sides = opened("1", "100", "10"), opened(short, "110", "10")
        tiers = [Tier(D(0), D("0.01"))]
        wallet = cross_wallet(balance=D(30), beside=sides[1:])

        found = [
            liquidation_price(position=sides[0], tiers=tiers, wallet=wallet, convention=convention)
            for convention in (Convention.ENTRY, Convention.MARK, None)
        ]

        assert [str(round(price or D(0), 6)) for price in found] == [at_entry, at_mark, nearer_one]
        assert liquidation_price_at_entry(position=sides[0], mmr=D("0.01"), wallet=wallet) == found[0]
        assert liquidation_price_at_mark(position=sides[0], mmr=D("0.01"), wallet=wallet) == found[1]

    @pytest.mark.parametrize(("short", "balance"), [("-0.4", 20_000), ("-0.9", 3_000), ("-1", 600), ("-1.5", 9_000)])
    def test_both_sides_of_a_contract_move_together(self, short: str, balance: int) -> None:
        """At the price found, the equity of both is the maintenance of both."""
        sides = [opened("1", "50000", "10"), opened(short, "52000", "10")]
        found = [
            liquidation_price(
                position=one,
                tiers=BTC_TIERS,
                wallet=cross_wallet(balance=D(balance), beside=[other]),
                convention=Convention.MARK,
            )
            for one, other in (sides, sides[::-1])
        ]

        price = found[0] or D(0)
        equity = balance + sum(unrealized(position=one, mark=price) for one in sides)
        needed = sum(maintenance_margin(value=abs(one.quantity) * price, tiers=BTC_TIERS) for one in sides)
        assert price > 0
        assert found[0] == pytest.approx(found[1], abs=D("1e-12"))
        assert equity == pytest.approx(needed, abs=D("1e-12"))

    def test_what_is_hedged_wholly_is_liquidated_by_its_growing_maintenance_alone(self) -> None:
        long, short = opened("1", "50000", "10"), opened("-1", "50000", "10")
        wallet = cross_wallet(balance=D(20_000), beside=[short])
        tiers = [Tier(D(0), D("0.004"))]

        assert liquidation_price(position=long, tiers=tiers, wallet=wallet, convention=Convention.ENTRY) is None
        assert liquidation_price(position=long, tiers=tiers, wallet=wallet) == 2_500_000

    @pytest.mark.parametrize("convention", [None, *Convention])
    def test_dust_before_a_full_wallet_cannot_be_liquidated(self, convention: Convention | None) -> None:
        dust = opened("-0.000000000000001", "50000", "2")

        found = liquidation_price(
            position=dust, tiers=BTC_TIERS, wallet=Wallet(balance=D(1_000_000)), convention=convention
        )

        assert found is None

    def test_deductions_follow_from_floors_and_rates(self) -> None:
        assert list(with_deductions([(tier.floor, tier.mmr) for tier in reversed(BTC_TIERS)])) == BTC_TIERS

    def test_the_floor_belongs_to_the_tier(self) -> None:
        assert tier_at(value=D(50_000), tiers=BTC_TIERS) == BTC_TIERS[1]
        assert tier_at(value=D("49999.99"), tiers=BTC_TIERS) == BTC_TIERS[0]

    @pytest.mark.parametrize("floor", [50_000, 600_000])
    def test_maintenance_is_continuous(self, floor: int) -> None:
        below = maintenance_margin(value=floor - D("0.0001"), tiers=BTC_TIERS)

        assert 0 < maintenance_margin(value=D(floor), tiers=BTC_TIERS) - below < D("0.000001")


class TestInverse:
    """E16."""

    @pytest.mark.parametrize(
        ("quantity", "at_mark", "at_entry"),
        [("60000", "45681.818182", "45662.100457"), ("-60000", "55277.777778", "55248.618785")],
    )
    def test_both_conventions(self, quantity: str, at_mark: str, at_entry: str) -> None:
        position = opened(quantity, "50000", "10", COIN)
        tiers = [Tier(D(0), D("0.005"))]

        marked = liquidation_price(position=position, tiers=tiers, convention=Convention.MARK)
        entered = liquidation_price(position=position, tiers=tiers, convention=Convention.ENTRY)

        assert round(marked or D(0), 6) == D(at_mark)
        assert round(entered or D(0), 6) == D(at_entry)
        assert liquidation_price(position=position, tiers=tiers) == (marked if position.side > 0 else entered)

    def test_bankruptcy(self) -> None:
        assert round(bankruptcy_price(opened("60000", "50000", "10", COIN)) or D(0), 6) == D("45454.545455")
        assert round(bankruptcy_price(opened("-60000", "50000", "10", COIN)) or D(0), 6) == D("55555.555556")

    def test_a_short_covered_by_its_own_coin_cannot_be_liquidated(self) -> None:
        covered = opened("-50000", "50000", "1", COIN)

        assert bankruptcy_price(covered) is None
        assert liquidation_price(position=covered, tiers=[Tier(D(0), D(0))], convention=Convention.MARK) is None


class TestConventions:
    def test_the_fee_to_close_counts_where_the_venue_says_so(self) -> None:
        position, tiers = opened("1", "10", "5"), [Tier(D(0), D("0.01"))]

        gate = liquidation_price(
            position=position, tiers=tiers, convention=CONVENTIONS["gate"], closing_fee=D("0.0006")
        )
        binance = liquidation_price(
            position=position, tiers=tiers, convention=CONVENTIONS["binance"], closing_fee=D("0.0006")
        )

        assert round(gate or D(0), 8) == D("8.08570851")
        assert round(binance or D(0), 8) == D("8.08080808")

    def test_without_a_fee_it_is_that_at_the_mark(self) -> None:
        position, tiers = opened("-1", "10", "5"), [Tier(D(0), D("0.01"), D("0.02"))]

        found = {
            liquidation_price(position=position, tiers=tiers, convention=one)
            for one in (Convention.MARK, Convention.MARK_AND_FEE)
        }

        assert found == {liquidation_price_at_mark(position=position, mmr=D("0.01"), cum=D("0.02"))}
        assert liquidation_price_at_mark(
            position=position, mmr=D("0.01"), closing_fee=D("0.01")
        ) == liquidation_price_at_mark(position=position, mmr=D("0.02"))

    def test_a_deduction_lowers_the_maintenance_at_entry(self) -> None:
        position = opened("1", "100", "10")

        assert liquidation_price_at_entry(position=position, mmr=D("0.1"), cum=D(2)) == 98
        assert liquidation_price_at_entry(position=opened("-1", "100", "10"), mmr=D("0.1"), cum=D(2)) == 102

    def test_a_wallet_moves_it_at_entry_too(self) -> None:
        wallet = Wallet(balance=D(30), others_gain=D(-5), others_maintenance=D(3))

        assert liquidation_price_at_entry(position=opened("1", "100", "10"), mmr=D("0.1"), wallet=wallet) == 88

    def test_extra_margin_moves_it_away(self) -> None:
        """Bybit's article: entry 20,000, 50x, maintenance 100; 3,000 more moves 19,700 to 16,700."""
        position, tiers = opened("1", "20000", "50"), [Tier(D(0), D("0.005"))]

        plain = liquidation_price(position=position, tiers=tiers, convention=Convention.ENTRY)
        more = liquidation_price(
            position=position, tiers=tiers, wallet=Wallet(balance=D(3400)), convention=Convention.ENTRY
        )

        assert (plain, more) == (19_700, 16_700)

    def test_the_nearer_is_reached_first(self) -> None:
        assert nearer(prices=[D(1), None, D(2)], is_long=True) == 2
        assert nearer(prices=[D(1), None, D(2)], is_long=False) == 1
        assert nearer(prices=[None], is_long=True) is None

    def test_flat_has_none(self) -> None:
        assert liquidation_price_at_mark(position=FLAT, mmr=D("0.01")) is None
        assert liquidation_price_at_entry(position=FLAT, mmr=D("0.01")) is None
        assert liquidation_price(position=FLAT, tiers=[Tier(D(0), D("0.01"))]) is None
        assert bankruptcy_price(FLAT) is None

    def test_a_rate_of_everything_has_none(self) -> None:
        assert liquidation_price_at_mark(position=opened("1", "10", "5"), mmr=D(1)) is None


class TestDistance:
    def test_is_a_fraction_of_the_mark(self) -> None:
        assert distance(mark=D(2), price=D("1.5")) == D("0.25")
        assert distance(mark=D(2), price=D("2.5")) == D("0.25")
        assert distance(mark=D(2), price=None) is None

    @pytest.mark.parametrize(
        ("away", "word"),
        [(None, ""), ("0.1501", ""), ("0.15", "near"), ("0.0801", "near"), ("0.08", "very near"), ("0", "very near")],
    )
    def test_has_two_thresholds(self, away: str | None, word: str) -> None:
        assert nearness(None if away is None else D(away)) == word


class TestEquity:
    def test_fully_margined_long_cannot_be_liquidated(self) -> None:
        position = opened("1", "100", "1")

        assert bankruptcy_price(position) is None
        assert liquidation_price_at_mark(position=position, mmr=D("0.01")) is None

    @given(sizes, prices, st.integers(2, 20), st.booleans())
    def test_equity_is_maintenance_at_that_price(self, size: D, price: D, leverage: int, is_long: bool) -> None:
        position = opened(str(size if is_long else -size), str(price), str(leverage))
        mmr = D("0.01")

        found = liquidation_price_at_mark(position=position, mmr=mmr)

        assert found is not None
        equity = Fraction(position.margin) + Fraction(position.quantity) * Fraction(found)
        equity -= position.side * Fraction(position.entry_cost)
        maintenance = Fraction(size) * Fraction(found) * Fraction(mmr)
        assert abs(equity - maintenance) <= Fraction(size) / 10**17

    @given(sizes, prices, st.integers(2, 20), st.booleans())
    def test_inverse_equity_is_maintenance_at_that_price(self, size: D, price: D, leverage: int, is_long: bool) -> None:
        position = opened(str(size if is_long else -size), str(price), str(leverage), COIN)
        slope = position.polarity - Fraction(1, 100)

        found = liquidation_price_at_mark(position=position, mmr=D("0.01"))

        value = (position.polarity * Fraction(position.entry_cost) - Fraction(position.margin)) / slope
        assert found is not None
        assert abs(Fraction(found) - Fraction(size) / value) <= Fraction(1, 10**18)
