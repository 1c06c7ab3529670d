"""Post what comes in and goes out without a trade (DOMAIN 4.1)."""

from portfolio.domain.book import Posting
from portfolio.domain.events import USD, TransferIn, TransferOut
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
    """Let units leave at their cost."""
    posting.flow = -posting.give(event.asset, event.quantity, None, Kind.SENT)
