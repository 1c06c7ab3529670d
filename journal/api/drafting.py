"""Turn a validated request into a draft: names become instruments, ids become the person's own things."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from journal.domain.checklist import Considered
from journal.services.rotations import Draft, DraftLeg
from portfolio.api.access import owned_portfolios
from portfolio.domain.money import ZERO
from portfolio.models import Asset, Instrument, Portfolio
from portfolio.queries.catalogue import offered_assets
from signals.models import Recommendation


def draft_of(request: Request, data: Mapping[str, Any], *, key: str) -> tuple[Portfolio, Draft]:
    """Return the portfolio and the draft; a ValidationError names the field and tells nothing of others' things."""
    portfolio = owned_portfolios(request).filter(pk=data["portfolio"]).first()
    if portfolio is None:
        raise ValidationError({"portfolio": ["This is none of your portfolios."]})
    made = uuid.uuid5(uuid.NAMESPACE_URL, f"rotabook:{request.user.pk}:{key}") if key else uuid.uuid4()
    draft = Draft(
        client_key=data.get("client_key") or made,
        legs=_legs(portfolio, data["legs"]),
        thesis=data["thesis"],
        executed_at=data["executed_at"],
        conviction=data.get("conviction"),
        recommendation=_recommendation(portfolio, data.get("recommendation")),
        no_stop_reason=data.get("no_stop_reason", ""),
        core_override_reason=data.get("core_override_reason", ""),
        tags=tuple(data.get("tags", ())),
        mood=data.get("mood", ""),
        checklist=tuple(Considered(**each) for each in data.get("checklist", ())),
    )
    return portfolio, draft


def _legs(portfolio: Portfolio, rows: list[dict[str, Any]]) -> tuple[DraftLeg, ...]:
    """Return the legs, their names looked up in two queries."""
    offered = offered_assets(portfolio)
    traded = (
        Instrument.objects.plain().filter(venue=portfolio.venue_id, asset__in=offered).select_related("asset", "venue")
    )
    instruments = {instrument.name: instrument for instrument in traded}
    symbols = {row["fee_asset"] for row in rows if row.get("fee_asset")}
    assets = {asset.symbol: asset for asset in offered.filter(symbol__in=symbols)} if symbols else {}
    return tuple(_leg(number, row, instruments, assets) for number, row in enumerate(rows))


def _leg(number: int, row: dict[str, Any], instruments: dict[str, Instrument], assets: dict[str, Asset]) -> DraftLeg:
    instrument = instruments.get(row["instrument"])
    if instrument is None:
        raise ValidationError({f"legs.{number}.instrument": ["Your venue has no instrument of this name."]})
    symbol = row.get("fee_asset")
    if symbol and symbol not in assets:
        raise ValidationError({f"legs.{number}.fee_asset": ["There is no asset of this symbol."]})
    return DraftLeg(
        action=row["action"],
        instrument=instrument,
        quantity=row["quantity"],
        price=row["price"],
        fee_amount=row.get("fee_amount", ZERO),
        fee_asset=assets[symbol] if symbol else None,
        leverage=row.get("leverage"),
        stop_price=row.get("stop_price"),
        purpose=row.get("purpose", ""),
    )


def _recommendation(portfolio: Portfolio, pk: int | None) -> Recommendation | None:
    if pk is None:
        return None
    found = Recommendation.objects.filter(portfolio=portfolio, pk=pk).select_related("evidence").first()
    if found is None:
        raise ValidationError({"recommendation": ["This portfolio has no such recommendation."]})
    return found
