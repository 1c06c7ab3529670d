"""Open a portfolio and change what it aims for (DECISIONS 9; DOMAIN 3.2, F20, F22)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Max

from portfolio.domain.money import ONE, ZERO, Refusal, exact, shares
from portfolio.domain.policy import PRESETS, Preset, check_weights
from portfolio.models import (
    Account,
    Asset,
    CoreQuantity,
    Instrument,
    ManualPrice,
    Market,
    Policy,
    PolicySector,
    PolicyStage,
    Portfolio,
    Sector,
    SectorMembership,
    Transfer,
    Venue,
)
from portfolio.services.entries import NewTransfer, check_moment
from portfolio.services.ledger import lock, record_transfers

FIRST_ACCOUNT = "Main"
NEW_ASSET_STEP = Decimal("0.00000001")
SYMBOL = re.compile(r"[A-Z0-9]{1,20}")


class UnknownPreset(Refusal):
    """Refuse a preset that does not exist."""


class NameTaken(Refusal):
    """Refuse a second portfolio of the same name."""


class BadSymbol(Refusal):
    """Refuse a symbol that could be mistaken for another."""


@dataclass(frozen=True, kw_only=True)
class Opening:
    """State what is held at the start; without a cost its market value stands in, labelled assumed.

    `price_usd` is a person's own price for an asset that the market does not price.
    """

    asset: Asset
    quantity: Decimal
    cost_usd: Decimal | None = None
    price_usd: Decimal | None = None
    acquired_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Aim:
    """State a policy: a preset, changed where something else is wanted; sector shares add up to 1."""

    preset: Preset
    weights: Mapping[str, Decimal] | None = None
    sectors: Mapping[Sector, Decimal] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


@transaction.atomic
def open_portfolio(
    *,
    owner: Any,
    market: Market,
    venue: Venue,
    reserve_asset: Asset,
    name: str,
    now: datetime,
    preset: str = "ANCHOR",
    aim: Aim | None = None,
    holdings: Sequence[Opening] = (),
    core: Mapping[Asset, Decimal] | None = None,
    sectors: Mapping[Sector, Decimal] | None = None,
    opened_at: datetime | None = None,
) -> Portfolio:
    """Open a portfolio with an account, a policy, its opening holdings and what of them is core.

    Unless said otherwise all BTC and ETH held at the start are core (F22), and the pool is split evenly (DOMAIN 3.2).
    `aim` states own weights in place of a preset.
    """
    if Portfolio.objects.filter(owner=owner, name=name).exists():
        raise NameTaken(f"You have a portfolio named {name} already.")
    moment = opened_at or market.clock(now)
    portfolio = Portfolio.objects.create(
        owner=owner, market=market, venue=venue, reserve_asset=reserve_asset, name=name, created_at=now
    )
    Account.objects.create(portfolio=portfolio, venue=venue, name=FIRST_ACCOUNT)
    _write_policy(portfolio, aim or Aim(preset=_preset(preset), sectors=sectors), moment)
    for opening in holdings:
        if opening.price_usd is not None:
            set_manual_price(portfolio=portfolio, asset=opening.asset, price_usd=opening.price_usd, now=moment)
    _deposit(portfolio, holdings, moment, now)
    for asset, quantity in (_default_core(market, holdings) if core is None else core).items():
        CoreQuantity.objects.create(portfolio=portfolio, asset=asset, quantity=quantity, effective_at=moment)
    portfolio.refresh_from_db()
    return portfolio


@transaction.atomic
def change_policy(*, portfolio: Portfolio, aim: Aim, now: datetime) -> Policy:
    """Write the next version of a policy; raises `WeightGap` with the gap unless weights and shares add up to 1."""
    return _write_policy(lock(portfolio), aim, now)


@transaction.atomic
def set_core_quantity(
    *, portfolio: Portfolio, asset: Asset, quantity: Decimal, now: datetime, reason: str = ""
) -> CoreQuantity:
    """Flag a quantity of an asset as core from now on; earlier flags stay visible (F22)."""
    if exact(quantity) < 0:
        raise Refusal("The core quantity must not be negative.")
    row, _ = CoreQuantity.objects.update_or_create(
        portfolio=portfolio,
        asset=asset,
        effective_at=portfolio.clock(now),
        defaults={"quantity": quantity, "reason": reason},
    )
    return row


@transaction.atomic
def set_manual_price(*, portfolio: Portfolio, asset: Asset, price_usd: Decimal, now: datetime) -> ManualPrice:
    """Enter a price for an asset that the market does not price; it is always labelled assumed (DECISIONS 13)."""
    if exact(price_usd) <= 0:
        raise Refusal("The price must be greater than zero.")
    if asset.kind == Asset.Kind.FIAT:
        raise Refusal("One USD is worth 1 USD.")
    row, _ = ManualPrice.objects.update_or_create(
        portfolio=portfolio, asset=asset, effective_at=portfolio.clock(now), defaults={"price_usd": price_usd}
    )
    return row


@transaction.atomic
def add_asset(
    *, portfolio: Portfolio, symbol: str, name: str, now: datetime, price_usd: Decimal | None = None
) -> Asset:
    """Add an asset that the catalogue lacks, tradable at the portfolio's venue, with a manual price if one is given.

    Its row is shared: a name that somebody else gave it gives way to the symbol, so that nobody reads another's words;
    a name that is everybody's stays.
    """
    if not SYMBOL.fullmatch(symbol):
        raise BadSymbol("Write the symbol in capital letters A to Z and digits, such as UNI.")
    asset, _ = Asset.objects.get_or_create(
        symbol=symbol, defaults={"name": name or symbol, "owner_id": portfolio.owner_id}
    )
    if asset.owner_id not in (None, portfolio.owner_id):
        asset.name, asset.owner_id = symbol, None
        asset.save(update_fields=["name", "owner"])
    Instrument.objects.get_or_create(
        venue=portfolio.venue, asset=asset, kind=Instrument.Kind.SPOT, defaults={"lot_step": NEW_ASSET_STEP}
    )
    if price_usd is not None:
        set_manual_price(portfolio=portfolio, asset=asset, price_usd=price_usd, now=now)
    return asset


def _preset(name: str) -> Preset:
    if name not in PRESETS:
        raise UnknownPreset(f"There is no preset {name}. Choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]


def _deposit(portfolio: Portfolio, holdings: Sequence[Opening], moment: datetime, now: datetime) -> None:
    """Bring the opening holdings in as deposits."""
    transfers = [
        NewTransfer(
            kind=Transfer.Kind.DEPOSIT,
            asset=opening.asset,
            quantity=opening.quantity,
            executed_at=moment,
            cost_usd=opening.cost_usd,
            value_usd=None if opening.price_usd is None else exact(opening.quantity * opening.price_usd),
            acquired_at=opening.acquired_at,
        )
        for opening in holdings
    ]
    if transfers:
        record_transfers(portfolio=portfolio, transfers=transfers, now=now)
    else:
        check_moment(portfolio=portfolio, moment=moment, now=now)


def _default_core(market: Market, holdings: Sequence[Opening]) -> dict[Asset, Decimal]:
    """Take all that is held of the market's core assets for core."""
    core = set(
        SectorMembership.objects.filter(market=market, sector__kind=Sector.Kind.CORE).values_list("asset", flat=True)
    )
    quantities: dict[Asset, Decimal] = {}
    for opening in holdings:
        if opening.asset.pk in core:
            quantities[opening.asset] = quantities.get(opening.asset, ZERO) + opening.quantity
    return quantities


def _write_policy(portfolio: Portfolio, aim: Aim, effective_at: datetime) -> Policy:
    preset = aim.preset
    weights = dict(aim.weights or preset.weights)
    sectors = aim.sectors or _even_split(portfolio.market)
    check_weights(weights)
    check_weights({sector.slug: share for sector, share in sectors.items()})
    latest = portfolio.policies.aggregate(latest=Max("version"))["latest"] or 0
    policy = Policy.objects.create(
        portfolio=portfolio,
        version=latest + 1,
        effective_at=effective_at,
        preset=preset.name,
        core_weight=weights["core"],
        reserve_weight=weights["reserve"],
        pool_weight=weights["pool"],
        **{**_parameters(preset), **aim.parameters},
    )
    PolicySector.objects.bulk_create(
        PolicySector(policy=policy, sector=sector, share=share) for sector, share in sectors.items()
    )
    PolicyStage.objects.bulk_create(
        PolicyStage(
            policy=policy,
            stage=stage.value,
            leader_share=rule.leader_share,
            futures_ratio=rule.futures_ratio,
            leverage=rule.leverage,
        )
        for stage, rule in preset.stages.items()
    )
    return policy


def _parameters(preset: Preset) -> dict[str, Any]:
    return {
        "reserve_floor": preset.reserve_floor,
        "margin_source": preset.margin_source.value,
        "band": preset.band,
        "max_turnover": preset.max_turnover,
        "min_notional_usd": preset.min_notional_usd,
        "safety": preset.safety,
        "horizon_days": preset.horizon_days,
        "stop_rate": preset.stop_rate,
    }


def _even_split(market: Market) -> dict[Sector, Decimal]:
    """Split the pool evenly over the narratives of a market."""
    narratives = Sector.objects.filter(kind=Sector.Kind.NARRATIVE, memberships__market=market).distinct()
    found = list(narratives)
    return dict(zip(found, shares(total=ONE, weights=[ONE] * len(found)), strict=True))
