"""Post what comes in, goes out or moves between own accounts without a trade (DOMAIN 4.1)."""

from portfolio.domain.book import Posting
from portfolio.domain.events import USD, Move, TransferIn, TransferOut
from portfolio.domain.lots import Scope
from portfolio.domain.money import ZERO, pro_rata
from portfolio.domain.outcomes import Kind


def apply_in(event: TransferIn, posting: Posting) -> None:
    """Open a lot at its cost, or at the market value if the cost is unknown or it is income (DOMAIN 4.1)."""
    known = event.quantity if event.asset == USD else event.value if event.is_income else event.cost
    cost = known if known is not None else event.value
    assert cost is not None  # noqa: S101  TransferIn refuses to exist without either
    posting.receive(event.asset, event.quantity, cost, acquired_at=event.acquired_at, is_assumed=known is None)
    if event.is_income:
        posting.income = cost
    else:
        posting.flow = cost


def apply_out(event: TransferOut, posting: Posting) -> None:
    """Let units leave at their cost, what nobody had at what it was worth, then spend the network fee."""
    worth = event.quantity if event.asset == USD else event.value or ZERO
    given = posting.let_go(event.asset, event.quantity, None, Kind.SENT, worth)
    posting.flow = -given.cost
    if given.unmatched:
        posting.flow -= posting.disposals[-1].unmatched_proceeds
    posting.expense(event)


def apply_move(event: Move, posting: Posting) -> None:
    """Bring lots to another account with their dates and costs; nothing is realised, the fee is spent (DOMAIN 4.1).

    Where lots are kept for the whole portfolio, only the balances move.
    """
    if posting.book.scope is Scope.ACCOUNT or event.asset == USD:
        _carry(event, posting)
    else:
        _shift(event, posting)
    posting.expense(event)


def _carry(event: Move, posting: Posting) -> None:
    worth = event.quantity if event.asset == USD else event.value or ZERO
    given = posting.let_go(event.asset, event.quantity, None, Kind.MOVED, worth)
    if event.asset == USD:
        posting.receive(USD, event.quantity, event.quantity, account=event.to_account)
        return
    for lot, quantity, cost in given.matches:
        posting.receive(
            event.asset,
            quantity,
            cost,
            account=event.to_account,
            acquired_at=lot.acquired_at,
            is_assumed=lot.is_assumed,
        )
    if given.unmatched:
        missing = posting.disposals[-1].unmatched_proceeds
        posting.receive(event.asset, given.unmatched, missing, account=event.to_account, is_assumed=True)


def _shift(event: Move, posting: Posting) -> None:
    """Move a balance; what an import never held arrives as a lot at its share of the value."""
    sender = (event.account, event.asset)
    posting.check_free(sender, event.quantity)
    matched = min(event.quantity, posting.book.held.get(sender, ZERO))
    posting.book.change(sender, -matched)
    posting.book.change((event.to_account, event.asset), matched)
    missing = event.quantity - matched
    if missing:
        worth = pro_rata(total=event.value or ZERO, part=missing, whole=event.quantity)
        posting.let_go(event.asset, missing, None, Kind.MOVED, worth)
        posting.receive(event.asset, missing, worth, account=event.to_account, is_assumed=True)
