"""Show what a portfolio holds now: lines, sleeves with their drift, totals and exposure (DOMAIN 4.5, F20)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db.models import F, FilteredRelation, Q

from portfolio.domain.exposure import Exposed, net_exposures
from portfolio.domain.money import ZERO, in_context
from portfolio.domain.valuation import Drift, Held, HeldFutures, Quoted, Sleeves, Worth, drifts, sleeves, worth
from portfolio.models import (
    Account,
    Asset,
    Holding,
    Policy,
    Portfolio,
    Position,
    Sector,
    SectorMembership,
)
from portfolio.provided import StandingNow, standing_in
from portfolio.queries.lending import Lending, lending_of, stated_lending
from portfolio.queries.policies import current_policy
from portfolio.queries.positions import PositionLine, position_lines
from portfolio.queries.prices import quoted_at
from portfolio.queries.sectors import Belonging, belongings, sectors_with_members
from portfolio.queries.totals import Ledger, Totals, totals


@dataclass(frozen=True, kw_only=True)
class HoldingLine:
    """Show what an account holds of an asset; amounts in USD, nothing where the price is unknown."""

    account: Account
    asset: Asset
    quantity: Decimal
    locked: Decimal
    core: Decimal
    cost_usd: Decimal
    realized_usd: Decimal
    quoted: Quoted | None
    worth: Worth
    belonging: Belonging

    @property
    @in_context
    def unrealized_usd(self) -> Decimal | None:
        """Return the value less the cost."""
        return None if self.quoted is None else self.worth.value - self.cost_usd


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """Show how much a sector moves the portfolio: spot and signed futures notional, in USD and as a share of equity."""

    sector: str
    spot_usd: Decimal
    futures_usd: Decimal
    share: Decimal | None

    @property
    @in_context
    def net_usd(self) -> Decimal:
        """Return spot and futures together."""
        return self.spot_usd + self.futures_usd


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Show a portfolio at a moment; every figure on every screen comes from here.

    `sectors` are those of the policy and of what is held, `all_sectors` all there are; `quotes` and `belongings` are
    by asset.
    """

    portfolio: Portfolio
    as_of: datetime
    policy: Policy | None
    holdings: tuple[HoldingLine, ...]
    positions: tuple[PositionLine, ...]
    sleeves: Sleeves
    sleeve_drifts: Mapping[str, Drift]
    sector_drifts: Mapping[str, Drift]
    exposures: tuple[Exposure, ...]
    ledger: Ledger
    sectors: tuple[Sector, ...]
    all_sectors: tuple[Sector, ...]
    standing: StandingNow
    quotes: Mapping[int, Quoted]
    belongings: Mapping[int, Belonging]
    lending: Lending = field(default_factory=Lending)

    @cached_property
    def totals(self) -> Totals:
        """Return what was gained so far; one query, the first time it is asked for."""
        return totals(
            portfolio=self.portfolio,
            ledger=self.ledger,
            spot=[line.unrealized_usd for line in self.holdings],
            futures=[line.unrealized_usd for line in self.positions],
        )


@in_context
def snapshot(
    *, portfolio: Portfolio, now: datetime, split: Mapping[str, Decimal] | None = None, also: Iterable[Asset] = ()
) -> Snapshot:
    """Return everything about a portfolio now, in five queries.

    `split` gives the sectors' target shares of the pool, the stage's say; without it the policy's own split counts.
    `also` names assets that are not held and yet to be quoted and placed.
    """
    moment = portfolio.clock(now)
    held, futures = _held(portfolio, moment), _futures(portfolio)
    stated = stated_lending(portfolio=portfolio, moment=moment)
    assets = _assets(held, futures) | {asset.pk: asset for asset in also}
    quoted = {*assets, *(row.asset_id for row in stated if row.asset_id)}
    quotes = quoted_at(portfolio=portfolio, assets=quoted, moment=moment)
    lending = lending_of(stated=stated, held=held, quotes=quotes, moment=moment)
    today = moment.date()
    sectors, members = sectors_with_members(market=portfolio.market, assets=assets, now=now)
    where = belongings(assets=assets.values(), members=members, on=today)
    policy = current_policy(portfolio=portfolio, moment=moment)
    balances = {(row.account_id, row.asset_id): row.quantity for row in held}
    positions = position_lines(rows=futures, held=balances, quotes=quotes, where=where, moment=moment)
    core = {row.asset_id: row.core for row in held if row.core is not None}
    lines = _holding_lines(held, futures, quotes, core, where, moment)
    parts = _sleeves(lines, positions, policy, lending, moment)
    return Snapshot(
        portfolio=portfolio,
        as_of=moment,
        policy=policy,
        holdings=tuple(lines),
        positions=positions,
        sleeves=parts,
        sleeve_drifts=_sleeve_drifts(parts, policy),
        sector_drifts=_sector_drifts(parts, policy, split),
        exposures=_exposures(lines, positions, parts.equity.value),
        ledger=Ledger(held=held, futures=futures),
        sectors=_sectors(policy, members),
        all_sectors=sectors,
        standing=standing_in(sectors, market=portfolio.market, now=now),
        quotes=quotes,
        belongings=where,
        lending=lending,
    )


def holdings(*, portfolio: Portfolio, now: datetime) -> tuple[HoldingLine, ...]:
    """Return what is held, one line an account and asset."""
    return snapshot(portfolio=portfolio, now=now).holdings


def positions(*, portfolio: Portfolio, now: datetime) -> tuple[PositionLine, ...]:
    """Return the open futures positions."""
    return snapshot(portfolio=portfolio, now=now).positions


def exposure_by_sector(*, portfolio: Portfolio, now: datetime) -> tuple[Exposure, ...]:
    """Return spot and futures exposure, one line a sector."""
    return snapshot(portfolio=portfolio, now=now).exposures


def _held(portfolio: Portfolio, moment: datetime) -> list[Any]:
    """Return the holdings, each with how much of its asset was core at a moment; the newest word on it counts."""
    stated = Q(portfolio__core_quantities__asset=F("asset"), portfolio__core_quantities__effective_at__lte=moment)
    rows = Holding.objects.filter(portfolio=portfolio).select_related("account", "asset")
    joined = rows.annotate(stated=FilteredRelation("portfolio__core_quantities", condition=stated))
    oldest_first = joined.annotate(core=F("stated__quantity")).order_by(
        "account_id", "asset__symbol", "stated__effective_at"
    )
    return list({row.pk: row for row in oldest_first}.values())


def _futures(portfolio: Portfolio) -> list[Position]:
    rows = Position.objects.filter(portfolio=portfolio).order_by("account_id", "pk")
    return list(rows.select_related("account", "instrument__asset", "instrument__venue", "quote_asset"))


def _assets(held: Sequence[Holding], futures: Sequence[Position]) -> dict[int, Asset]:
    found = [row.asset for row in held] + [row.quote_asset for row in futures]
    found += [row.instrument.asset for row in futures]
    return {asset.pk: asset for asset in found}


def _sectors(policy: Policy | None, members: Iterable[SectorMembership]) -> tuple[Sector, ...]:
    """Return the sectors of the policy and of what is held, in their order."""
    aimed = () if policy is None else policy.split
    known = {row.slug: row for row in (*(part.sector for part in aimed), *(member.sector for member in members))}
    return tuple(sorted(known.values(), key=lambda sector: (sector.position, sector.slug)))


def _holding_lines(
    held: Sequence[Holding],
    futures: Sequence[Position],
    quotes: Mapping[int, Quoted],
    core: Mapping[int, Decimal],
    where: Mapping[int, Belonging],
    moment: datetime,
) -> list[HoldingLine]:
    """Give a line for all that is held; core counts against the first account that holds the asset."""
    core_left, locked, lines = dict(core), _locked(futures), []
    for row in held:
        if not row.quantity:
            continue
        of_core = min(core_left.get(row.asset_id, ZERO), row.quantity)
        core_left[row.asset_id] = core_left.get(row.asset_id, ZERO) - of_core
        quoted = quotes.get(row.asset_id)
        lines.append(
            HoldingLine(
                account=row.account,
                asset=row.asset,
                quantity=row.quantity,
                locked=locked.get((row.account_id, row.asset_id), ZERO),
                core=of_core,
                cost_usd=row.cost_usd,
                realized_usd=row.realized_pnl_usd,
                quoted=quoted,
                worth=worth(quantity=row.quantity, quoted=quoted, now=moment),
                belonging=where[row.asset_id],
            )
        )
    return lines


def _locked(futures: Iterable[Position]) -> dict[tuple[int, int], Decimal]:
    """Add up the posted margin by account and asset."""
    found: dict[tuple[int, int], Decimal] = {}
    for row in futures:
        key = (row.account_id, row.quote_asset_id)
        found[key] = found.get(key, ZERO) + row.margin
    return found


def _sleeves(
    lines: Iterable[HoldingLine],
    positions: Iterable[PositionLine],
    policy: Policy | None,
    lending: Lending,
    moment: datetime,
) -> Sleeves:
    """Value the sleeves; margin stands under futures, not in the reserve that it was posted from."""
    held = [
        Held(
            asset=line.asset.symbol,
            quantity=line.quantity - line.locked,
            quoted=line.quoted,
            core=line.core,
            is_reserve=line.belonging.is_reserve,
            sectors=line.belonging.narratives,
            haircut=line.asset.haircut,
        )
        for line in lines
    ]
    is_carved = policy is not None and policy.margin_source == Policy.MarginSource.CARVE_OUT
    futures = [
        HeldFutures(
            margin=line.margin,
            unrealized=line.unrealized,
            settle=line.settle_quoted,
            marked=line.asset_quoted,
            carved_from=next(iter(line.belonging.narratives), None) if is_carved else None,
            haircut=line.quote_asset.haircut,
        )
        for line in positions
    ]
    return sleeves(holdings=held, futures=futures, now=moment, debts=lending.owed)


def _sleeve_drifts(parts: Sleeves, policy: Policy | None) -> dict[str, Drift]:
    """Compare the sleeves with the policy; margin counts where it came from, the pool or the reserve."""
    if policy is None:
        return {}
    carved = sum(parts.carved.values(), ZERO)
    values = {
        "core": parts.core.value,
        "reserve": parts.reserve.value + parts.futures.value - carved,
        "pool": parts.rotation_pool,
        "other": parts.other.value,
    }
    targets = {"core": policy.core_weight, "reserve": policy.reserve_weight, "pool": policy.pool_weight}
    return drifts(values=values, targets=targets, band=policy.band)


def _sector_drifts(parts: Sleeves, policy: Policy | None, split: Mapping[str, Decimal] | None) -> dict[str, Drift]:
    """Compare the sectors' shares of the pool with the split aimed for."""
    if policy is None:
        return {}
    values = {sector: value.value + parts.carved.get(sector, ZERO) for sector, value in parts.sectors.items()}
    values.update({sector: margin for sector, margin in parts.carved.items() if sector not in values})
    targets = split if split is not None else {row.sector.slug: row.share for row in policy.split}
    return drifts(values=values, targets=targets, band=policy.band)


def _exposures(
    lines: Iterable[HoldingLine], positions: Iterable[PositionLine], equity: Decimal
) -> tuple[Exposure, ...]:
    """Spread spot values and signed notionals over the sectors; what belongs to none stands under `other`."""
    spot = [Exposed(value=line.worth.value, sectors=line.belonging.shares) for line in lines]
    futures = [Exposed(value=line.notional_usd or ZERO, sectors=line.belonging.shares) for line in positions]
    return tuple(
        Exposure(sector=found.sector, spot_usd=found.spot, futures_usd=found.futures, share=found.share)
        for found in net_exposures(spot=spot, futures=futures, equity=equity)
    )
