"""Follow a position through its rolls: what each contract of the chain brought (DOMAIN 4.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from portfolio.domain.expiry import Member, Spread, chain_pnl, roll_spread
from portfolio.domain.money import ZERO, in_context, shares
from portfolio.models import Fill, Instrument, Portfolio, PositionChange, Transfer
from portfolio.queries.positions import PositionLine

Place = tuple[int, int, str]


@dataclass(frozen=True, kw_only=True)
class ChainMember:
    """Show one contract of a chain: from when to when it was held, and what it brought the chain in USD.

    Of a contract into which several positions were rolled, each chain counts the part that its size was of theirs.
    """

    instrument: Instrument
    opened_at: datetime
    closed_at: datetime | None
    brought: Member
    spread: Spread | None = None


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Show a position through all its rolls, oldest first."""

    name: str
    members: tuple[ChainMember, ...]

    @property
    def pnl_usd(self) -> Decimal:
        """Return what the whole chain brought, each fee counted once."""
        return chain_pnl(member.brought for member in self.members)


@in_context
def chains_of(*, portfolio: Portfolio, lines: Iterable[PositionLine] = ()) -> tuple[Chain, ...]:
    """Return every chain of rolls; `lines` are the open positions, whose unrealized part counts. Three queries."""
    stand = Fill.objects.filter(portfolio=portfolio, reverses__isnull=True, reversed_by__isnull=True)
    linked = stand.exclude(chain="").select_related("instrument__asset").order_by("executed_at", "sequence")
    rolls: dict[str, list[Fill]] = {}
    for fill in linked:
        rolls.setdefault(fill.chain, []).append(fill)
    places = {_place(fill) for fills in rolls.values() for fill in fills}
    changes, paid = _changes(portfolio, places), _funding(portfolio, places)
    open_now = {(line.account.pk, line.instrument.pk, line.position_side): line for line in lines}
    return tuple(_chain(name, fills, changes, paid, open_now) for name, fills in rolls.items())


@dataclass(frozen=True, kw_only=True)
class _Span:
    """Hold the changes of one contract that belong to the chain, perhaps with other chains."""

    chain: str
    instrument: Instrument
    changes: Sequence[PositionChange]

    @property
    def opened_at(self) -> datetime:
        """Return when its first contract was opened."""
        return self.changes[0].fill.executed_at

    @property
    def closed_at(self) -> datetime | None:
        """Return when its last contract was closed, None while it is open."""
        last = self.changes[-1]
        return None if last.quantity_after else last.fill.executed_at

    def part(self, total: Decimal) -> Decimal:
        """Give the chain's part of an amount; the parts of all chains add up to it."""
        weights = _weights(self.changes)
        parts = shares(total=total, weights=weights.values())
        return dict(zip(weights, parts, strict=True))[self.chain]


def _chain(
    name: str,
    fills: Sequence[Fill],
    changes: Mapping[Place, Sequence[PositionChange]],
    paid: Mapping[Place, Sequence[Transfer]],
    open_now: Mapping[Place, PositionLine],
) -> Chain:
    """Put a chain together from the one time that each contract was held as part of it."""
    members = []
    for place in dict.fromkeys(_place(fill) for fill in fills):
        for held in _episodes(changes.get(place, ())):
            if any(change.fill.chain == name for change in held):
                span = _Span(chain=name, instrument=held[0].fill.instrument, changes=held)
                members.append(_member(span, paid.get(place, ()), open_now.get(place)))
    return Chain(name=name, members=tuple(_with_spreads(members, fills)))


def _changes(portfolio: Portfolio, places: Iterable[Place]) -> dict[Place, list[PositionChange]]:
    instruments = {instrument for _, instrument, _ in places}
    rows = PositionChange.objects.filter(portfolio=portfolio, fill__instrument__in=instruments)
    found: dict[Place, list[PositionChange]] = {}
    for change in rows.select_related("fill__instrument__asset").order_by("fill__executed_at", "fill__sequence"):
        found.setdefault(_place(change.fill), []).append(change)
    return found


def _episodes(changes: Iterable[PositionChange]) -> Iterable[list[PositionChange]]:
    """Split a contract's changes wherever it became flat."""
    held: list[PositionChange] = []
    for change in changes:
        held.append(change)
        if not change.quantity_after:
            yield held
            held = []
    if held:
        yield held


def _weights(held: Sequence[PositionChange]) -> dict[str, Decimal]:
    """Weigh the chains that share one holding of a contract: by the size rolled in, else by the size rolled out.

    What was bought without a roll belongs to the chains in the same proportion.
    """
    came: dict[str, Decimal] = {}
    went: dict[str, Decimal] = {}
    for fill in (change.fill for change in held if change.fill.chain):
        sizes = came if fill.side == held[0].fill.side else went
        sizes[fill.chain] = sizes.get(fill.chain, ZERO) + fill.quantity
    return {**went, **came}


def _funding(portfolio: Portfolio, places: Iterable[Place]) -> Mapping[Place, Sequence[Transfer]]:
    payments = Transfer.objects.filter(
        portfolio=portfolio,
        kind=Transfer.Kind.FUNDING,
        instrument__in={instrument for _, instrument, _ in places},
        reverses__isnull=True,
        reversed_by__isnull=True,
    )
    found: dict[Place, list[Transfer]] = {}
    for payment in payments:
        if payment.instrument_id is not None:
            place = (payment.account_id, payment.instrument_id, payment.position_side)
            found.setdefault(place, []).append(payment)
    return found


def _member(span: _Span, paid: Iterable[Transfer], line: PositionLine | None) -> ChainMember:
    until = span.closed_at
    within = [row for row in paid if row.executed_at >= span.opened_at and (until is None or row.executed_at <= until)]
    return ChainMember(
        instrument=span.instrument,
        opened_at=span.opened_at,
        closed_at=until,
        brought=Member(
            realized=span.part(sum((change.realized_pnl_usd for change in span.changes), ZERO)),
            fees=span.part(sum((change.fee_usd for change in span.changes), ZERO)),
            funding=span.part(sum((row.value_usd or ZERO for row in within), ZERO)),
            unrealized=span.part((line.unrealized_usd or ZERO) if line is not None and until is None else ZERO),
        ),
    )


def _with_spreads(members: Sequence[ChainMember], fills: Sequence[Fill]) -> Iterable[ChainMember]:
    """Add to each member the spread at which it was rolled into."""
    ordered = sorted(members, key=lambda member: (member.opened_at, member.instrument.pk))
    for place, member in enumerate(ordered):
        before = ordered[place - 1] if place else None
        yield ChainMember(
            instrument=member.instrument,
            opened_at=member.opened_at,
            closed_at=member.closed_at,
            brought=member.brought,
            spread=None if before is None else _spread(before.instrument, member.instrument, fills),
        )


def _spread(near: Instrument, following: Instrument, fills: Iterable[Fill]) -> Spread | None:
    if near.expires_at is None or following.expires_at is None:
        return None
    closing = [fill for fill in fills if fill.instrument_id == near.pk]
    opening = [fill for fill in fills if fill.instrument_id == following.pk]
    if not closing or not opening:
        return None
    between = following.expires_at - near.expires_at
    return roll_spread(near=closing[-1].price, following=opening[0].price, between=between)


def _place(fill: Fill) -> Place:
    return (fill.account_id, fill.instrument_id, fill.position_side)
