"""Add narratives, and say from which day on an asset counts in which, with what share (DOMAIN F01)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction
from django.utils.text import slugify

from portfolio.models import Asset, Market, Sector, SectorMembership
from signals.models import StageDay
from signals.services.refresh import request_rebuild

WHOLE = Decimal(1)
PLACES = Decimal("0.0001")


class NarrativeError(ValueError):
    """A narrative or a share cannot be entered so; `field` names what is wrong with it."""

    def __init__(self, message: str, *, field: str = "") -> None:
        """Keep which field it is about."""
        super().__init__(message)
        self.field = field


@transaction.atomic
def add_narrative(*, name: str, defensiveness: Decimal, hue: str = "") -> Sector:
    """Add a narrative behind the others; it is scored once it has members. Raises NarrativeError."""
    name = " ".join(name.split())
    slug = slugify(name)[:50]
    if not slug:
        raise NarrativeError("Give it a name with letters or digits.", field="name")
    if Sector.objects.filter(slug=slug).exists():
        raise NarrativeError(f"There is a sector {slug} already. Choose another name.", field="name")
    if not 0 <= defensiveness <= 1:
        raise NarrativeError("How defensive it is lies between 0 and 1.", field="defensiveness")
    places = Sector.objects.order_by("-position").values_list("position", flat=True)
    return Sector.objects.create(
        slug=slug,
        name=name[:60],
        kind=Sector.Kind.NARRATIVE,
        defensiveness=defensiveness,
        hue=hue or slug[:20],
        position=(places.first() or 0) + 1,
    )


@transaction.atomic
def set_shares(
    *, market: Market, asset: Asset, shares: Mapping[Sector, Decimal], since: date, now: datetime
) -> list[SectorMembership]:
    """Let an asset count in these narratives from a day on, in those alone; the days before stay as they were.

    Days that were computed already are queued to be computed anew. Raises NarrativeError.
    """
    Market.objects.select_for_update().get(pk=market.pk)
    wanted = {sector: share for sector, share in shares.items() if share}
    held = SectorMembership.objects.filter(market=market, asset=asset).exclude(until_date__lte=since)
    rows = list(held.select_related("sector"))
    _check(asset, wanted, rows, since=since, today=market.clock(now).date())
    staying = {row.sector for row in rows if wanted.get(row.sector) == row.weight}
    for row in rows:
        if row.sector not in staying:
            row.until_date = since
            row.save(update_fields=["until_date"])
    added = [
        SectorMembership.objects.create(market=market, sector=sector, asset=asset, weight=share, since_date=since)
        for sector, share in wanted.items()
        if sector not in staying
    ]
    if StageDay.objects.filter(market=market, date__gte=since).exists():
        request_rebuild(market=market, since=since, now=now)
    return added


def _check(
    asset: Asset, shares: Mapping[Sector, Decimal], rows: list[SectorMembership], *, since: date, today: date
) -> None:
    """Refuse shares that do not add up, and a day that is not free."""
    if asset.kind != Asset.Kind.CRYPTO or any(row.sector.kind != Sector.Kind.NARRATIVE for row in rows):
        raise NarrativeError(f"{asset} is of the core or of the reserve and never rotates.", field="asset")
    if any(sector.kind != Sector.Kind.NARRATIVE for sector in shares):
        raise NarrativeError("An asset only rotates between narratives.", field="asset")
    if any(share < 0 or share != share.quantize(PLACES) for share in shares.values()):
        raise NarrativeError("A share is not negative and has at most four places.", field="")
    if sum(shares.values()) > WHOLE:
        raise NarrativeError("Together the shares are at most 1: nothing counts twice.", field="")
    if since > today:
        raise NarrativeError("That day has not come yet.", field="since")
    later = max((row.since_date for row in rows), default=None)
    if later is not None and later >= since:
        raise NarrativeError(f"Its shares changed on {later} already. Choose a later day.", field="since")
