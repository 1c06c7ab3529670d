"""A figure stands beside what it is the sum of, and says whether both agree."""

from datetime import UTC, datetime
from decimal import Decimal as D

import pytest

from portfolio.domain.proof import Claim, Part, Proof

AT = datetime(2026, 1, 1, tzinfo=UTC)


def proof(*claims: Claim, parts: tuple[Part, ...] = ()) -> Proof:
    return Proof(
        key="nav", name="NAV", formula="sum", source="DOMAIN 4.5", claims=claims, parts=parts, count=len(parts)
    )


class TestClaim:
    @pytest.mark.parametrize(
        ("stated", "summed", "slack", "holds"),
        [
            ("5", "5", "0", True),
            ("5", "5.000000000000000001", "0", False),
            ("5", "4.999999999999999999", "1e-18", True),
            ("5", "5.000000000000000001", "1e-18", True),
            ("5", "5.000000000000000002", "1e-18", False),
        ],
    )
    def test_holds_to_the_last_digit_or_the_slack(self, stated: str, summed: str, slack: str, *, holds: bool) -> None:
        assert Claim(name="sum", stated=D(stated), summed=D(summed), slack=D(slack)).holds is holds


class TestProof:
    def test_holds_where_every_claim_does(self) -> None:
        right = Claim(name="right", stated=D(1), summed=D(1))
        wrong = Claim(name="wrong", stated=D(1), summed=D(2))

        assert proof(right, right).holds
        assert not proof(right, wrong).holds

    @pytest.mark.parametrize("name", ["quantity", "price", "proceeds", "cost", "amount"])
    def test_names_the_columns_that_some_part_fills(self, name: str) -> None:
        shown = proof(parts=(Part(what="bare"), Part(what="one", **{name: D(0)})))

        assert shown.columns == {name}

    def test_a_moment_is_a_column_and_a_name_is_none(self) -> None:
        assert proof(parts=(Part(what="one", at=AT, since=AT, fill_id=3),)).columns == {"at"}
        assert proof().columns == frozenset()
