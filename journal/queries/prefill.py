"""Begin a ticket: from a recommendation, from a scenario of the playbook, from an earlier rotation, or blank."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Context, Decimal

from journal.models import LegFill, Plan
from journal.queries.scenarios import Scenario, scenario_legs
from journal.queries.shelf import Shelf
from portfolio.domain.money import ONE, ZERO, canonical, exact, in_context
from portfolio.domain.valuation import Quoted
from portfolio.models import Asset
from portfolio.provided import StageNow
from portfolio.queries.holdings import Snapshot
from signals.models import Recommendation

SHOWN_DIGITS = Context(prec=7)
Row = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Prefill:
    """Hold the rows a ticket begins with, as text, and when their prices were seen."""

    heading: str
    rows: Sequence[Row] = field(default_factory=list)
    as_of: datetime | None = None
    recommendation: Recommendation | None = None
    tags: str = ""
    note: str = ""


BLANK = Prefill(heading="What did you rotate?")


def from_recommendation(recommendation: Recommendation, *, shelf: Shelf) -> Prefill:
    """Return the accepted legs with the prices they were worked out at."""
    legs = [leg for leg in recommendation.legs.all() if leg.is_accepted and leg.instrument_id in shelf.instruments]
    return Prefill(
        heading=recommendation.explanation.get("headline", "") or "As recommended",
        rows=[
            {
                "action": leg.action,
                "instrument": str(leg.instrument_id),
                "quantity": canonical(leg.quantity),
                "price": shown(leg.reference_price),
                "leverage": canonical(leg.leverage) if leg.leverage > 1 or leg.stop_price else "",
                "stop_price": shown(leg.stop_price),
                "purpose": leg.purpose,
            }
            for leg in legs
        ],
        as_of=recommendation.issued_at,
        recommendation=recommendation,
        note="Quantities and prices are the recommendation's. Write what you really got.",
    )


@in_context
def from_rotation(filled: Sequence[LegFill], *, shelf: Shelf, quotes: Mapping[int, Quoted]) -> Prefill:
    """Return the legs of an earlier rotation at today's prices; a leg that filled in parts is one row."""
    parts: dict[tuple[int, int, Decimal | None], list[LegFill]] = {}
    for each in filled:
        parts.setdefault((each.leg_id, each.fill.instrument_id, each.fill.leverage), []).append(each)
    rows = [
        {
            "action": group[0].leg.action,
            "instrument": str(instrument),
            "quantity": canonical(exact(sum((each.fill.quantity for each in group), ZERO))),
            "leverage": "" if leverage is None else canonical(leverage),
            "purpose": group[0].leg.purpose,
        }
        for (_, instrument, leverage), group in parts.items()
    ]
    priced, as_of = with_prices(rows, shelf=shelf, quotes=quotes)
    return Prefill(
        heading="The same again?",
        rows=priced,
        as_of=as_of,
        tags=", ".join(filled[0].leg.rotation.tags),
        note="Legs and quantities of your earlier rotation, at the prices now.",
    )


def from_plan(plan: Plan) -> Prefill:
    """Return the legs as they were planned."""
    rows = [
        {
            "action": leg.action,
            "instrument": str(leg.instrument_id),
            "quantity": canonical(leg.quantity),
            "price": shown(leg.price),
            "leverage": "" if leg.leverage is None else canonical(leg.leverage),
            "stop_price": shown(leg.stop_price),
            "purpose": leg.purpose,
        }
        for leg in plan.legs.all()
    ]
    heading = BLANK.heading if plan.state == Plan.State.DRAFT else "What you planned"
    return Prefill(heading=heading, rows=rows, recommendation=plan.recommendation, tags=", ".join(plan.tags))


def from_scenario(scenario: Scenario, *, shelf: Shelf, found: Snapshot, stage: StageNow | None) -> Prefill:
    """Return a scenario of the playbook with the person's own numbers."""
    prices = in_quote(found.quotes, shelf.portfolio.reserve_asset)
    plan = scenario_legs(scenario, shelf=shelf, found=found, stage=stage, prices=prices)
    rows = [
        {
            "action": leg.action,
            "instrument": str(leg.instrument.pk),
            "quantity": canonical(leg.quantity),
            "price": shown(leg.price),
            "leverage": "" if leg.leverage is None else canonical(leg.leverage),
            "stop_price": shown(leg.stop_price),
            "purpose": leg.purpose,
        }
        for leg in plan.legs
    ]
    return Prefill(heading=plan.heading, rows=rows, as_of=found.as_of if rows else None, note=plan.note)


@in_context
def with_prices(
    rows: Iterable[Row], *, shelf: Shelf, quotes: Mapping[int, Quoted]
) -> tuple[list[Row], datetime | None]:
    """Fill in the prices that rows lack, and say how old the oldest of them is."""
    listed = [dict(row) for row in rows]
    wanted = {row["instrument"] for row in listed if row.get("instrument") and not row.get("price")}
    instruments = {key: shelf.instruments[int(key)] for key in wanted if _is_known(key, shelf)}
    if not instruments:
        return listed, None
    prices = in_quote(quotes, shelf.portfolio.reserve_asset)
    for row in listed:
        instrument = None if row.get("price") else instruments.get(row.get("instrument", ""))
        if instrument is not None and instrument.asset_id in prices:
            row["price"] = shown(prices[instrument.asset_id])
    seen = [quotes[row.asset_id].observed_at for row in instruments.values() if row.asset_id in quotes]
    return listed, min(seen, default=None)


@in_context
def in_quote(quotes: Mapping[int, Quoted], reserve: Asset) -> dict[int, Decimal]:
    """Return prices in the asset that everything is traded against."""
    cash = quotes[reserve.pk].price if reserve.pk in quotes else ONE
    return {asset: exact(quoted.price / cash) for asset, quoted in quotes.items()}


def shown(price: Decimal | None) -> str:
    """Write a price with the digits that anyone reads."""
    return "" if price is None else canonical(exact(SHOWN_DIGITS.plus(price)))


def _is_known(key: str, shelf: Shelf) -> bool:
    return key.isascii() and key.isdecimal() and len(key) < 19 and int(key) in shelf.instruments
