"""Read what all portfolios of a market share at a moment: sectors, prices, depth, listings and fees."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from django.db.models import Q, QuerySet

from portfolio.domain.money import ONE
from portfolio.domain.valuation import STALE_AFTER, haircut_of
from portfolio.models import Asset, FeeSchedule, Instrument, Market, Price, Quote, Sector, SectorMembership, Venue
from portfolio.queries.raw import Rows, rows_together
from signals.domain.baskets import Member, default_basket, overlay_asset
from signals.domain.depth import UNKNOWN_DEPTH, Depth, depth_of
from signals.domain.shelf import Listing, Shelf, listed

WINDOW_DAYS = 40
HALF_SPREAD = 0.0005
USUAL_MAINTENANCE = Decimal("0.01")
SECTOR_COLUMNS = ("pk", "slug", "name", "kind", "defensiveness", "hue", "position")
CLOSE_COLUMNS = ("asset_id", "price_usd", "volume_usd", "volume_scope", "closes_at")
INSTRUMENT_COLUMNS = (
    "venue_id", "kind", "is_inverse", "expires_at", "contract_size", "pk", "asset_id", "lot_step", "min_notional_usd",
    "maintenance_rate", "maintenance_amount",
)  # fmt: skip
FEE_COLUMNS = ("starts_at", "venue_id", "product", "taker_rate", "source_url")
USUAL_RATES = {FeeSchedule.Product.SPOT: Decimal("0.001"), FeeSchedule.Product.PERP: Decimal("0.0005")}


class Mark(NamedTuple):
    """Hold an asset's newest price in USD and whether it is too old to recommend on (DOMAIN 4.5)."""

    price: Decimal
    is_stale: bool


class Contract(NamedTuple):
    """Hold what a futures position of any kind is about: an inverse one is sized in USD and margined in the coin."""

    asset_id: int
    price: Decimal
    is_inverse: bool

    def in_usd(self, quantity: float) -> float:
        """Return the notional of a signed quantity of units."""
        return quantity if self.is_inverse else quantity * float(self.price)

    def margin_in_usd(self, margin: float) -> float:
        """Return what margin counts in dollars; coin that is posted counts among what is held already."""
        return 0.0 if self.is_inverse else margin


@dataclass(frozen=True, slots=True)
class Counter:
    """Hold what one venue offers: its shelf, and what spot and perps cost there to take."""

    shelf: Shelf
    spot_rate: Decimal
    perp_rate: Decimal


@dataclass(frozen=True, slots=True)
class Reference:
    """Hold what a market's portfolios share; `columns` maps a narrative sector's id to its place."""

    moment: datetime
    sectors: Sequence[Sector]
    columns: Mapping[int, int]
    core_sector_id: int | None
    known_sectors: Mapping[int, Sector]
    marks: Mapping[int, Mark]
    depths: Mapping[int, Depth]
    members: Sequence[tuple[int, int, float]]
    shares: Mapping[int, Sequence[tuple[int, float]]]
    reserve: frozenset[int]
    haircuts: Mapping[int, float]
    counters: Mapping[int, Counter]
    listings: Mapping[tuple[int, int], Listing]
    perps: Mapping[int, Listing]
    contracts: Mapping[int, Contract]
    venues: Rows
    fees: Rows


def reference(*, market: Market, moment: datetime) -> Reference:
    """Read the reference of a market at a moment. One query."""
    rows = rows_together(_asked(market, moment))
    known = {row[0]: Sector(**dict(zip(SECTOR_COLUMNS, row, strict=True))) for row in rows["sectors"]}
    memberships = [(known[sector], asset, float(weight)) for sector, asset, weight in sorted(rows["memberships"])]
    sectors = sorted({s for s, _, _ in memberships if _is_narrative(s)}, key=lambda s: (s.position, s.slug))
    columns = {sector.pk: place for place, sector in enumerate(sectors)}
    closes = _closes(rows["closes"])
    depths = {asset: depth_of(found) for asset, found in closes.items()}
    marks = _marks(closes, rows["quotes"], rows["cash"], moment)
    members = [(columns[sector.pk], asset, weight) for sector, asset, weight in memberships if _is_narrative(sector)]
    instruments, contracts = _listings(rows["instruments"], marks, depths)
    core = [sector for sector, _, _ in memberships if sector.kind == Sector.Kind.CORE]
    return Reference(
        moment=moment,
        sectors=sectors,
        columns=columns,
        core_sector_id=core[0].pk if core else None,
        known_sectors=known,
        marks=marks,
        depths=depths,
        members=members,
        shares=_shares(members),
        **_reserve(memberships, rows["cash"]),
        counters=_counters(rows, instruments, members, depths, width=len(sectors)),
        listings={(venue, item.asset_id): item for venue, kind, item in instruments if kind == Instrument.Kind.SPOT},
        perps={item.instrument_id: item for _, kind, item in instruments if kind == Instrument.Kind.PERP},
        contracts=contracts,
        venues=sorted(rows["venues"], key=lambda row: row[2]),
        fees=sorted(rows["fees"], key=lambda row: row[0]),
    )


def _asked(market: Market, moment: datetime) -> dict[str, QuerySet[Any, Any]]:
    """Return what has to be read: all that the portfolios of a market share."""
    day, since = moment.date(), moment - timedelta(days=WINDOW_DAYS)
    members = SectorMembership.objects.filter(market=market, since_date__lte=day)
    window = Price.objects.filter(market=market, closes_at__gt=since).usable_at(moment)
    quotes = Quote.objects.filter(market=market, quoted_at__lte=moment)
    fees = FeeSchedule.objects.filter(starts_at__lte=moment)
    return {
        "sectors": Sector.objects.order_by().values_list(*SECTOR_COLUMNS),
        "memberships": members.filter(Q(until_date__isnull=True) | Q(until_date__gt=day))
        .order_by()
        .values_list("sector_id", "asset_id", "weight"),
        "cash": Asset.objects.exclude(kind=Asset.Kind.CRYPTO).order_by().values_list("pk", "kind", "issuer_tier"),
        "closes": window.order_by().values_list(*CLOSE_COLUMNS),
        "quotes": quotes.order_by().values_list("asset_id", "quoted_at", "price_usd"),
        "instruments": Instrument.objects.order_by().values_list(*INSTRUMENT_COLUMNS),
        "fees": fees.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=moment)).order_by().values_list(*FEE_COLUMNS),
        "venues": Venue.objects.order_by().values_list("pk", "slug", "name"),
    }


def _is_narrative(sector: Sector) -> bool:
    """Return whether a sector belongs to the rotation pool."""
    return sector.kind == Sector.Kind.NARRATIVE


def _shares(members: Sequence[tuple[int, int, float]]) -> dict[int, list[tuple[int, float]]]:
    """Return each asset's shares in the sector columns."""
    found: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for column, asset, weight in members:
        found[asset].append((column, weight))
    return dict(found)


def _reserve(memberships: Sequence[tuple[Sector, int, float]], cash: Rows) -> dict[str, Any]:
    """Return the assets of the reserve, its sector's members and all cash, and what stablecoins are cut by (F64)."""
    members = {asset for sector, asset, _ in memberships if sector.kind == Sector.Kind.RESERVE}
    stable = [(asset, tier) for asset, kind, tier in cash if kind == Asset.Kind.STABLE]
    haircuts = {asset: float(haircut_of(tier)) for asset, tier in stable}
    return {"reserve": frozenset(members | {row[0] for row in cash}), "haircuts": haircuts}


def _closes(rows: Rows) -> dict[int, list[tuple[Any, ...]]]:
    """Return each asset's closes of the last weeks, oldest first: price, volume, its scope, when it closed."""
    found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for asset, *row in sorted(rows, key=itemgetter(4)):
        found[asset].append(tuple(row))
    return found


def _marks(closes: Mapping[int, list[tuple[Any, ...]]], quotes: Rows, cash: Rows, moment: datetime) -> dict[int, Mark]:
    """Return each asset's newest price, a quote between two closes included; USD is worth 1."""
    newest = {asset: (rows[-1][3], rows[-1][0]) for asset, rows in closes.items()}
    for asset, quoted_at, price in quotes:
        newest[asset] = max(newest.get(asset, (quoted_at, price)), (quoted_at, price), key=itemgetter(0))
    marks = {asset: Mark(price, moment - seen_at > STALE_AFTER) for asset, (seen_at, price) in newest.items()}
    return {**marks, **{asset: Mark(ONE, is_stale=False) for asset, kind, _ in cash if kind == Asset.Kind.FIAT}}


def _listings(
    rows: Rows, marks: Mapping[int, Mark], depths: Mapping[int, Depth]
) -> tuple[list[tuple[int, str, Listing]], dict[int, Contract]]:
    """Return what legs can trade, with its venue and kind, and every futures contract: of fresh prices only."""
    found, contracts = [], {}
    for venue, kind, is_inverse, expires, size, pk, asset, *its in sorted(rows, key=itemgetter(5)):
        mark = marks.get(asset)
        if mark is None or mark.is_stale:
            continue
        if kind != Instrument.Kind.SPOT:
            contracts[pk] = Contract(asset, mark.price, is_inverse)
        if not is_inverse and expires is None and size == ONE:
            found.append((venue, kind, _listing(pk, asset, mark.price, depths.get(asset, UNKNOWN_DEPTH), its)))
    return found, contracts


def _listing(pk: int, asset: int, price: Decimal, depth: Depth, terms: Sequence[Any]) -> Listing:
    step, smallest, rate, amount = terms
    return listed(
        instrument_id=pk,
        asset_id=asset,
        price=price,
        step=step,
        min_notional=smallest,
        adv=depth.adv,
        half_spread=HALF_SPREAD,
        sigma_daily=depth.sigma,
        atr_rate=depth.atr,
        maintenance_rate=USUAL_MAINTENANCE if rate is None else rate,
        maintenance_amount=amount,
    )


def _counters(
    rows: Mapping[str, Rows],
    instruments: Sequence[tuple[int, str, Listing]],
    members: Sequence[tuple[int, int, float]],
    depths: Mapping[int, Depth],
    *,
    width: int,
) -> dict[int, Counter]:
    """Return what each venue offers: only what is listed there can be in its baskets."""
    rates = {(venue, product): rate for _, venue, product, rate, *_ in sorted(rows["fees"], key=itemgetter(0))}
    spot: dict[int, dict[int, Listing]] = defaultdict(dict)
    perp: dict[int, dict[int, Listing]] = defaultdict(dict)
    for venue, kind, listing in instruments:
        (spot if kind == Instrument.Kind.SPOT else perp)[venue][listing.asset_id] = listing
    return {
        venue: Counter(
            shelf=_shelf(spot[venue], perp[venue], members, depths, width=width),
            spot_rate=rates.get((venue, FeeSchedule.Product.SPOT), USUAL_RATES[FeeSchedule.Product.SPOT]),
            perp_rate=rates.get((venue, FeeSchedule.Product.PERP), USUAL_RATES[FeeSchedule.Product.PERP]),
        )
        for venue, _, _ in rows["venues"]
    }


def _shelf(
    spot: Mapping[int, Listing],
    perp: Mapping[int, Listing],
    members: Sequence[tuple[int, int, float]],
    depths: Mapping[int, Depth],
    *,
    width: int,
) -> Shelf:
    """Return a venue's listings, and each sector's basket and overlay asset there."""
    by_column: list[list[Member]] = [[] for _ in range(width)]
    for column, asset, _ in members:
        depth = depths.get(asset, UNKNOWN_DEPTH)
        if asset in spot:
            by_column[column].append(Member(asset, depth.strength, depth.adv, has_perp=asset in perp))
    return Shelf(
        spot=spot,
        perp=perp,
        baskets=[default_basket(group) for group in by_column],
        overlay_assets=[overlay_asset(group) for group in by_column],
    )


def basket_adv(reference: Reference, shelf: Shelf, column: int) -> float:
    """Return the daily volume of a sector's basket in USD, NaN where it has none (DECISIONS 33)."""
    volumes = [reference.depths[asset].adv for asset, _ in shelf.baskets[column]]
    return float(np.sum(volumes)) if volumes else float("nan")
