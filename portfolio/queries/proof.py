"""Show what a figure is made of: the entries, lots and prices behind it, added up again beside it (DOMAIN 4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import Any

from django.db.models import Q, QuerySet

from portfolio.domain.lots import Lot as DomainLot
from portfolio.domain.money import QUANTUM, ZERO, exact, in_context
from portfolio.domain.proof import Claim, Part, Proof
from portfolio.domain.valuation import Quoted
from portfolio.models import Asset, Disposal, Fill, Holding, Lot, Portfolio, Position, PositionChange, Transfer
from portfolio.queries.entries import realized_by
from portfolio.queries.events import domain_lot
from portfolio.queries.holdings import Snapshot
from portfolio.queries.outcomes import is_averaged, outcomes_since
from portfolio.queries.paging import newest_first
from portfolio.queries.prices import quoted_at

MOST_LOTS = 200
NUL = "\x00"
"""No database stores it, and PostgreSQL refuses to look for it."""

SLACK = 4 * QUANTUM
"""A holding is valued in up to four pieces (core, margin, credit, the rest), each product rounded once."""

LOT_ORDER = ("acquired_at", "sequence", "ordinal")
SOURCES = ("fill__instrument__asset", "transfer")


@dataclass(frozen=True, kw_only=True)
class AssetProofs:
    """Hold the proofs of an asset's figures."""

    asset: Asset
    proofs: tuple[Proof, ...]


@in_context
def portfolio_proofs(found: Snapshot) -> tuple[Proof, ...]:
    """Return what equity, the unrealised and the realised gain are made of, from the snapshot that pages show."""
    return (_equity(found), _unrealized(found), _realized(found))


@in_context
def asset_proofs(*, portfolio: Portfolio, symbol: str, now: datetime, cursor: str = "") -> AssetProofs | None:
    """Return what a portfolio's figures of one asset are made of, in all its accounts together. Eight queries.

    None where the portfolio never held the asset, and no contract on it.
    """
    if NUL in symbol:
        return None
    held = list(Holding.objects.filter(portfolio=portfolio, asset__symbol=symbol).select_related("asset"))
    asset = held[0].asset if held else _asset_of_contracts(portfolio, symbol)
    if asset is None:
        return None
    quoted = quoted_at(portfolio=portfolio, assets=[asset.pk], moment=portfolio.clock(now)).get(asset.pk)
    quantity, cost = _sum(row.quantity for row in held), _sum(row.cost_usd for row in held)
    proofs = [] if asset.kind == Asset.Kind.FIAT else [_lots(portfolio, asset, quantity, cost)]
    proofs.append(_value(asset, quantity, cost, quoted))
    funding, network = _transfers(portfolio, asset)
    proofs.append(_disposals(portfolio, asset, _sum(row.realized_pnl_usd for row in held), cursor, network))
    futures = _futures(portfolio, asset, funding)
    return AssetProofs(asset=asset, proofs=(*proofs, *([futures] if futures.count else [])))


@in_context
def fill_proof(fill: Fill) -> Proof:
    """Return which lots a fill let go of, what they had cost, and what it realised.

    Four queries, where the fill came with its change of position.
    """
    parts = [_let_go(row) for row in fill.disposals.select_related("lot", "asset").order_by("ordinal", "pk")]
    change: PositionChange | None = getattr(fill, "position_change", None)
    if change is not None:
        parts.append(_moved(change, fill))
    parts += [
        Part(what=f"Brought a lot of {lot.asset}", at=lot.acquired_at, quantity=lot.quantity, cost=lot.cost)
        for lot in _brought(fill)
    ]
    stated = realized_by(fill) or ZERO
    return Proof(
        key="fill",
        name="Realized",
        formula="Proceeds after the fee, less what the lots relieved had cost.",
        source="DOMAIN 4.1, 4.2",
        claims=(Claim(name="Realized", stated=stated, summed=_sum(part.amount for part in parts)),),
        parts=tuple(parts),
        count=len(parts),
    )


def _brought(fill: Fill) -> list[DomainLot]:
    """Return the lots that a fill brought, as it brought them: in a pool they have joined what was there."""
    if not is_averaged(fill.portfolio):
        return [domain_lot(lot) for lot in fill.lots.select_related("asset").order_by("ordinal")]
    done = outcomes_since(portfolio=fill.portfolio, since=fill.executed_at, until=fill.executed_at)
    return [lot for outcome in done.outcomes if outcome.event.sequence == fill.sequence for lot in outcome.acquired]


def lot_parts(*, portfolio: Portfolio, asset: Asset) -> Iterator[Part]:
    """Return every open lot of an asset, oldest first, a few hundred at a time."""
    rows = _open_lots(portfolio, asset).select_related(*SOURCES).order_by(*LOT_ORDER)
    return (_lot(row) for row in rows.iterator(chunk_size=500))


def disposal_parts(*, portfolio: Portfolio, asset: Asset) -> Iterator[Part]:
    """Return network fees, then every part of a lot that was let go of, oldest first, a few hundred at a time."""
    rows = _let_go_of(portfolio, asset).select_related("lot", "asset", *SOURCES).order_by("disposed_at", "pk")
    network = _transfers(portfolio, asset)[1]
    return chain(network, (_let_go(row) for row in rows.iterator(chunk_size=500)))


def _asset_of_contracts(portfolio: Portfolio, symbol: str) -> Asset | None:
    """Return an asset that a contract of the portfolio is on."""
    contracts = Position.objects.filter(portfolio=portfolio).values("instrument__asset")
    return Asset.objects.filter(symbol=symbol, pk__in=contracts).first()


def _equity(found: Snapshot) -> Proof:
    """Add up what is held at its price, and what futures have not realised yet (DOMAIN 4.5)."""
    parts = [
        Part(
            what=f"{line.asset} at {line.account}",
            at=line.quoted.observed_at if line.quoted else None,
            quantity=line.quantity,
            price=line.quoted.price if line.quoted else None,
            amount=line.worth.value if line.quoted else None,
            asset=line.asset.symbol,
        )
        for line in found.holdings
    ]
    parts += [
        Part(what=f"{line.instrument}, unrealized", quantity=line.quantity, price=line.mark, amount=line.unrealized_usd)
        for line in found.positions
    ]
    if found.sleeves.debts.value:
        parts.append(Part(what="What is owed to lenders", amount=found.sleeves.debts.value))
    if found.sleeves.credit.value:
        parts.append(Part(what="Less bonus credit, which is not yours", amount=-found.sleeves.credit.value))
    return Proof(
        key="equity",
        name="Equity",
        formula="Every quantity × its price, plus what open futures have not realized.",
        source="DOMAIN 4.5",
        claims=(
            Claim(
                name="Equity",
                stated=found.sleeves.equity.value,
                summed=_sum(part.amount for part in parts),
                slack=SLACK * len(parts),
            ),
        ),
        parts=tuple(parts),
        count=len(parts),
    )


def _unrealized(found: Snapshot) -> Proof:
    spot = [
        Part(
            what=f"{line.asset} at {line.account}",
            proceeds=line.worth.value if line.quoted else None,
            cost=line.cost_usd,
            amount=line.unrealized_usd,
            asset=line.asset.symbol,
        )
        for line in found.holdings
    ]
    futures = [Part(what=str(line.instrument), amount=line.unrealized_usd) for line in found.positions]
    parts = (*spot, *futures)
    summed = _sum(part.amount for part in parts)
    return Proof(
        key="unrealized",
        name="Unrealized",
        formula="Value now, less what the open lots cost; what has no price counts as nothing gained.",
        source="DOMAIN 4.5",
        claims=(Claim(name="Unrealized", stated=found.totals.unrealized, summed=summed),),
        parts=parts,
        count=len(parts),
    )


def _realized(found: Snapshot) -> Proof:
    """Add up by asset what disposals realised, then what futures, funding and income brought."""
    by_asset: dict[str, Decimal] = {}
    for row in found.ledger.held:
        by_asset[row.asset.symbol] = by_asset.get(row.asset.symbol, ZERO) + row.realized_pnl_usd
    parts = [Part(what=f"{asset}, spot", amount=gain, asset=asset) for asset, gain in by_asset.items() if gain]
    parts += [
        Part(
            what=f"{position.instrument}: realized less fees, with funding",
            amount=position.realized_pnl_usd - position.fees_usd + position.funding_usd,
            asset=position.instrument.asset.symbol,
        )
        for position in found.ledger.futures
    ]
    if found.totals.income:
        parts.append(Part(what="Income at its market value", amount=found.totals.income))
    return Proof(
        key="realized",
        name="Realized",
        formula="Proceeds less the cost of the lots relieved, plus futures after fees, funding and income.",
        source="DOMAIN 4.1, 4.2, 4.5",
        claims=(Claim(name="Realized", stated=found.totals.realized, summed=_sum(part.amount for part in parts)),),
        parts=tuple(parts),
        count=len(parts),
    )


def _lots(portfolio: Portfolio, asset: Asset, quantity: Decimal, cost: Decimal) -> Proof:
    rows = list(_open_lots(portfolio, asset).select_related(*SOURCES).order_by(*LOT_ORDER))
    return Proof(
        key="lots",
        name="Quantity and cost",
        formula="The open lots: what remains of each, at what that part cost, fees included.",
        source="DOMAIN 4.1",
        claims=(
            Claim(name="Quantity", stated=quantity, summed=_sum(row.remaining_quantity for row in rows), is_usd=False),
            Claim(name="Cost", stated=cost, summed=_sum(row.remaining_cost_usd for row in rows)),
        ),
        parts=tuple(_lot(row) for row in rows[:MOST_LOTS]),
        count=len(rows),
    )


def _value(asset: Asset, quantity: Decimal, cost: Decimal, quoted: Quoted | None) -> Proof:
    value = None if quoted is None else exact(quantity * quoted.price)
    how = "assumed by you" if quoted is not None and quoted.is_assumed else "of the market"
    part = Part(
        what=f"The last price {how}" if quoted is not None else f"{asset} has no price",
        at=quoted.observed_at if quoted else None,
        quantity=quantity,
        price=quoted.price if quoted else None,
        proceeds=value,
        cost=cost,
        amount=None if value is None else value - cost,
    )
    return Proof(
        key="value",
        name="Value and unrealized gain",
        formula="Value = quantity × price. Unrealized = value − cost.",
        source="DOMAIN 4.5",
        claims=(),
        parts=(part,),
        count=1,
    )


def _transfers(portfolio: Portfolio, asset: Asset) -> tuple[list[Part], list[Part]]:
    """Return the standing funding of an asset's contracts, and network fees paid in it, newest first. One query."""
    funding = Q(kind=Transfer.Kind.FUNDING, instrument__asset=asset)
    network = Q(kind__in=(Transfer.Kind.WITHDRAWAL, Transfer.Kind.MOVE), fee_asset=asset)
    rows = Transfer.objects.filter(
        funding | network, portfolio=portfolio, reverses__isnull=True, reversed_by__isnull=True
    )
    newest = list(rows.order_by("-executed_at", "-sequence"))
    paid = [row for row in newest if row.kind == Transfer.Kind.FUNDING]
    charged = [row for row in newest if row.kind != Transfer.Kind.FUNDING and row.fee_amount]
    return [_funding(row) for row in paid], [_network_fee(row, asset) for row in charged]


def _disposals(portfolio: Portfolio, asset: Asset, stated: Decimal, cursor: str, network: Sequence[Part]) -> Proof:
    gains = list(_let_go_of(portfolio, asset).order_by().values_list("realized_pnl_usd", flat=True))
    rows = _let_go_of(portfolio, asset).select_related("lot", "asset", *SOURCES)
    page = newest_first(rows, moment="disposed_at", tie="id", cursor=cursor)
    return Proof(
        key="disposals",
        name="Realized by spot",
        formula="For every part of a lot that was let go of: proceeds after fees − what that part had cost. "
        "A network fee is sold at market, then spent.",
        source="DOMAIN 4.1",
        claims=(Claim(name="Realized", stated=stated, summed=_sum([*gains, *(part.amount for part in network)])),),
        parts=(*(network if not cursor else ()), *(_let_go(row) for row in page.rows)),
        count=len(gains) + len(network),
        next_cursor=page.next_cursor,
    )


def _futures(portfolio: Portfolio, asset: Asset, funding: Sequence[Part]) -> Proof:
    """Add up what each fill and each funding payment did to the asset's positions (DOMAIN 4.2)."""
    positions = list(Position.objects.filter(portfolio=portfolio, instrument__asset=asset))
    changes = PositionChange.objects.filter(portfolio=portfolio, fill__instrument__asset=asset)
    fills = list(changes.select_related("fill__instrument__asset").order_by("-fill__executed_at", "-fill__sequence"))
    parts = [*(_moved(row, row.fill) for row in fills), *funding]
    claims = (
        ("Realized", _sum(p.realized_pnl_usd for p in positions), _sum(row.realized_pnl_usd for row in fills)),
        ("Fees", _sum(p.fees_usd for p in positions), _sum(row.fee_usd for row in fills)),
        ("Funding", _sum(p.funding_usd for p in positions), _sum(part.amount for part in funding)),
    )
    return Proof(
        key="futures",
        name="Futures",
        formula="Each closing fill: (price − average entry) × quantity closed, signed; fees and funding apart.",
        source="DOMAIN 4.2",
        claims=tuple(Claim(name=name, stated=stated, summed=summed) for name, stated, summed in claims),
        parts=tuple(parts[:MOST_LOTS]),
        count=len(parts),
    )


def _open_lots(portfolio: Portfolio, asset: Asset) -> QuerySet[Lot]:
    return Lot.objects.filter(portfolio=portfolio, asset=asset, is_open=True)


def _let_go_of(portfolio: Portfolio, asset: Asset) -> QuerySet[Disposal]:
    return Disposal.objects.filter(portfolio=portfolio, asset=asset)


def _lot(row: Lot) -> Part:
    return Part(
        what=f"{_source(row)}{', cost assumed' if row.is_cost_assumed else ''}",
        at=row.acquired_at,
        quantity=row.remaining_quantity,
        cost=row.remaining_cost_usd,
        fill_id=row.fill_id,
        transfer_id=row.transfer_id,
    )


def _let_go(row: Disposal) -> Part:
    return Part(
        what=f"{row.asset} {row.get_kind_display().lower()}",
        at=row.disposed_at,
        since=row.lot.acquired_at,
        quantity=row.quantity,
        proceeds=row.proceeds_usd,
        cost=row.cost_usd,
        amount=row.realized_pnl_usd,
        fill_id=row.fill_id,
        transfer_id=row.transfer_id,
    )


def _moved(row: PositionChange, fill: Fill) -> Part:
    return Part(
        what=f"{'Buy' if fill.side == Fill.Side.BUY else 'Sell'} {fill.instrument}",
        at=fill.executed_at,
        quantity=fill.quantity,
        price=fill.price,
        cost=row.fee_usd,
        amount=row.realized_pnl_usd,
        fill_id=fill.pk,
    )


def _funding(row: Transfer) -> Part:
    return Part(what="Funding", at=row.executed_at, amount=row.value_usd, transfer_id=row.pk)


def _network_fee(row: Transfer, asset: Asset) -> Part:
    worth = row.fee_amount if asset.kind == Asset.Kind.FIAT else row.fee_usd
    return Part(
        what="Network fee, spent", at=row.executed_at, quantity=row.fee_amount, amount=-worth, transfer_id=row.pk
    )


def _source(row: Any) -> str:
    """Say which entry brought a lot."""
    if row.fill is not None:
        return f"{'Bought' if row.fill.side == Fill.Side.BUY else 'Received for'} {row.fill.instrument}"
    return "An earlier lot" if row.transfer is None else str(row.transfer.get_kind_display())


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), ZERO)
