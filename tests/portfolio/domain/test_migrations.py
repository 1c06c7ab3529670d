"""The migrations that everybody went through have their ratios (DOMAIN F63, E38)."""

from decimal import Decimal as D

import pytest

from portfolio.domain.migrations import MIGRATIONS, known_migration


@pytest.mark.parametrize(
    ("old", "new", "ratio"),
    [("LEND", "AAVE", "0.01"), ("MKR", "SKY", "24000"), ("AGIX", "FET", "0.43335"), ("OCEAN", "FET", "0.433226")],
)
def test_a_known_one_has_its_ratio(old: str, new: str, ratio: str) -> None:
    found = known_migration(old=old, new=new)

    assert found is not None
    assert (found.key, found.ratio) == (f"{old}-{new}", D(ratio))


def test_others_are_not_known() -> None:
    assert known_migration(old="AAVE", new="LEND") is None
    assert known_migration(old="AGIX", new="AAVE") is None
    assert len({one.key for one in MIGRATIONS}) == len(MIGRATIONS)
