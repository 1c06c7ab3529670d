"""Post what happens on the spot market: purchases, sales and their fees (DOMAIN 4.1)."""

from decimal import Decimal

from portfolio.domain.book import Posting
from portfolio.domain.events import Side, SpotFill
from portfolio.domain.money import ZERO, exact
from portfolio.domain.outcomes import FeeExceedsTrade, Kind


def apply_spot(event: SpotFill, posting: Posting) -> None:
    """Buy or sell (DOMAIN 4.1)."""
    apply = _buy if event.side is Side.BUY else _sell
    apply(event, posting)


def _buy(event: SpotFill, posting: Posting) -> None:
    """Spend quote, capitalise the fee (DOMAIN 4.1)."""
    outlay = exact(event.quantity * event.price)
    cost = exact((outlay + _fee_in(event, event.quote)) * event.quote_usd)
    received = event.quantity - _fee_in(event, event.base)
    if received <= 0:
        raise FeeExceedsTrade("The fee takes all that was bought.", event)
    posting.give(event.quote, outlay + _fee_in(event, event.quote), cost, Kind.SPENT)
    posting.receive(event.base, received, cost + posting.third_fee(event, event.base, event.quote))


def _sell(event: SpotFill, posting: Posting) -> None:
    """Let base go, deduct the fee from the proceeds (DOMAIN 4.1)."""
    received = exact(event.quantity * event.price) - _fee_in(event, event.quote)
    worth = exact(received * event.quote_usd)
    if received < 0:
        raise FeeExceedsTrade("The fee is larger than the sale.", event)
    third = posting.third_fee(event, event.base, event.quote)
    posting.give(event.base, event.quantity + _fee_in(event, event.base), worth - third, Kind.SOLD)
    posting.receive(event.quote, received, worth)


def _fee_in(event: SpotFill, asset: str) -> Decimal:
    return event.fee if event.fee_asset == asset else ZERO
