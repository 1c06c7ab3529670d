"""Live through 24 simulated months with the same services as everybody: decide, log, pass, review (DECISIONS 40)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.models import User
from journal.models import Lesson, Review, Rotation
from journal.services.drafts import legs_of
from journal.services.lessons import Guess, expect, learn
from journal.services.passes import pass_on
from journal.services.plans import keep_plan
from journal.services.reviews import measure_reviews
from journal.services.rotations import Draft, DraftLeg, log_rotation
from portfolio.domain.money import ZERO, Refusal, exact, floor_to_step, in_context
from portfolio.models import Asset, Fill, Instrument, Market, Portfolio, Stage, Venue
from portfolio.queries.holdings import holdings
from portfolio.queries.prices import last_closes
from portfolio.services.catalogue import ensure_market
from portfolio.services.entries import NewFill
from portfolio.services.ledger import record_fills
from portfolio.services.portfolios import Opening, open_portfolio
from portfolio.services.valuation import value_portfolio
from signals.models import Evidence, Recommendation, RecommendationLeg
from signals.queries.recommendations import current
from signals.services.market import refresh_market
from signals.services.prices import refresh_prices
from signals.services.recommend import recommend
from signals.services.refresh import refresh
from signals.services.shadows import advance_shadows

DEMO_EMAIL = "demo@rotabook.example"
ADMIN_EMAIL = "admin@rotabook.example"
MONTHS = 24
AFTER_CLOSE = timedelta(minutes=20)
TO_DECIDE = timedelta(hours=3)
ANCHOR_USD = {"BTC": 35_000, "ETH": 15_000, "USDC": 20_000, "UNI": 8_000, "AAVE": 7_000, "FET": 9_000, "RNDR": 6_000}
TABLE_USD = {"BTC": 40_000, "ETH": 20_000, "UNI": 14_000, "AAVE": 14_000, "FET": 7_000, "NEAR": 5_000, "USDC": 1_500}
THESES = {
    Stage.NI: "AI leads and its turnover confirms it. I go with it, and I keep a quarter in DeFi in case I am early.",
    Stage.PR: "The leader gives back what it won, and the crowd still pays for its longs. I take the profit to DeFi.",
    Stage.RE: "DeFi stands on its own feet again while AI sleeps. I accumulate what earns fees.",
    Stage.SC: "Nothing leads. Back to even weights, so that the next move finds me balanced.",
}


UNSAID_USD = Decimal(150)
PLANNED = "I bought it on a whim. If it does not lead by the end of the week, I sell it again."
LEAVES_ONE_IN = 4
"""So many decisions are reviewed but for one, which waits in the queue."""

BECAUSE = {
    Lesson.Expectation.BETTER: "The leader kept leading in the days I remember.",
    Lesson.Expectation.WORSE: "I remember the fees, and that the move had begun long before.",
}
GOOD: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Waiting for the second close cost little and kept me out of the false start before.", ()),
    (
        "It paid, but I sized it as if I did not believe it. Next time I take the size of the recommendation.",
        ("undersized",),
    ),
    ("The reason I wrote held to the end. I keep writing it down before I look at prices.", ()),
)
BAD: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("I went when the move was nearly over. A day later the turnover had gone already.", ("late", "chased")),
    ("What spoke against it stood on the card, and I read past it.", ("ignored_doubt",)),
    ("The edge was smaller than the fees both ways. I leave out what does not clear its hurdle twice.", ("costs",)),
)


@dataclass(frozen=True, slots=True)
class Act:
    """What the demo trader does about one recommendation."""

    verb: str
    conviction: float | None = None
    words: str = ""


# In the order in which recommendations come; afterwards the trader follows every other one.
ACTS = (
    Act("follow", 0.6),
    Act("pass", words="I was on the road and could not watch it. The move may come without me."),
    Act("follow", 0.7),
    Act("halve", 0.6, "Half of it: the spread widened while I looked."),
    Act("oppose", 0.8, "I think the model is early. I buy more of what it wants to sell."),
    Act("follow", 0.5),
    Act("ignore"),
)


def load_demo(*, now: datetime, password: str, say: Callable[[str], object] = print) -> bool:
    """Write the demo once; returns whether there was anything to do. Without a password there are no demo accounts."""
    if not password or User.objects.filter(email__in=[DEMO_EMAIL, ADMIN_EMAIL]).exists():
        return False
    say("Drawing 24 months of a simulated market …")
    market = ensure_market("simulated")
    refresh_prices(market=market, now=now)
    refresh_market(market=market, now=now)
    changes = list(Evidence.objects.filter(market=market).order_by("as_of").values_list("as_of", flat=True))
    say(f"Living through {len(changes)} changes of stage …")
    with transaction.atomic():
        _write(market, changes, now, password)
    say("Valuing portfolios and reviewing rotations …")
    for portfolio in Portfolio.objects.filter(owner__email=DEMO_EMAIL).select_related("market"):
        value_portfolio(portfolio=portfolio, now=now)
    measure_reviews(now=now)
    _look_back(now)
    say("Following the shadows …")
    while advance_shadows(market=market, now=now).is_behind:
        pass
    return True


def _look_back(now: datetime) -> None:
    """Review most decisions that are old enough, as a person does: a guess first, then the outcome and a lesson."""
    known = Review.objects.filter(rotation__portfolio__owner__email=DEMO_EMAIL, rotation__state=Rotation.State.LOGGED)
    known = known.filter(horizon_days=30, status=Review.Status.OK).select_related("rotation")
    for number, review in enumerate(known.order_by("rotation__executed_at", "rotation_id")):
        looked_at = (review.priced_at or now) + timedelta(days=2, hours=19)
        if number % LEAVES_ONE_IN == LEAVES_ONE_IN - 1 or looked_at > now or review.total_alpha_usd is None:
            continue
        is_right = number % 5 not in {1, 3}
        better, worse = Lesson.Expectation.BETTER, Lesson.Expectation.WORSE
        guessed = better if (review.total_alpha_usd > 0) == is_right else worse
        guess = Guess(horizon_days=30, expectation=guessed, because=BECAUSE[guessed])
        lesson = expect(decision=review.rotation, guess=guess, outcome=review.total_alpha_usd, now=looked_at)
        sentence, mistakes = (GOOD if review.total_alpha_usd > 0 else BAD)[number % 3]
        learn(lesson=lesson, sentence=sentence, mistakes=mistakes, now=looked_at + timedelta(minutes=4))


def _write(market: Market, changes: list[datetime], now: datetime, password: str) -> None:
    """Make the accounts and live through the months, whole or not at all."""
    person = User.objects.create_user(DEMO_EMAIL, password, experience=User.Experience.INTERMEDIATE, has_overlay=True)
    User.objects.create_superuser(ADMIN_EMAIL, password)
    start = now - timedelta(days=MONTHS * 365 // 12)
    main = _open(person, market, "Main", "ANCHOR", ANCHOR_USD, start)
    acts = list(ACTS)
    for as_of in (as_of for as_of in changes if as_of > start):
        _live(market, main, as_of, acts)
    leave_open(main, now)
    _open(person, market, "By the table", "TABLE", TABLE_USD, now - timedelta(days=60))
    refresh(market=market, now=now)


@in_context
def leave_open(portfolio: Portfolio, now: datetime) -> None:
    """Buy something without a word about it, and plan what is not done yet."""
    instrument = Instrument.objects.get(venue=portfolio.venue, kind=Instrument.Kind.SPOT, asset__symbol="UNI")
    close = last_closes(market=portfolio.market_id, assets=[instrument.asset_id], moment=now)[0].price_usd
    quantity = floor_to_step(UNSAID_USD / close, Decimal("0.0001"))
    terms: dict[str, Any] = {
        "instrument": instrument,
        "quantity": quantity,
        "price": close,
        "fee_amount": exact(UNSAID_USD / 1000),
    }
    record_fills(portfolio=portfolio, fills=[NewFill(side=Fill.Side.BUY, executed_at=now, **terms)], now=now)
    leg = DraftLeg(action=RecommendationLeg.Action.SELL_SPOT, **terms)
    keep_plan(
        portfolio=portfolio, draft=Draft(client_key=uuid.uuid4(), legs=(leg,), thesis=PLANNED, executed_at=now), now=now
    )


@in_context
def _open(person: User, market: Market, name: str, preset: str, amounts: dict[str, int], opened: datetime) -> Portfolio:
    """Open a portfolio worth these amounts at that day's prices, bought a little cheaper before."""
    venue, reserve = Venue.objects.get(slug="binance"), Asset.objects.get(symbol="USDC")
    assets = Asset.objects.in_bulk(list(amounts), field_name="symbol")
    closes = last_closes(market=market.pk, assets=[asset.pk for asset in assets.values()], moment=opened)
    prices = {close.asset_id: close.price_usd for close in closes}
    openings = []
    for symbol, usd in amounts.items():
        asset, price = assets[symbol], prices[assets[symbol].pk]
        quantity = floor_to_step(usd / price, Decimal("0.0001"))
        cost = exact(quantity * price * (Decimal(1) if asset == reserve else Decimal("0.9")))
        openings.append(Opening(asset=asset, quantity=quantity, cost_usd=cost))
    return open_portfolio(
        owner=person,
        market=market,
        venue=venue,
        reserve_asset=reserve,
        name=name,
        now=opened,
        preset=preset,
        holdings=openings,
        opened_at=opened,
    )


def _live(market: Market, portfolio: Portfolio, as_of: datetime, acts: list[Act]) -> None:
    """See what the day's close says, and do something about it."""
    moment = as_of + AFTER_CLOSE
    recommend(market=market, as_of=as_of, now=moment)
    found = current(portfolio=portfolio, now=moment)
    if found is None or found.is_refusal or not found.is_open(moment):
        return
    _do(_next_act(acts, found), portfolio, found, moment + TO_DECIDE)


def _next_act(acts: list[Act], found: Recommendation) -> Act:
    """Take the next act; opposing waits for a peak, when there is much to sell."""
    if not acts:
        return Act("follow" if found.pk % 2 else "ignore", 0.6)
    if acts[0].verb == "oppose" and found.stage != Stage.PR:
        return Act("follow", 0.6)
    return acts.pop(0)


def _do(act: Act, portfolio: Portfolio, found: Recommendation, moment: datetime) -> Rotation | None:
    """Follow, halve, oppose, pass or ignore; what the ledger refuses is left alone, as a person would leave it."""
    if act.verb == "ignore":
        return None
    if act.verb == "pass":
        pass_on(recommendation=found, reason=act.words, now=moment)
        return None
    legs = {"halve": _halved, "oppose": _opposed}.get(act.verb, _as_they_are)(portfolio, legs_of(found), moment)
    thesis = act.words or THESES[Stage(found.stage)]
    draft = Draft(
        client_key=uuid.uuid4(),
        legs=legs,
        thesis=thesis,
        executed_at=moment,
        conviction=act.conviction,
        recommendation=found,
        tags=(act.verb,),
    )
    try:
        return log_rotation(portfolio=portfolio, draft=draft, now=moment).rotation if legs else None
    except Refusal:
        return None


def _as_they_are(portfolio: Portfolio, legs: tuple[DraftLeg, ...], moment: datetime) -> tuple[DraftLeg, ...]:
    """Follow to the letter."""
    return legs


@in_context
def _halved(portfolio: Portfolio, legs: tuple[DraftLeg, ...], moment: datetime) -> tuple[DraftLeg, ...]:
    """Do half of every leg."""
    halves = (
        replace(
            leg,
            quantity=floor_to_step(leg.quantity / 2, leg.instrument.lot_step),
            fee_amount=exact(leg.fee_amount / 2),
        )
        for leg in legs
    )
    return tuple(leg for leg in halves if leg.quantity)


@in_context
def _opposed(portfolio: Portfolio, legs: tuple[DraftLeg, ...], moment: datetime) -> tuple[DraftLeg, ...]:
    """Do the opposite with half the size: sell what was to be bought, and buy with it what was to be sold."""
    held = {line.asset.pk: line.quantity for line in holdings(portfolio=portfolio, now=moment)}
    sold = [
        _sized("SELL_SPOT", leg, min(leg.quantity / 2, held.get(leg.instrument.asset_id, ZERO)))
        for leg in legs
        if leg.action == "BUY_SPOT"
    ]
    money = sum((leg.quantity * leg.price - leg.fee_amount for leg in sold), ZERO)
    wanted = [leg for leg in legs if leg.action == "SELL_SPOT"]
    spend = money * Decimal("0.998") / max(len(wanted), 1)
    bought = [_sized("BUY_SPOT", leg, spend / leg.price) for leg in wanted]
    return tuple(leg for leg in (*sold, *bought) if leg.quantity)


def _sized(action: str, like: DraftLeg, quantity: Decimal) -> DraftLeg:
    """State a spot leg rounded to the venue's step, with a fee of 10 basis points."""
    rounded = floor_to_step(quantity, like.instrument.lot_step)
    fee = exact(rounded * like.price * Decimal("0.001"))
    return DraftLeg(action=action, instrument=like.instrument, quantity=rounded, price=like.price, fee_amount=fee)
