"""Hold the optional hedge to its arithmetic: the short loses exactly when the playbook says it insures (E04, I-07)."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from signals.domain.insurance import Offer, offer_words, offers
from signals.domain.shelf import Purpose


@pytest.fixture
def pair() -> tuple[Offer, Offer]:
    return offers(remaining_stables=D("5666.67"), kept=D(2500), sold=D(2500))


def cents(amount: D) -> D:
    """Round to cents."""
    return round(amount, 2)


def test_e04_size(pair: tuple[Offer, Offer]) -> None:
    assert [offer.purpose for offer in pair] == [Purpose.RESIDUAL_SPOT_HEDGE, Purpose.PREMATURE_ROTATION_INSURANCE]
    assert cents(pair[0].notional) == D("566.67")
    assert round(pair[0].hedge_ratio, 6) == D("0.226667")


def test_e04_a_rise(pair: tuple[Offer, Offer]) -> None:
    short, long = pair

    assert short.spot_pnl(D("0.2")) == D(500)
    assert cents(short.futures_pnl(D("0.2"))) == D("-113.33")
    assert cents(short.net_pnl(D("0.2"))) == D("386.67")
    assert cents(long.net_pnl(D("0.2"))) == D("613.33")
    assert long.regret(D("0.2")) == D(-500)


def test_e04_a_fall(pair: tuple[Offer, Offer]) -> None:
    short, _ = pair

    assert short.spot_pnl(D("-0.2")) == D(-500)
    assert cents(short.futures_pnl(D("-0.2"))) == D("113.33")
    assert cents(short.net_pnl(D("-0.2"))) == D("-386.67")


def test_both_payoff_lines_are_said(pair: tuple[Offer, Offer]) -> None:
    hedge, insurance = offer_words(pair, sector="DeFi")

    assert hedge == (
        "You may hedge the $2,500 of DeFi you keep with a $566.67 short: at DeFi +20% the spot makes +$500.00 and "
        "the position -$113.33; at DeFi -20% the spot makes -$500.00 and the position +$113.33."
    )
    assert insurance == (
        "Or insure against rotating too early with a $566.67 long: at DeFi +20% the spot makes +$500.00 and the "
        "position +$113.33, against -$500.00 forgone on what you sell; at DeFi -20% the spot makes -$500.00 and "
        "the position -$113.33."
    )


def test_without_stables_there_is_nothing_to_offer() -> None:
    assert offers(remaining_stables=D(-5), kept=D(0), sold=D(1))[0].notional == 0
    assert offers(remaining_stables=D(0), kept=D(0), sold=D(1))[0].hedge_ratio == 0
