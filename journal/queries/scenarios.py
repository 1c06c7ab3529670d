"""Work the playbook's scenarios A and B out with a person's own numbers (DOMAIN F32-F41)."""

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
NEED_TWO = "The playbook's scenarios need a policy with two narratives, and something held in one of them."


class Scenario(StrEnum):
    """Name the playbook's scenarios: into the narrative that ignites, and back to the base after its peak."""

    A = "A"
    B = "B"


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
    source, target = (roles.base, roles.leader) if scenario is Scenario.A else (roles.leader, roles.base)
    legs = _attack(desk) if scenario is Scenario.A else _defend(desk)
    heading = f"{names[source]} to {names[target]}"
    return Plan(heading=heading, note=_note(scenario, names[source], names[target]) if legs else NEED_TWO, legs=legs)


def _note(scenario: Scenario, source: str, target: str) -> str:
    if scenario is Scenario.A:
        return (
            f"The playbook's scenario A with your numbers: half of {source} moves into {target}, with a futures long "
            "on top where your reserve can post its margin. Change what you did otherwise."
        )
    return (
        f"The playbook's scenario B with your numbers: {source} is cut to a fifth of the pool, its long is closed, "
        f"{target} takes what it brings, and a short stands against your core. Change what you did otherwise."
    )


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


def _sales(desk: _Desk, sector: str, *, share: Decimal) -> list[PlannedLeg]:
    """Sell a share of everything free that belongs to a sector."""
    legs = []
    for line in _held_in(desk, sector):
        instrument = desk.shelf.instrument_of(asset=line.asset.pk)
        if instrument is not None:
            quantity = floor_to_step(exact((line.quantity - line.core) * share), instrument.lot_step)
            legs.append(_leg(desk, Action.SELL_SPOT, instrument, quantity))
    return [leg for leg in legs if leg is not None]


def _purchase(desk: _Desk, sector: str, sells: Iterable[PlannedLeg]) -> list[PlannedLeg]:
    """Spend exactly what sales bring, after both fees, on the sector's largest holding (F34)."""
    rate = desk.shelf.rates[Instrument.Kind.SPOT]
    proceeds = sum((leg.quantity * leg.price for leg in sells), ZERO) * (1 - rate)
    instrument = _chosen(desk, sector)
    if instrument is None or not proceeds:
        return []
    affordable = exact(proceeds / (desk.prices[instrument.asset_id] * (1 + rate)))
    leg = _leg(desk, Action.BUY_SPOT, instrument, floor_to_step(affordable, instrument.lot_step))
    return [] if leg is None else [leg]


def _opened(desk: _Desk, asset: Asset | None, rule: StageRule, action: Action, purpose: Purpose) -> list[PlannedLeg]:
    """Open futures as the stage asks, as far as the reserve above its floor can post the margin (F35)."""
    instrument = None if asset is None else desk.shelf.instrument_of(asset=asset.pk, is_futures=True)
    if instrument is None or instrument.asset_id not in desk.prices:
        return []
    parts = desk.found.sleeves
    spare = parts.reserve.value - desk.policy.reserve_floor * parts.equity.value
    wanted = abs(rule.futures_ratio) * parts.rotation_pool
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
