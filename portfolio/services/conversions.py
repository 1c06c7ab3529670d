"""Record what turns one token into another: known migrations, and the conversion of dust (DOMAIN 4.1, F63)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from portfolio.domain.migrations import Migration
from portfolio.domain.money import Refusal, exact, in_context, shares
from portfolio.models import Account, Asset, Portfolio, Transfer
from portfolio.queries.prices import price_at
from portfolio.services.entries import NewTransfer, PriceUnknown
from portfolio.services.ledger import Recorded, record_transfers
from portfolio.services.portfolios import add_asset


class NotHeld(Refusal):
    """Refuse to migrate what was never held."""


class NoDust(Refusal):
    """Refuse to convert nothing."""


@dataclass(frozen=True, kw_only=True)
class Crumb:
    """State one small holding that is given away."""

    asset: Asset
    quantity: Decimal
    account: Account | None = None


@dataclass(frozen=True, kw_only=True)
class Dust:
    """State what small holdings were converted into; each is worth its price at that moment."""

    crumbs: Sequence[Crumb]
    into: Asset
    received: Decimal
    executed_at: datetime
    account: Account | None = None


@transaction.atomic
def migration_of(
    *, portfolio: Portfolio, known: Migration, quantity: Decimal, executed_at: datetime, now: datetime
) -> NewTransfer:
    """State a known migration of a quantity; a token that nobody knew yet is added under its symbol."""
    old = Asset.objects.filter(symbol=known.old).first()
    if old is None:
        raise NotHeld(f"You hold no {known.old}.")
    new = Asset.objects.filter(symbol=known.new).first()
    if new is None:
        new = add_asset(portfolio=portfolio, symbol=known.new, name=known.name, now=now)
    return NewTransfer(
        kind=Transfer.Kind.MIGRATION,
        asset=old,
        quantity=quantity,
        executed_at=executed_at,
        into=new,
        ratio=known.ratio,
    )


@in_context
def convert_dust(
    *, portfolio: Portfolio, dust: Dust, now: datetime, client_key: str = "", core_override_reason: str = ""
) -> Recorded:
    """Convert small holdings into one asset: each is a swap for its share, by what it was worth (DOMAIN 4.1).

    Raises `PriceUnknown` where a share cannot be worked out, and what `record_transfers` raises.
    """
    if not dust.crumbs:
        raise NoDust("Choose at least one holding to convert.")
    values = [_worth(portfolio, crumb, dust.executed_at) for crumb in dust.crumbs]
    received = shares(total=dust.received, weights=values)
    swaps = [
        NewTransfer(
            kind=Transfer.Kind.SWAP,
            asset=crumb.asset,
            quantity=crumb.quantity,
            executed_at=dust.executed_at,
            into=dust.into,
            into_quantity=part,
            account=crumb.account or dust.account,
        )
        for crumb, part in zip(dust.crumbs, received, strict=True)
    ]
    return record_transfers(
        portfolio=portfolio,
        transfers=swaps,
        now=now,
        client_key=client_key,
        core_override_reason=core_override_reason,
    )


def _worth(portfolio: Portfolio, crumb: Crumb, moment: datetime) -> Decimal:
    price = price_at(portfolio=portfolio, asset=crumb.asset.pk, moment=moment)
    if price is None:
        raise PriceUnknown(f"No price of {crumb.asset} is known at that time: enter one, or record it as a swap.")
    return exact(crumb.quantity * price)
