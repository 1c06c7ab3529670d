"""Seven months of real history, close by close: the engine accepts and refuses, and no later price has a say in it."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import User
from journal.models import Rotation
from journal.services.drafts import legs_of
from journal.services.rotations import Draft, log_rotation
from portfolio.models import Asset, Market, Portfolio, Price, Sector, Venue
from portfolio.queries.prices import last_closes
from portfolio.services.portfolios import Opening, open_portfolio
from signals.models import Reading, Recommendation, Score
from signals.queries.recommendations import current
from signals.services.replay import replay
from tests.journeys.by_hand import FEE, Said, Tape, by_hand, expected_alpha, tape_of

DIGITS = 12
"""What is summed over more days may differ in its last binary digit."""

FIRST, CUT, LAST = (datetime(2021, month, day, 0, 30, tzinfo=UTC) for month, day in ((1, 5), (4, 10), (7, 31)))
AMOUNTS = {"BTC": 30_000, "ETH": 20_000, "USD": 20_000, "UNI": 8_000, "AAVE": 7_000, "FET": 8_000, "NEAR": 7_000}
FILES = ("daily.csv", "funding_daily_btc.csv", "fear_greed_daily.csv", "tvl_by_category.csv")


@pytest.mark.once
@pytest.mark.django_db
class TestRealDecisions:
    def test_it_accepts_and_refuses_and_the_future_has_no_say(self, alice: User, history: Path) -> None:
        market = load(history)
        whole = live(market, opened(alice, market, "Whole"), LAST)
        accepted = [row for row in whole if not row["refusal"]]
        refused = [row for row in whole if row["refusal"] not in {"", "NOTHING_TO_DO"}]
        assert len(accepted) >= 5
        assert len(refused) >= 5
        assert {row["stage"] for row in whole} == {"SC", "NI", "PR"}
        assert Rotation.objects.filter(adherence="followed").count() == len(accepted)

        check_by_hand(whole, tape_of(history))

        forget(market, CUT)
        again = live(market, opened(alice, market, "Cut"), CUT)
        assert again == [row for row in whole if row["day"] <= CUT.date()]
        assert len(again) > 10


def load(history: Path) -> Market:
    """Load the files and stand at the first day."""
    call_command("load_history", *[str(history / name) for name in FILES], market="history", keep_going=True)
    market = Market.objects.get(slug="history")
    market.as_of = FIRST
    market.save()
    return market


def opened(owner: User, market: Market, name: str) -> Portfolio:
    """Open the anchor portfolio worth 100,000 at the first day's prices."""
    market.as_of = FIRST
    market.save()
    User.objects.filter(pk=owner.pk).update(experience=User.Experience.INTERMEDIATE, has_overlay=True)
    assets = Asset.objects.in_bulk(list(AMOUNTS), field_name="symbol")
    closes = last_closes(market=market.pk, assets=[asset.pk for asset in assets.values()], moment=FIRST)
    prices = {close.asset_id: close.price_usd for close in closes}
    holdings = [
        Opening(
            asset=assets[symbol],
            quantity=D(round(D(usd) / prices.get(assets[symbol].pk, D(1)), 6)),
            cost_usd=D(usd),
        )
        for symbol, usd in AMOUNTS.items()
    ]
    return open_portfolio(
        owner=owner,
        market=market,
        venue=Venue.objects.get(slug="binance"),
        reserve_asset=assets["USD"],
        name=name,
        now=FIRST,
        holdings=holdings,
        opened_at=FIRST,
    )


def live(market: Market, portfolio: Portfolio, last: datetime) -> list[dict[str, Any]]:
    """Follow every recommendation at its reference prices, and return what the engine said."""
    held: dict[date, dict[str, D]] = {}
    for moment, result in replay(market=market, first=FIRST, last=last):
        held[moment.date()] = dict(portfolio.holdings.values_list("asset__symbol", "quantity"))
        found = current(portfolio=Portfolio.objects.get(pk=portfolio.pk), now=moment) if result.issued else None
        if found is not None and found.state == Recommendation.State.ISSUED:
            draft = Draft(
                client_key=uuid.uuid4(),
                legs=legs_of(found),
                thesis="As recommended.",
                executed_at=moment,
                recommendation=found,
            )
            log_rotation(portfolio=portfolio, draft=draft, now=moment)
    said = Recommendation.objects.filter(portfolio=portfolio).order_by("issued_at", "pk")
    return [
        {
            "day": row.issued_at.date(),
            "kind": row.kind,
            "stage": row.stage,
            "regime": row.regime,
            "refusal": row.refusal,
            "alpha": round(row.alpha, DIGITS),
            "hurdle": round(row.hurdle, DIGITS),
            "headline": row.explanation["headline"],
            "said": said_by(row, held[row.issued_at.date()]),
            "legs": [
                (leg.action, leg.instrument.name, leg.quantity) for leg in row.legs.select_related("instrument__asset")
            ],
        }
        for row in said
    ]


def said_by(row: Recommendation, held: dict[str, D]) -> Said:
    """Return an answer as plain numbers, with what was held before it."""
    day = row.issued_at.date() - timedelta(days=1)
    goal = row.leader if row.stage == "NI" else Sector.objects.get(slug="defi")
    score = Score.objects.filter(market=row.portfolio.market, sector=goal, date=day).first()
    sigma = None if score is None else score.details["sigma_relative"]
    legs = row.legs.select_related("instrument__asset")
    return Said(
        day=day,
        kind=row.kind,
        stage=row.stage,
        refusal=row.refusal,
        held={symbol: quantity for symbol, quantity in held.items() if quantity},
        moved=float(row.moved_usd),
        alpha=round(row.alpha, DIGITS),
        hurdle=round(row.hurdle, DIGITS),
        z=row.z_now and round(row.z_now, DIGITS),
        sigma=round(sigma or 0.0, DIGITS),
        legs=[
            (leg.action, leg.instrument.name, leg.quantity, leg.reference_price, leg.fee_usd, leg.slippage_usd)
            for leg in legs
        ],
    )


def check_by_hand(whole: list[dict[str, Any]], tape: Tape) -> None:
    """Hold every answer to the raw files: prices, sizes, fees, slippage, alpha, and why nothing was to be moved."""
    accepted = [row["said"] for row in whole if not row["refusal"]]
    quiet = [row["said"] for row in whole if row["refusal"] in {"NOTHING_TO_DO", "BLOCKED_GATE"}]
    assert min(len(accepted), len(quiet)) >= 5
    for said in accepted:
        hand = by_hand(said, tape)
        assert said.moved == pytest.approx(hand.sells, rel=0.01, abs=60)
        assert said.alpha == pytest.approx(expected_alpha(said), rel=1e-6)
        check_legs(said, tape)
    for said in quiet:
        hand = by_hand(said, tape)
        assert abs(hand.gap) <= hand.band * 1.000001


def check_legs(said: Said, tape: Tape) -> None:
    """Hold each leg to the close, the fee and the slippage of its asset."""
    for action, asset, quantity, price, fee, slippage in said.legs:
        assert float(price) == pytest.approx(tape.closes[asset][said.day], rel=1e-9)
        spent = float(quantity * price) + (float(fee + slippage) if action == "BUY_SPOT" else 0.0)
        assert float(fee) == pytest.approx(spent * FEE, rel=0.01)
        assert float(slippage) == pytest.approx(spent * tape.slippage(asset, said.day, spent), rel=0.05)


def forget(market: Market, moment: datetime) -> None:
    """Take away everything that was not known at a moment, and everything computed."""
    Recommendation.objects.filter(portfolio__market=market).exclude(portfolio__name="").update(state="expired")
    Portfolio.objects.filter(market=market).update(is_active=False)
    Price.objects.filter(market=market, closes_at__gt=moment).delete()
    Reading.objects.filter(market=market, ingested_at__gt=moment).delete()
    for related in ("scores", "regime_days", "stage_days"):
        getattr(market, related).all().delete()
