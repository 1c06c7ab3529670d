"""Examine one rotation: its curve against holding, causes, lag, and how it differs from the advice (DOMAIN 5.5)."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery

from accounts.models import User
from journal.domain.classify import LegKey, is_too_late
from journal.domain.counterfactual import (
    Decision,
    Measured,
    Prices,
    Status,
    closes_at,
    first_close,
    measure,
)
from journal.domain.deviations import Deviation, Matched, compare_legs, reasons
from journal.domain.deviations import Side as Compared
from journal.domain.lag import HORIZON, Clocks, Gone, delay_cost, share_gone
from journal.domain.learning import Costs, costs_of
from journal.domain.split import CENT, Line, Traded, split
from journal.models import LegFill, Review, Rotation
from journal.queries.decisions import daily_closes, decision_of
from journal.queries.legs import OPENS, SELLS, SPOT
from journal.queries.paper import paper_decision
from journal.queries.sealed import with_seen
from portfolio.domain.money import ONE, ZERO, in_context
from portfolio.models import Instrument
from signals.models import RecommendationLeg, RegimeDay, StageDay

OWN_HORIZON = 30
LONGEST = timedelta(days=90)
BEFORE = timedelta(days=60)
"""How far before the signal closes are read, for how much the ratio usually moves in a month."""

DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Point:
    """What holding, and what was done instead, were worth at the close of a day; the overlay apart. In USD."""

    date: date
    hold: Decimal
    actual: Decimal
    overlay: Decimal


@dataclass(frozen=True, kw_only=True)
class Examined:
    """Hold what is known of a rotation beside its stored reviews; empty or None where it is not known."""

    decision: Decision
    curve: tuple[Point, ...]
    review: Review | None
    lines: tuple[Line, ...]
    costs: Costs | None
    multiple: Decimal | None
    risk: Decimal | None
    brier: Decimal | None
    clocks: Clocks
    gone: Gone
    delay: Decimal | None
    matched: tuple[Matched, ...]
    deviations: tuple[Deviation, ...]
    missed: Measured | None


def examinable(*, user: User, pk: int) -> Rotation | None:
    """Return a person's own rotation with what an examination needs, and the stage and regime of its market now.

    Four queries; None where it is not theirs.
    """
    fills = LegFill.objects.select_related("leg__sector", "leg__planned", "fill__instrument__asset")
    legs = RecommendationLeg.objects.filter(is_accepted=True).select_related("instrument__asset", "sector")
    where = ("portfolio__market", "portfolio__venue", "portfolio__reserve_asset", "recommendation", "plan")
    mine = with_seen(Rotation.objects.owned_by(user).filter(pk=pk)).select_related(
        *where, "source_sector", "destination_sector"
    )
    found = mine.annotate(**_now()).prefetch_related("reviews", Prefetch("recommendation__legs", legs)).first()
    if found is not None:
        found.pairs = list(fills.filter(leg__rotation=found).order_by("leg__position", "pk"))  # type: ignore[attr-defined]
    return found


@in_context
def examine(*, rotation: Rotation, pairs: Sequence[LegFill], clock: datetime) -> Examined:
    """Return everything that is measured of a rotation up to a moment. Three queries, one without futures."""
    decision = decision_of(rotation=rotation, pairs=pairs)
    reviews = {review.horizon_days: review for review in rotation.reviews.all()}
    review = _shown(reviews)
    clocks = _clocks(rotation, pairs)
    asked = list(rotation.recommendation.legs.all()) if rotation.recommendation else []
    prices = _closes(rotation, decision, asked, clocks, review, clock)
    matched = compare_legs(executed=_executed(pairs), recommended=_recommended(asked))
    risk = risk_of(pairs)
    return Examined(
        decision=decision,
        curve=tuple(curve_of(decision=decision, prices=prices, clock=clock)),
        review=review,
        lines=_lines(rotation, pairs, asked, decision, prices, review, clock),
        costs=_costs(review),
        multiple=_multiple(review, risk),
        risk=risk,
        brier=_brier(rotation, reviews.get(OWN_HORIZON)),
        clocks=clocks,
        gone=_gone(decision, clocks, prices, clock),
        delay=_delay(decision, clocks, prices),
        matched=matched if asked else (),
        deviations=reasons(matched=matched, is_late=_is_late(rotation, clocks)) if asked else (),
        missed=_missed(rotation, matched, prices, clock) if asked else None,
    )


def curve_of(*, decision: Decision, prices: Prices, clock: datetime) -> Iterable[Point]:
    """Return hold and actual at every close of 90 days at which all is priced, by the engine of the reviews."""
    for days in range(LONGEST.days + 1):
        found = measure(decision=decision, horizon_days=days, prices=prices, clock=clock)
        if found.status is Status.OK and found.priced_at and found.hold is not None and found.actual is not None:
            day = (found.priced_at - timedelta(seconds=1)).date()
            yield Point(date=day, hold=found.hold, actual=found.actual, overlay=found.overlay or ZERO)


@in_context
def risk_of(pairs: Iterable[LegFill]) -> Decimal | None:
    """Return what the opened futures legs would lose at their stops, fees at both ends included (E03: 1R).

    None where nothing was opened, or one of them has no stop.
    """
    opened = [pair for pair in pairs if pair.leg.action in OPENS]
    if not opened or any(pair.leg.stop_price is None for pair in opened):
        return None
    return sum((_risk(pair) for pair in opened), ZERO)


def _risk(pair: LegFill) -> Decimal:
    fill, stop = pair.fill, pair.leg.stop_price or ZERO
    lost: Decimal = fill.quantity * abs(fill.price - stop) * fill.quote_usd
    fees: Decimal = fill.fee_usd + fill.fee_usd * stop / fill.price
    return lost + fees


def _now() -> dict[str, Subquery]:
    """Return where the market stands as annotations: the last stage and regime that were computed."""

    def newest(rows: QuerySet[StageDay] | QuerySet[RegimeDay], name: str) -> Subquery:
        """Return a column of the market's newest day."""
        return Subquery(rows.filter(market=OuterRef("portfolio__market")).order_by("-date").values(name)[:1])

    return {
        "stage_now": newest(StageDay.objects.all(), "stage"),
        "regime_now": newest(RegimeDay.objects.all(), "regime"),
    }


def _shown(reviews: Mapping[int, Review]) -> Review | None:
    """Return the review that the page is about: of 30 days, else the one to date."""
    known = (reviews.get(days) for days in (OWN_HORIZON, Review.TO_DATE))
    return next((each for each in known if each is not None and each.status == Review.Status.OK), None)


def _clocks(rotation: Rotation, pairs: Sequence[LegFill]) -> Clocks:
    moments = sorted(pair.fill.executed_at for pair in pairs) or [rotation.executed_at]
    named = rotation.recommendation
    since = rotation.evidence.get("stage", {}).get("since") if named is None else named.stage_since.isoformat()
    signal = datetime.combine(date.fromisoformat(since), time(), UTC) + DAY if since else None
    return Clocks(
        signal=signal if signal is not None and signal <= moments[0] else None,
        issue=None if named is None else named.issued_at,
        first_fill=moments[0],
        last_fill=moments[-1],
    )


def _is_late(rotation: Rotation, clocks: Clocks) -> bool:
    named = rotation.recommendation
    return named is not None and is_too_late(clocks.first_fill, expires_at=named.expires_at)


def _closes(
    rotation: Rotation,
    decision: Decision,
    asked: Iterable[RecommendationLeg],
    clocks: Clocks,
    review: Review | None,
    clock: datetime,
) -> Prices:
    symbols = {side.asset for side in (*decision.sold, *decision.bought)} | {f.asset for f in decision.futures}
    symbols |= {leg.instrument.asset.symbol for leg in asked}
    first = first_close(decision.decided_at)
    since = min(clocks.signal or first, first) - BEFORE
    return daily_closes(
        market=rotation.portfolio.market_id,
        symbols=symbols,
        since=since,
        until=min(first + LONGEST + DAY, clock),
        also=None if review is None else review.priced_at,
    )


def _lines(
    rotation: Rotation,
    pairs: Sequence[LegFill],
    asked: Sequence[RecommendationLeg],
    decision: Decision,
    prices: Prices,
    review: Review | None,
    clock: datetime,
) -> tuple[Line, ...]:
    """Return the causes of the outcome shown; none while it is being measured anew."""
    if review is None or review.priced_at is None or review.total_alpha_usd is None:
        return ()
    closes = closes_at(decision=decision, moment=review.priced_at, prices=prices, clock=clock)
    if not closes:
        return ()
    traded = _traded(pairs, asked, prices)
    lines = split(decision=decision, traded=traded, closes=closes, moment=review.priced_at)
    is_same = sum((line.amount for line in lines), ZERO) == review.total_alpha_usd.quantize(CENT)
    return lines if is_same else ()


def _traded(pairs: Sequence[LegFill], asked: Iterable[RecommendationLeg], prices: Prices) -> list[Traded]:
    """Return the spot fills with the prices that they were decided at: planned, else recommended, else their own."""
    advised = {(leg.action, leg.instrument_id): leg.reference_price for leg in asked}
    spot = [pair for pair in pairs if pair.fill.instrument.kind == Instrument.Kind.SPOT]
    first = min((pair.fill.executed_at for pair in spot), default=None)
    return [_trade(pair, advised, prices, first or pair.fill.executed_at) for pair in spot]


def _trade(pair: LegFill, advised: Mapping[tuple[str, int], Decimal], prices: Prices, first: datetime) -> Traded:
    fill, own = pair.fill, pair.fill.price * pair.fill.quote_usd
    decided = advised.get((pair.leg.action, fill.instrument_id), own)
    if pair.leg.planned is not None:
        decided = pair.leg.planned.price * fill.quote_usd
    asset = fill.instrument.asset.symbol
    return Traded(
        asset=asset,
        quantity=-fill.quantity if pair.leg.action in SELLS else fill.quantity,
        price=own,
        decided=decided,
        waited_from=_last(prices, asset, first),
        waited_to=_last(prices, asset, fill.executed_at),
    )


def _last(prices: Prices, asset: str, moment: datetime) -> Decimal | None:
    """Return the last close at or before a moment, None where the last 36 hours have none."""
    closes = prices.closes.get(asset, ())
    place = bisect_right([at for at, _ in closes], moment)
    return closes[place - 1][1] if place and moment - closes[place - 1][0] <= timedelta(hours=36) else None


def _costs(review: Review | None) -> Costs | None:
    if review is None or review.gross_alpha_usd is None or review.alpha_usd is None:
        return None
    return costs_of(gross=review.gross_alpha_usd, net=review.alpha_usd)


def _multiple(review: Review | None, risk: Decimal | None) -> Decimal | None:
    """Return what the futures brought in units of what was at risk (DOMAIN 5.4)."""
    return None if review is None or not risk or review.overlay_usd is None else review.overlay_usd / risk


def _brier(rotation: Rotation, month: Review | None) -> Decimal | None:
    """Return (p - o)² of the chance that was given, at its horizon (DOMAIN 5.3)."""
    if rotation.conviction is None or month is None or month.total_alpha_usd is None:
        return None
    return (Decimal(str(rotation.conviction)) - int(month.total_alpha_usd > 0)) ** 2


def _gone(decision: Decision, clocks: Clocks, prices: Prices, clock: datetime) -> Gone:
    """Return which share of the move was over when the spot legs were done (DOMAIN 5.6; E29)."""
    if clocks.signal is None:
        return Gone(share=None, reason="No signal stood before it.")
    if not decision.bought and not decision.sold:
        return Gone(share=None, reason="Only futures were traded.")
    end = clocks.signal + HORIZON
    if end > clock:
        return Gone(share=None, reason="The 30 days after the signal are not over.")
    signal, last = _ratio(decision, prices, clocks.signal), _ratio(decision, prices, end)
    executed = _value(decision, {side.asset: side.price for side in (*decision.sold, *decision.bought)})
    before = [_ratio(decision, prices, clocks.signal - days * DAY) for days in range(BEFORE.days - 1, -1, -1)]
    known = [each for each in before if each]
    changes = [math.log(now / then) for then, now in pairwise(known)]
    is_ratio = bool(decision.bought and decision.sold)
    return share_gone(signal=signal, executed=executed, end=last, changes=changes, is_ratio=is_ratio)


def _ratio(decision: Decision, prices: Prices, moment: datetime) -> float:
    found = {asset: _last(prices, asset, moment) for asset in _spot(decision)}
    return 0.0 if None in found.values() else _value(decision, {a: p for a, p in found.items() if p is not None})


def _value(decision: Decision, at: Mapping[str, Decimal]) -> float:
    """Return what was bought over what was sold at some prices; where only one side was traded, its worth."""
    bought = sum((side.quantity * at[side.asset] for side in decision.bought), ZERO) or ONE
    sold = sum((side.quantity * at[side.asset] for side in decision.sold), ZERO)
    if not decision.bought:
        return float(sold)
    return float(bought / sold) if sold else float(bought)


def _spot(decision: Decision) -> set[str]:
    return {side.asset for side in (*decision.sold, *decision.bought)}


def _delay(decision: Decision, clocks: Clocks, prices: Prices) -> Decimal | None:
    if clocks.signal is None or not (decision.sold or decision.bought):
        return None
    found = {asset: _last(prices, asset, clocks.signal) for asset in _spot(decision)}
    return delay_cost(
        bought=[(side.asset, side.quantity, side.price) for side in decision.bought],
        sold=[(side.asset, side.quantity, side.price) for side in decision.sold],
        signal={asset: price for asset, price in found.items() if price is not None},
    )


def _executed(pairs: Iterable[LegFill]) -> list[Compared]:
    return [
        Compared(
            key=LegKey(pair.leg.sector.slug, pair.leg.action not in SPOT),
            notional=_signed(pair.leg.action, pair.fill.quantity * pair.fill.price * pair.fill.quote_usd),
            instrument=pair.fill.instrument.name,
            is_opening=pair.leg.action in OPENS,
            has_stop=pair.leg.stop_price is not None,
        )
        for pair in pairs
    ]


def _recommended(asked: Iterable[RecommendationLeg]) -> list[Compared]:
    hedges = {RecommendationLeg.Action.OPEN_SHORT_HEDGE, RecommendationLeg.Action.CLOSE_HEDGE}
    return [
        Compared(
            key=LegKey(leg.sector.slug, leg.action not in SPOT),
            notional=_signed(leg.action, leg.notional_usd),
            instrument="" if leg.instrument is None else leg.instrument.name,
            is_hedge=leg.action in hedges,
        )
        for leg in asked
    ]


def _signed(action: str, value: Decimal) -> Decimal:
    return -value if action in SELLS else value


def _missed(rotation: Rotation, matched: Iterable[Matched], prices: Prices, clock: datetime) -> Measured | None:
    """Return what the part that was left out would have brought in 30 days, on paper (DOMAIN 5.1)."""
    if rotation.recommendation is None:
        return None
    left = {each.key: ONE - min(max(each.ratio, ZERO), ONE) for each in matched if each.ratio is not None}
    legs = rotation.recommendation.legs.all()
    shares = {leg.pk: left.get(LegKey(leg.sector.slug, leg.action not in SPOT), ZERO) for leg in legs}
    if not any(share > Decimal("0.01") for share in shares.values()):
        return None
    paper = paper_decision(rotation.recommendation, shares)
    return measure(decision=paper, horizon_days=OWN_HORIZON, prices=prices, clock=clock)
