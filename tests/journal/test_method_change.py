"""A change of the lot method renews what rotations realised, though no fill was recorded."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import pytest

from accounts.models import User
from journal.services.reviews import measure_reviews
from journal.services.rotations import log_rotation
from portfolio.domain.lots import Method, Scope
from portfolio.services.ledger import record_fills, set_lot_method
from tests.journal.scene import anchor, moment, scenario_a
from tests.portfolio.factories import at, fill, market, spot


@pytest.fixture(autouse=True)
def _catalogue(db: None) -> None:
    """Every test trades in the simulated market."""
    market()


class TestMethod:
    def test_the_dearest_first_realises_less(self, alice: User) -> None:
        book = anchor(alice)
        record_fills(portfolio=book, fills=[fill(spot("UNI"), "buy", 100, 30, at(2))], now=moment(11))
        rotation = log_rotation(portfolio=book, draft=scenario_a(), now=moment(11)).rotation
        measure_reviews(now=moment(11) + timedelta(seconds=2))
        rotation.refresh_from_db()
        oldest_first: D = rotation.spot_pnl_usd

        changed_at = moment(11) + timedelta(minutes=1)
        set_lot_method(portfolio=book, method=Method.HIFO, scope=Scope.ACCOUNT, effective_at=at(3), now=changed_at)
        measure_reviews(now=moment(11) + timedelta(minutes=10))

        rotation.refresh_from_db()
        assert rotation.spot_pnl_usd < oldest_first
