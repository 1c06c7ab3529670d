"""Say to which sectors assets belong on a day (DOMAIN F01)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import F, FilteredRelation, Q

from portfolio.models import Asset, Market, Sector, SectorMembership
from portfolio.provided import standing_columns


@dataclass(frozen=True, kw_only=True)
class Belonging:
    """Tell an asset's shares in narratives, and whether it is of the core or of the reserve."""

    narratives: Mapping[str, Decimal] = field(default_factory=dict)
    is_core: bool = False
    is_reserve: bool = False

    @property
    def shares(self) -> Mapping[str, Decimal]:
        """Return the shares in all sectors, the core and the reserve included."""
        if self.is_core or self.is_reserve:
            return {Sector.Kind.CORE.value if self.is_core else Sector.Kind.RESERVE.value: Decimal(1)}
        return self.narratives


def memberships(*, market: int, assets: Iterable[int], since: date, until: date) -> list[SectorMembership]:
    """Return the memberships of some assets that hold on any day of a span, both ends included."""
    holds = Q(since_date__lte=until) & (Q(until_date__isnull=True) | Q(until_date__gt=since))
    rows = SectorMembership.objects.filter(holds, market=market, asset__in=set(assets))
    return list(rows.select_related("sector").order_by("sector__position", "since_date"))


def sectors_with_members(
    *, market: Market, assets: Iterable[int], now: datetime
) -> tuple[tuple[Sector, ...], list[SectorMembership]]:
    """Return all sectors in their order with the market's standing, and some assets' memberships now. One query."""
    on = market.clock(now).date()
    holds = Q(memberships__since_date__lte=on) & (
        Q(memberships__until_date__isnull=True) | Q(memberships__until_date__gt=on)
    )
    of_these = Q(memberships__market=market, memberships__asset__in=set(assets))
    names = ("id", "asset_id", "weight", "since_date", "until_date")
    sectored = Sector.objects.annotate(**standing_columns(market=market, now=now))
    rows = sectored.annotate(member=FilteredRelation("memberships", condition=holds & of_these)).annotate(
        **{f"member_{name}": F(f"member__{name}") for name in names}
    )
    sectors: dict[int, Sector] = {}
    members = []
    found: Iterable[Any] = rows.order_by("position", "slug", "member__since_date", "member__id")
    for row in found:
        sector = sectors.setdefault(row.pk, row)
        if row.member_id is not None:
            terms = {name: getattr(row, f"member_{name}") for name in names}
            members.append(SectorMembership(market=market, sector=sector, **terms))
    return tuple(sectors.values()), members


def belongings(*, assets: Iterable[Asset], members: Iterable[SectorMembership], on: date) -> dict[int, Belonging]:
    """Return where each asset belongs on a day; cash and stablecoins are the reserve."""
    narratives: dict[int, dict[str, Decimal]] = {}
    kinds: dict[int, set[str]] = {}
    for member in members:
        if member.since_date > on or (member.until_date is not None and member.until_date <= on):
            continue
        kinds.setdefault(member.asset_id, set()).add(member.sector.kind)
        if member.sector.kind == Sector.Kind.NARRATIVE:
            narratives.setdefault(member.asset_id, {})[member.sector.slug] = member.weight
    return {
        asset.pk: Belonging(
            narratives=narratives.get(asset.pk, {}),
            is_core=Sector.Kind.CORE in kinds.get(asset.pk, ()),
            is_reserve=asset.kind != Asset.Kind.CRYPTO or Sector.Kind.RESERVE in kinds.get(asset.pk, ()),
        )
        for asset in assets
    }
