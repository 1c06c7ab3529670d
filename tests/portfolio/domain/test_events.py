"""An event refuses amounts that it cannot have had, naming the field; it tells which assets it touches (DOMAIN 4)."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal as D
from typing import Any

import pytest

from portfolio.domain.events import (
    Conversion,
    Event,
    EventError,
    FundingPayment,
    MarginChange,
    MethodChange,
    Move,
    PerpFill,
    Rebase,
    Side,
    SpotFill,
    Swap,
    TransferIn,
    TransferOut,
    assets_touched,
    quantities_given,
    standing,
)
from portfolio.domain.lots import Method

PLACE: dict[str, Any] = {"sequence": 1, "account": 1, "executed_at": datetime(2026, 1, 1, tzinfo=UTC)}
FEE: dict[str, Any] = {"fee": D("0.1"), "fee_asset": "BNB", "fee_usd": D(30)}
SPOT = SpotFill(**PLACE, side=Side.BUY, base="UNI", quote="USDC", quantity=D(3), price=D("1.5"), **FEE)
PERP = PerpFill(**PLACE, side=Side.SELL, instrument=7, settle="USDC", quantity=D(3), price=D(9), **FEE)
COMING = TransferIn(**PLACE, asset="UNI", quantity=D(3), cost=D(9), value=D(12))
GOING = TransferOut(**PLACE, asset="UNI", quantity=D(3), value=D(12), **FEE)
MOVING = Move(**PLACE, asset="UNI", quantity=D(3), to_account=2, value=D(12), **FEE)
CONVERTED = Conversion(**PLACE, asset="LEND", quantity=D(100), into="AAVE", received=D(1), value=D(50))
REBASED = Rebase(**PLACE, asset="AMPL", change=D("-0.5"))
SWAPPED = Swap(**PLACE, asset="UNI", quantity=D(3), into="BNB", received=D("0.1"), value=D(30), **FEE)
FUNDED = FundingPayment(**PLACE, instrument=7, settle="USDC", amount=D(-2), value=D("-1.9"))
MARGIN = MarginChange(**PLACE, instrument=7, settle="USDC", amount=D(-2))

POSITIVE = [
    (SPOT, "quantity"),
    (SPOT, "price"),
    (SPOT, "quote_usd"),
    (PERP, "quantity"),
    (PERP, "price"),
    (PERP, "settle_usd"),
    (PERP, "leverage"),
    (PERP, "contract_size"),
    (COMING, "quantity"),
    (GOING, "quantity"),
    (MOVING, "quantity"),
    (CONVERTED, "quantity"),
    (CONVERTED, "received"),
    (SWAPPED, "quantity"),
    (SWAPPED, "received"),
]
NOT_NEGATIVE = [
    (SPOT, "fee"),
    (SPOT, "fee_usd"),
    (PERP, "fee"),
    (PERP, "fee_usd"),
    (COMING, "cost"),
    (COMING, "value"),
    (GOING, "fee"),
    (GOING, "fee_usd"),
    (GOING, "value"),
    (MOVING, "fee"),
    (MOVING, "fee_usd"),
    (MOVING, "value"),
    (CONVERTED, "value"),
    (SWAPPED, "value"),
    (SWAPPED, "fee"),
    (SWAPPED, "fee_usd"),
]
SIGNED = [(REBASED, "change"), (FUNDED, "amount"), (FUNDED, "value"), (MARGIN, "amount")]


def refused(event: Event, message: str, **changes: Any) -> None:
    with pytest.raises(EventError, match=f"^{re.escape(message)}$"):
        replace(event, **changes)


class TestAmounts:
    @pytest.mark.parametrize(("event", "name"), POSITIVE)
    @pytest.mark.parametrize("amount", ["0", "-1"])
    def test_some_are_positive(self, event: Event, name: str, amount: str) -> None:
        refused(event, f"The {name.replace('_', ' ')} must be greater than zero.", **{name: D(amount)})

    @pytest.mark.parametrize(("event", "name"), NOT_NEGATIVE)
    def test_some_may_be_nothing(self, event: Event, name: str) -> None:
        refused(event, f"The {name.replace('_', ' ')} must not be negative.", **{name: D("-0.1")})

        assert getattr(replace(event, **{name: D(0)}), name) == 0

    @pytest.mark.parametrize(("event", "name"), [*POSITIVE, *NOT_NEGATIVE, *SIGNED])
    def test_all_are_exact(self, event: Event, name: str) -> None:
        spoken = name.replace("_", " ")
        fine = f"The {spoken} has more than 18 digits after the point."
        large = f"The {spoken} is not an exact amount: The amount has more than 20 digits before the point."

        refused(event, fine, **{name: D("1e-19")})
        refused(event, large, **{name: D("1e20")})

    @pytest.mark.parametrize("event", [MOVING, CONVERTED, GOING])
    def test_a_value_may_be_unknown(self, event: Event) -> None:
        assert replace(event, value=None).value is None  # type: ignore[call-arg,attr-defined]


class TestSense:
    @pytest.mark.parametrize(("base", "quote"), [("USD", "USDC"), ("USDC", "USDC")])
    def test_a_fill_trades_two_assets_and_never_dollars(self, base: str, quote: str) -> None:
        refused(SPOT, f"{base} cannot be traded against {quote}.", base=base, quote=quote)

    @pytest.mark.parametrize(
        ("event", "changes"),
        [
            (SPOT, {"quote": "USD", "quote_usd": D("0.99")}),
            (PERP, {"settle": "USD", "settle_usd": D("1.01")}),
            (SWAPPED, {"asset": "USD", "quantity": D(29)}),
            (SWAPPED, {"into": "USD", "received": D(31)}),
        ],
    )
    def test_a_dollar_is_worth_a_dollar(self, event: Event, changes: dict[str, Any]) -> None:
        refused(event, "One USD is worth 1 USD.", **changes)

    def test_dollars_are_swapped_for_what_they_are_worth(self) -> None:
        assert (
            replace(SWAPPED, asset="USD", quantity=D(30)).quantity == replace(SWAPPED, into="USD", received=D(30)).value
        )

    def test_a_coin_in_dollars_has_any_price(self) -> None:
        assert replace(SPOT, quote_usd=D("0.9")).quote_usd == replace(PERP, settle_usd=D("0.9")).settle_usd

    def test_leverage_is_at_least_one(self) -> None:
        refused(PERP, "The leverage must be at least 1.", leverage=D("0.99"))

        assert replace(PERP, leverage=D(1)).leverage == 1

    def test_a_deposit_has_a_cost_or_a_price(self) -> None:
        refused(COMING, "Give a cost or a price for UNI: its cost basis is unknown.", cost=None, value=None)

        assert replace(COMING, asset="USD", cost=None, value=None).cost is None
        assert replace(COMING, cost=None).value == 12
        assert replace(COMING, value=None).cost == 9

    def test_income_has_a_price(self) -> None:
        message = "Give a price for UNI: income counts at its market value."
        refused(COMING, message, is_income=True, value=None)

        assert replace(COMING, is_income=True, asset="USD", value=None).is_income

    def test_a_move_has_two_accounts(self) -> None:
        refused(MOVING, "A transfer needs two accounts.", to_account=1)

    @pytest.mark.parametrize(("asset", "into"), [("USD", "AAVE"), ("LEND", "USD"), ("LEND", "LEND")])
    def test_a_migration_turns_one_token_into_another(self, asset: str, into: str) -> None:
        refused(CONVERTED, f"{asset} cannot become {into}.", asset=asset, into=into)

    @pytest.mark.parametrize("changes", [{"change": D(0)}, {"asset": "USD"}])
    def test_a_rebase_changes_a_token(self, changes: dict[str, Any]) -> None:
        refused(REBASED, "A rebase changes the quantity of a token.", **changes)

    def test_a_swap_is_for_something_else(self) -> None:
        refused(SWAPPED, "UNI cannot be swapped for itself.", into="UNI")

    @pytest.mark.parametrize(
        "changes", [{"value": D("0.1")}, {"amount": D(2)}, {"settle": "USD"}, {"settle": "USD", "value": D("-2.1")}]
    )
    def test_a_payment_s_value_fits_its_amount(self, changes: dict[str, Any]) -> None:
        refused(FUNDED, "The value of a funding payment does not fit its amount.", **changes)

    def test_a_payment_may_be_received_or_worth_nothing(self) -> None:
        assert replace(FUNDED, amount=D(2), value=D(2), settle="USD").amount == 2
        assert replace(FUNDED, value=D(0)).value == 0

    def test_a_change_of_margin_changes_it(self) -> None:
        refused(MARGIN, "The amount must not be zero.", amount=D(0))

    def test_a_size_is_signed_contracts(self) -> None:
        assert replace(PERP, contract_size=D("0.01")).signed_quantity == D("-0.03")
        assert replace(PERP, side=Side.BUY).signed_quantity == 3


class TestTouched:
    @pytest.mark.parametrize(
        ("event", "assets"),
        [
            (SPOT, {"UNI", "USDC", "BNB"}),
            (PERP, {"USDC", "BNB"}),
            (COMING, {"UNI"}),
            (GOING, {"UNI", "BNB"}),
            (CONVERTED, {"LEND", "AAVE"}),
            (MethodChange(**PLACE, method=Method.AVG), set()),
        ],
    )
    def test_names_every_asset_of_an_event(self, event: Event, assets: set[str]) -> None:
        assert assets_touched(event) == assets


class TestGiven:
    @pytest.mark.parametrize(
        ("event", "given"),
        [
            (COMING, {}),
            (SPOT, {"USDC": D("4.5"), "BNB": D("0.1")}),
            (replace(SPOT, side=Side.SELL), {"UNI": D(3), "BNB": D("0.1")}),
            (replace(SPOT, side=Side.SELL, fee_asset="UNI"), {"UNI": D("3.1")}),
            (replace(SPOT, fee=D(0)), {"USDC": D("4.5")}),
            (GOING, {"UNI": D(3), "BNB": D("0.1")}),
            (replace(MOVING, fee_asset="UNI"), {"UNI": D("3.1")}),
            (SWAPPED, {"UNI": D(3), "BNB": D("0.1")}),
            (CONVERTED, {"LEND": D(100)}),
            (REBASED, {"AMPL": None}),
            (PERP, {"USDC": None, "BNB": None}),
        ],
    )
    def test_is_the_most_that_an_event_may_let_go_of(self, event: Event, given: dict[str, D | None]) -> None:
        assert quantities_given(event) == given


class TestStanding:
    def undo(self, sequence: int, of: int) -> TransferOut:
        return replace(GOING, sequence=sequence, reverses=of)

    def test_leaves_out_what_was_reversed_and_orders_the_rest(self) -> None:
        one, two, three = (replace(COMING, sequence=number) for number in (1, 2, 3))
        early = replace(COMING, sequence=9, executed_at=datetime(2025, 1, 1, tzinfo=UTC))

        assert standing([three, self.undo(4, 2), early, two, one]) == [early, one, three]

    def test_the_same_event_twice_is_one(self) -> None:
        assert standing([COMING, COMING]) == [COMING]

    def test_two_events_cannot_share_a_number(self) -> None:
        with pytest.raises(EventError, match=r"^Two events share the sequence 1\.$"):
            standing([COMING, GOING])

    @pytest.mark.parametrize("targets", [(7,), (1, 1), (1, 2)])
    def test_only_what_stands_is_reversed(self, targets: tuple[int, ...]) -> None:
        undone = [self.undo(number, of) for number, of in enumerate(targets, start=2)]

        with pytest.raises(
            EventError, match=rf"^Event {len(targets) + 1} reverses {targets[-1]}, which does not stand\.$"
        ):
            standing([COMING, *undone])
