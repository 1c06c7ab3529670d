"""Post what changes lots themselves: migrations, rebases, swaps, and a change of method (DOMAIN 4.1, F63)."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from portfolio.domain.book import Book, Posting
from portfolio.domain.events import Conversion, MethodChange, Rebase, Swap
from portfolio.domain.lots import EVERYWHERE, Match, Method, Scope
from portfolio.domain.money import ZERO, shares
from portfolio.domain.outcomes import AssetKey, Kind, LedgerError, Oversold
from portfolio.domain.piles import Pile, scaled, unscaled


class Part(NamedTuple):
    """Describe a lot that takes the place of another."""

    account: int
    units: Decimal
    cost: Decimal
    acquired_at: datetime
    is_assumed: bool


def apply_conversion(event: Conversion, posting: Posting) -> None:
    """Give every lot its share of the new units, with its date and cost (DOMAIN F63, E38)."""
    given = posting.let_go(event.asset, event.quantity, None, Kind.CONVERTED, event.value or ZERO)
    weights = [match.quantity for match in given.matches] + ([given.unmatched] if given.unmatched else [])
    units = shares(total=event.received, weights=weights)
    parts = _parts(given.matches, units)
    if given.unmatched:
        missing = posting.disposals[-1].unmatched_proceeds
        parts.append(Part(event.account, units[-1], missing, event.executed_at, is_assumed=True))
    posting.book.change((event.account, event.into), event.received)
    _reopen(posting, event.into, parts)


def apply_rebase(event: Rebase, posting: Posting) -> None:
    """Scale every open lot by the same fraction, cost and date unchanged (DOMAIN 4.1)."""
    book, held = posting.book, (event.account, event.asset)
    key = book.key(*held)
    whole, free = unscaled(book.pile(key).total()), book.free(held)
    if not whole:
        raise LedgerError(f"You hold no {event.asset} that could be rebased.", event)
    if whole + event.change <= 0 or free + event.change < 0:
        raise Oversold(asset=event.asset, held=max(free, ZERO), asked=-event.change, event=event)
    matches = posting.close_lots(key, Kind.CONVERTED)
    units = shares(total=whole + event.change, weights=[match.quantity for match in matches])
    book.change(held, event.change)
    _reopen(posting, event.asset, _parts(matches, units))


def apply_swap(event: Swap, posting: Posting) -> None:
    """Sell one asset for another at what both were worth; the fee is as that of a sale (DOMAIN 4.1)."""
    own = event.fee if event.fee_asset == event.asset else ZERO
    third = posting.third_fee(event, event.asset, event.into)
    posting.give(event.asset, event.quantity + own, event.value - third, Kind.SOLD)
    posting.receive(event.into, event.received, event.value)


def apply_method(event: MethodChange, posting: Posting) -> None:
    """Relieve lots otherwise from here on (DOMAIN 4.1).

    To the average, what is open is pooled: one lot at the average cost, as old as its oldest part. From the average,
    the pool stays one lot. A wider scope joins the piles of all accounts; a narrower one deals the lots out again,
    oldest first, to the accounts in the order of their ids, each as much as it holds.
    """
    book = posting.book
    before, was = book.piles, book.scope
    costs, book.costs = book.costs, {}
    book.piles, book.method, book.scope = {}, event.method, event.scope
    for account, asset in sorted(before):
        pile = before[account, asset]
        if was is Scope.PORTFOLIO and event.scope is Scope.ACCOUNT:
            _deal(posting, asset, pile)
            continue
        key = book.key(account, asset)
        book.costs[key] = book.costs.get(key, ZERO) + costs.get((account, asset), ZERO)
        _repile(book, key, pile)
    if event.method is Method.AVG:
        for key in sorted(book.piles):
            _pool(posting, key)
    book.changed.update(book.held)


def _repile(book: Book, key: AssetKey, pile: Pile) -> None:
    """Move pieces to the pile of the method now in force, whatever it pools later."""
    for piece in pile.pieces:
        book.pile(key).put_anew(piece)


def _pool(posting: Posting, key: AssetKey) -> None:
    """Make one lot of many, at what they cost together."""
    lots = posting.book.piles[key].lots()
    if len(lots) < 2:
        return
    oldest = lots[0]
    matches = posting.close_lots(key, Kind.RESET)
    posting.open_lot(
        key[1],
        sum((match.quantity for match in matches), ZERO),
        sum((match.cost for match in matches), ZERO),
        account=oldest.account,
        acquired_at=oldest.acquired_at,
        is_assumed=any(lot.is_assumed for lot in lots),
    )


def _deal(posting: Posting, asset: str, pile: Pile) -> None:
    """Deal the lots of all accounts out to those that hold the units."""
    if not pile.pieces:
        return
    book = posting.book
    whole = (EVERYWHERE, asset)
    book.piles[whole] = Pile(Method.FIFO)
    for piece in pile.pieces:
        book.piles[whole].put_anew(piece)
    dealt = Pile(Method.FIFO, book.piles[whole].lots())
    posting.close_lots(whole, Kind.RESET)
    del book.piles[whole], book.costs[whole]
    for account in sorted(owner for (owner, name), held in book.held.items() if name == asset and held):
        for piece, units, cost in dealt.take(scaled(book.held[account, asset])):
            lot = piece[3]
            posting.open_lot(
                asset,
                unscaled(units),
                unscaled(cost),
                account=account,
                acquired_at=lot.acquired_at,
                is_assumed=lot.is_assumed,
            )


def _parts(matches: Sequence[Match], units: Iterable[Decimal]) -> list[Part]:
    return [
        Part(lot.account, share, cost, lot.acquired_at, lot.is_assumed)
        for (lot, _, cost), share in zip(matches, units, strict=False)
    ]


def _reopen(posting: Posting, asset: str, parts: Iterable[Part]) -> None:
    """Open lots in the place of others; the cost of one whose units were rounded away goes to its neighbour."""
    kept: list[Part] = []
    owed = ZERO
    for part in parts:
        if part.units:
            kept.append(part._replace(cost=part.cost + owed))
            owed = ZERO
        elif kept:
            kept[-1] = kept[-1]._replace(cost=kept[-1].cost + part.cost)
        else:
            owed += part.cost
    for part in kept:
        posting.open_lot(
            asset,
            part.units,
            part.cost,
            account=part.account,
            acquired_at=part.acquired_at,
            is_assumed=part.is_assumed,
        )
