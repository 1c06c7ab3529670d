"""Work the playbook's scenarios and phases out with a person's own numbers (DOMAIN F32-F41)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from journal.queries.shelf import Shelf
from portfolio.domain.money import ONE, ZERO, canonical, exact, floor_to_step, in_context
from portfolio.domain.policy import StageCode, StageRule
from portfolio.models import Asset, Instrument, Policy, Sector
from portfolio.provided import StageNow
from portfolio.queries.aims import Roles, own_split, preset_of, roles_of
from portfolio.queries.holdings import HoldingLine, Snapshot
from portfolio.queries.sectors import memberships
from signals.models import RecommendationLeg

Action = RecommendationLeg.Action
Purpose = RecommendationLeg.Purpose
HALF = Decimal("0.5")
PRICE_DIGITS = 7
SLIGHTLY = Decimal("0.1")
A_THIRD = Decimal("0.333333")
NEED_TWO = "The playbook's scenarios need a policy with two narratives, and something held in one of them."


class Scenario(StrEnum):
    """Name the playbook's templates: into the narrative that ignites, and back to the base after its peak.

    The phases do less: the first accumulates with what is free, the second takes some profit.
    """

    A = "A"
    B = "B"
    P1 = "P1"
    P2 = "P2"


NOTES = {
    Scenario.A: (
        "The playbook's scenario A with your numbers: half of {source} moves into {target}, with a futures long on top "
        "where your reserve can post its margin. Change what you did otherwise."
    ),
    Scenario.B: (
        "The playbook's scenario B with your numbers: {source} is cut to a fifth of the pool, its long is closed, "
        "{target} takes what it brings, and a short stands against your core. Change what you did otherwise."
    ),
    Scenario.P1: (
        "The playbook's phase 1, accumulation: a tenth of {source} and half of what is free in your reserve go into "
        "{target}, with a small long on top. Change what you did otherwise."
    ),
    Scenario.P2: (
        "The playbook's phase 2, profit taking: a third of {source} is sold into your reserve, and its long is closed; "
        "where you have none, a small short stands against it. Change what you did otherwise."
    ),
}


@dataclass(frozen=True, kw_only=True)
class PlannedLeg:
    """Suggest one leg of a ticket; prices in the quote asset."""

    action: str
    instrument: Instrument
    quantity: Decimal
    price: Decimal
    leverage: Decimal | None = None
    stop_price: Decimal | None = None
    purpose: str = ""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Hold a scenario's legs, or why there are none."""

    heading: str
    note: str
    legs: Sequence[PlannedLeg] = ()


@dataclass(frozen=True, kw_only=True)
class _Desk:
    """Hold what a scenario is worked out from."""

    shelf: Shelf
    found: Snapshot
    policy: Policy
    roles: Roles
    prices: Mapping[int, Decimal]


@in_context
def scenario_legs(
    scenario: Scenario, *, shelf: Shelf, found: Snapshot, stage: StageNow | None, prices: Mapping[int, Decimal]
) -> Plan:
    """Return the legs of a scenario: spot from one narrative to the other, and the futures beside it."""
    sectors = [sector for sector in found.sectors if sector.kind == Sector.Kind.NARRATIVE]
    names = {**({} if stage is None else stage.names), **{sector.slug: sector.name for sector in sectors}}
    pool = {} if found.policy is None else own_split(found.policy)
    roles = roles_of(sectors=[sector for sector in sectors if sector.slug in pool], stage=stage)
    if roles is None or found.policy is None:
        return Plan(heading="A scenario needs two narratives", note=NEED_TWO)
    desk = _Desk(shelf=shelf, found=found, policy=found.policy, roles=roles, prices=prices)
    is_onward = scenario in (Scenario.A, Scenario.P1)
    source, target = (roles.base, roles.leader) if is_onward else (roles.leader, roles.base)
    legs = PLANS[scenario](desk)
    heading = "Some profit out of {}" if scenario is Scenario.P2 else "{} to {}"
    said = NOTES[scenario].format(source=names[source], target=names[target])
    return Plan(heading=heading.format(names[source], names[target]), note=said if legs else NEED_TWO, legs=legs)


def _attack(desk: _Desk) -> list[PlannedLeg]:
    """Sell half of the base, buy the leader with what that brings, and open a long with margin from the reserve."""
    sells = _sales(desk, desk.roles.base, share=HALF)
    buys = _purchase(desk, desk.roles.leader, sells)
    rule = preset_of(desk.policy).stages[StageCode.NI]
    bought = buys[0].instrument.asset if buys else None
    return [*sells, *buys, *_opened(desk, bought, rule, Action.OPEN_LONG, Purpose.AMPLIFY)]


def _defend(desk: _Desk) -> list[PlannedLeg]:
    """Cut the leader to its share after a peak, close its long, buy the base, and hedge the core (F39-F41)."""
    rule = preset_of(desk.policy).stages[StageCode.PR]
    leading = desk.found.sector_drifts.get(desk.roles.leader)
    actual, wanted = (ZERO if leading is None else leading.actual), rule.leader_share or ZERO
    share = exact((actual - wanted) / actual) if actual > wanted else ZERO
    sells = _sales(desk, desk.roles.leader, share=share)
    core = max((line for line in desk.found.holdings if line.core), key=lambda line: line.worth.value, default=None)
    hedged = None if core is None else core.asset
    return [
        *_closed(desk),
        *sells,
        *_purchase(desk, desk.roles.base, sells),
        *_opened(desk, hedged, rule, Action.OPEN_SHORT_HEDGE, Purpose.CORE_HEDGE),
    ]


def _accumulate(desk: _Desk) -> list[PlannedLeg]:
    """Put a little of the base and half of the free reserve into the leader, with a small long on top (phase 1)."""
    sells = _sales(desk, desk.roles.base, share=SLIGHTLY)
    free = max(_spare(desk), ZERO) * HALF / _cash_usd(desk)
    buys = _purchase(desk, desk.roles.leader, sells, more=exact(free))
    rule = preset_of(desk.policy).stages[StageCode.NI]
    bought = buys[0].instrument.asset if buys else None
    return [*sells, *buys, *_opened(desk, bought, rule, Action.OPEN_LONG, Purpose.AMPLIFY, part=HALF)]


def _take_profit(desk: _Desk) -> list[PlannedLeg]:
    """Sell a third of the leader into the reserve, and close its long, or hedge it where there is none (phase 2)."""
    closes, sells = _closed(desk), _sales(desk, desk.roles.leader, share=A_THIRD)
    rule = preset_of(desk.policy).stages[StageCode.PR]
    held = sells[0].instrument.asset if sells and not closes else None
    return [
        *closes,
        *sells,
        *_opened(desk, held, rule, Action.OPEN_SHORT_HEDGE, Purpose.RESIDUAL_SPOT_HEDGE, part=HALF),
    ]


def _spare(desk: _Desk) -> Decimal:
    """Return what the reserve holds above its floor, in USD."""
    parts = desk.found.sleeves
    floor: Decimal = desk.policy.reserve_floor * parts.equity.value
    return parts.reserve.value - floor


def _cash_usd(desk: _Desk) -> Decimal:
    quoted = desk.found.quotes.get(desk.shelf.portfolio.reserve_asset_id)
    return ONE if quoted is None else quoted.price


PLANS = {Scenario.A: _attack, Scenario.B: _defend, Scenario.P1: _accumulate, Scenario.P2: _take_profit}


def _sales(desk: _Desk, sector: str, *, share: Decimal) -> list[PlannedLeg]:
    """Sell a share of everything free that belongs to a sector."""
    legs = []
    for line in _held_in(desk, sector):
        instrument = desk.shelf.instrument_of(asset=line.asset.pk)
        if instrument is not None:
            quantity = floor_to_step(exact((line.quantity - line.core) * share), instrument.lot_step)
            legs.append(_leg(desk, Action.SELL_SPOT, instrument, quantity))
    return [leg for leg in legs if leg is not None]


def _purchase(desk: _Desk, sector: str, sells: Iterable[PlannedLeg], *, more: Decimal = ZERO) -> list[PlannedLeg]:
    """Spend exactly what sales bring, and more where it is said, after both fees, on the sector's largest holding."""
    rate = desk.shelf.rates[Instrument.Kind.SPOT]
    proceeds = sum((leg.quantity * leg.price for leg in sells), ZERO) * (1 - rate) + more
    instrument = _chosen(desk, sector)
    if instrument is None or not proceeds:
        return []
    affordable = exact(proceeds / (desk.prices[instrument.asset_id] * (1 + rate)))
    leg = _leg(desk, Action.BUY_SPOT, instrument, floor_to_step(affordable, instrument.lot_step))
    return [] if leg is None else [leg]


def _opened(
    desk: _Desk, asset: Asset | None, rule: StageRule, action: Action, purpose: Purpose, *, part: Decimal = ONE
) -> list[PlannedLeg]:
    """Open futures as the stage asks, or a part of it, as far as that of the free reserve can post the margin (F35)."""
    instrument = None if asset is None else desk.shelf.instrument_of(asset=asset.pk, is_futures=True)
    if instrument is None or instrument.asset_id not in desk.prices:
        return []
    spare = _spare(desk) * part
    wanted = abs(rule.futures_ratio) * desk.found.sleeves.rotation_pool * part
    notional = max(min(wanted, spare * rule.leverage * Decimal("0.98")), ZERO)
    price = desk.prices[instrument.asset_id]
    quantity = floor_to_step(exact(notional / price), instrument.lot_step)
    way = -1 if action == Action.OPEN_LONG else 1
    stop = _rounded(price * (ONE + way * desk.policy.stop_rate))
    leg = _leg(desk, action, instrument, quantity, leverage=rule.leverage, stop_price=stop, purpose=purpose)
    return [] if leg is None else [leg]


def _closed(desk: _Desk) -> list[PlannedLeg]:
    """Close the longs on the leader."""
    longs = [
        line
        for line in desk.found.positions
        if line.quantity > 0
        and desk.roles.leader in line.belonging.narratives
        and line.mark is not None
        and line.is_plain
    ]
    legs = (_leg(desk, Action.CLOSE_LONG, line.instrument, line.quantity) for line in longs)
    return [leg for leg in legs if leg is not None]


def _leg(desk: _Desk, action: str, instrument: Instrument, quantity: Decimal, **more: object) -> PlannedLeg | None:
    """Return a leg at the price now, None where nothing is left of it or no price is known."""
    price = desk.prices.get(instrument.asset_id)
    if price is None or quantity <= 0:
        return None
    return PlannedLeg(action=action, instrument=instrument, quantity=quantity, price=_rounded(price), **more)  # type: ignore[arg-type]


def _held_in(desk: _Desk, sector: str) -> list[HoldingLine]:
    """Return what is held of a sector, the largest first."""
    lines = [line for line in desk.found.holdings if sector in line.belonging.narratives]
    return sorted(lines, key=lambda line: -line.worth.value)


def _chosen(desk: _Desk, sector: str) -> Instrument | None:
    """Return the spot instrument of the sector's largest holding, else of its first member that has a price."""
    held = [line.asset.pk for line in _held_in(desk, sector)]
    if not held:
        day = desk.found.as_of.date()
        assets = [row.asset_id for row in desk.shelf.instruments.values() if row.asset_id in desk.prices]
        members = memberships(market=desk.found.portfolio.market_id, assets=assets, since=day, until=day)
        held = [member.asset_id for member in members if member.sector.slug == sector]
    found = (desk.shelf.instrument_of(asset=asset) for asset in held if asset in desk.prices)
    return next((row for row in found if row is not None), None)


def _rounded(price: Decimal) -> Decimal:
    """Round a price to the digits that are shown, so that the ticket computes with what it shows."""
    places = max(0, PRICE_DIGITS - 1 - price.adjusted())
    return Decimal(canonical(exact(price.quantize(Decimal(1).scaleb(-min(places, 18))))))
