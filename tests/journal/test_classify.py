"""Followed, deviated or against: the specification's example and its edges."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from journal.domain.classify import Adherence, LegKey, Sized, classify

D = Decimal
ASKED = {"sell": D(-2500), "buy": D(2500), "long": D(3000)}
KEYS = {"sell": LegKey("defi", False), "buy": LegKey("ai", False), "long": LegKey("ai", True)}


def legs(**notional: Decimal) -> list[Sized]:
    """Return legs by their short names."""
    return [Sized(KEYS[name], value) for name, value in notional.items()]


class TestClassify:
    def test_e33(self) -> None:
        found = classify(executed=legs(sell=D(-2400), buy=D(2350)), recommended=legs(**ASKED))
        assert found.adherence is Adherence.DEVIATED
        assert found.similarity is not None
        assert round(found.similarity, 6) == D("0.745098")

    def test_every_leg_within_a_fifth_is_followed(self) -> None:
        done = legs(sell=D(-2000), buy=D(3000), long=D(3000))
        assert classify(executed=done, recommended=legs(**ASKED)).adherence is Adherence.FOLLOWED

    def test_something_else_beside_it_deviates(self) -> None:
        done = [*legs(**ASKED), Sized(LegKey("core", True), D(-900))]
        assert classify(executed=done, recommended=legs(**ASKED)).adherence is Adherence.DEVIATED

    def test_the_other_way_is_against(self) -> None:
        done = legs(sell=D(2500), buy=D(-2500))
        assert classify(executed=done, recommended=legs(**ASKED)).adherence is Adherence.CONTRADICTED

    def test_something_else_altogether_is_beside_it(self) -> None:
        for done in ([Sized(LegKey("core", False), D(900))], legs(buy=D(400)), []):
            assert classify(executed=done, recommended=legs(**ASKED)).adherence is Adherence.IGNORED

    def test_a_little_against_it_is_not_beside_it(self) -> None:
        done = legs(sell=D(-2500), buy=D(-2000))
        assert classify(executed=done, recommended=legs(**ASKED)).adherence is Adherence.DEVIATED

    def test_legs_that_cancel_out_inside_a_sector_can_be_followed(self) -> None:
        asked = legs(sell=D(-2500)) + legs(sell=D(2500))
        same, other = classify(executed=asked, recommended=asked), classify(executed=legs(buy=D(1)), recommended=asked)
        assert (same.adherence, same.similarity) == (Adherence.FOLLOWED, 1)
        assert (other.adherence, other.similarity) == (Adherence.IGNORED, 0)

    def test_without_a_recommendation_it_is_spontaneous(self) -> None:
        found = classify(executed=legs(**ASKED), recommended=[])
        assert (found.adherence, found.similarity) == (Adherence.SPONTANEOUS, None)

    @given(st.dictionaries(st.sampled_from(sorted(KEYS)), st.decimals("-10000", "10000", places=2), min_size=1))
    def test_similarity_stays_between_0_and_1(self, done: dict[str, Decimal]) -> None:
        found = classify(executed=legs(**done), recommended=legs(**ASKED))
        assert found.similarity is not None
        assert 0 <= found.similarity <= 1
