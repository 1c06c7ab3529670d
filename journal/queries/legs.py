"""Place legs in sectors, size them in USD, and say from where to where money moved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Q

from journal.domain.classify import LegKey, Sized, is_too_late
from journal.models import LegFill, Rotation
from portfolio.domain.money import ZERO, in_context
from portfolio.models import Asset, Fill, Instrument, Portfolio, Sector
from portfolio.queries.sectors import belongings, memberships
from signals.models import Recommendation, RecommendationLeg

Action = RecommendationLeg.Action
SPOT = {Action.SELL_SPOT, Action.BUY_SPOT}
OPENS = {Action.OPEN_LONG, Action.OPEN_SHORT_HEDGE}
CLOSES = set(Action) - SPOT - OPENS
BUYS = {Action.BUY_SPOT, Action.OPEN_LONG, Action.CLOSE_HEDGE}
SELLS = set(Action) - BUYS


class Placed(NamedTuple):
    """An instrument's sector: its largest narrative, else core or reserve."""

    instrument: Instrument
    sector: Sector


class Moved(NamedTuple):
    """What kind of move the spot legs make, and between which sectors."""

    kind: str
    source: Sector | None
    destination: Sector | None


def places_of(*, portfolio: Portfolio, instruments: Iterable[Instrument], moment: datetime) -> dict[int, Placed]:
    """Return the sector of each instrument on that day, in three queries; what belongs nowhere counts as `other`."""
    wanted = {instrument.pk: instrument for instrument in instruments}
    assets = {asset.pk: asset for asset in Asset.objects.filter(pk__in={i.asset_id for i in wanted.values()})}
    day = moment.date()
    members = memberships(market=portfolio.market_id, assets=assets, since=day, until=day)
    where = belongings(assets=assets.values(), members=members, on=day)
    sectors = {sector.slug: sector for sector in Sector.objects.all()}
    return {pk: Placed(each, _sector(where[each.asset_id].shares, sectors)) for pk, each in wanted.items()}


def _sector(shares: object, sectors: dict[str, Sector]) -> Sector:
    """Return the sector with the largest share."""
    ranked = sorted(dict(shares).items(), key=lambda pair: (-pair[1], pair[0]))  # type: ignore[call-overload]
    found = sectors.get(ranked[0][0]) if ranked else None
    if found is not None:
        return found
    other, _ = Sector.objects.get_or_create(slug="other", defaults={"name": "Other", "position": 900, "hue": "other"})
    return other


@in_context
def executed_sizes(*, fills: Sequence[Fill], actions: Sequence[str], places: dict[int, Placed]) -> list[Sized]:
    """Return the signed notional of what was done, leg by leg."""
    return [
        _sized(places[fill.instrument_id].sector.slug, action, fill.quantity * fill.price * fill.quote_usd)
        for fill, action in zip(fills, actions, strict=True)
    ]


class Done(NamedTuple):
    """What standing rotations did about a recommendation, leg by leg, and whether all of it was done too late."""

    sizes: list[Sized]
    is_late: bool


@in_context
def done_about(recommendation: Recommendation) -> Done:
    """Return what every standing rotation that names a recommendation did, taken together. One query.

    What was done too late counts only where nothing was done in time (DOMAIN 5.2).
    """
    standing = Rotation.objects.standing().filter(recommendation=recommendation)
    amounts = ("fill__quantity", "fill__price", "fill__quote_usd", "fill__executed_at")
    fills = LegFill.objects.filter(leg__rotation__in=standing)
    rows = list(fills.values_list("leg__sector__slug", "leg__action", *amounts))
    timely = [row for row in rows if not is_too_late(row[-1], expires_at=recommendation.expires_at)]
    counted = timely or rows
    sizes = [_sized(slug, action, quantity * price * usd) for slug, action, quantity, price, usd, _ in counted]
    return Done(sizes, is_late=not timely)


@in_context
def open_after(fill: Fill) -> Decimal:
    """Return how many contracts are open after a fill, short < 0, as recorded: what is derived may lag. One query."""
    contract = {name: getattr(fill, name) for name in ("account_id", "instrument_id", "position_side")}
    standing = Fill.objects.filter(**contract, reverses__isnull=True, reversed_by__isnull=True)
    until = Q(executed_at__lt=fill.executed_at) | Q(executed_at=fill.executed_at, sequence__lte=fill.sequence)
    sides = standing.filter(until).values_list("side", "quantity")
    return sum((quantity if side == Fill.Side.BUY else -quantity for side, quantity in sides), ZERO)


def recommended_sizes(recommendation: Recommendation | None) -> list[Sized]:
    """Return the signed notional of what was recommended, leg by leg."""
    if recommendation is None:
        return []
    legs = recommendation.legs.filter(is_accepted=True).select_related("sector")
    return [_sized(leg.sector.slug, leg.action, leg.notional_usd) for leg in legs]


def _sized(sector: str, action: str, notional: Decimal) -> Sized:
    return Sized(LegKey(sector, action not in SPOT), -notional if action in SELLS else notional)


@in_context
def moved_between(fills: Sequence[Fill], places: dict[int, Placed]) -> Moved:
    """Say what the spot fills amount to (DOMAIN F06): a rotation, a deployment, a withdrawal, or futures only."""
    flows: dict[Sector, Decimal] = {}
    for fill in fills:
        sector = places[fill.instrument_id].sector
        value = fill.quantity * fill.price * fill.quote_usd
        flows[sector] = flows.get(sector, ZERO) + (value if fill.side == Fill.Side.BUY else -value)
    sold = [sector for sector, flow in flows.items() if flow < 0]
    bought = [sector for sector, flow in flows.items() if flow > 0]
    source = min(sold, key=lambda sector: flows[sector], default=None)
    destination = max(bought, key=lambda sector: flows[sector], default=None)
    return Moved(_kind(source, destination), source, destination)


def _kind(source: Sector | None, destination: Sector | None) -> str:
    if source is not None and destination is not None:
        return Rotation.Kind.ROTATION
    if destination is not None:
        return Rotation.Kind.DEPLOY
    return Rotation.Kind.WITHDRAW if source is not None else Rotation.Kind.OVERLAY
