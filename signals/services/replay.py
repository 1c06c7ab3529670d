"""Walk a market's clock through its history: what the engine would have said, close by close (DOMAIN 6.1)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from portfolio.models import Market
from signals.models import Evidence
from signals.services.market import refresh_market
from signals.services.recommend import RunResult, recommend

AFTER_CLOSE = timedelta(minutes=30)


class RunningClockError(ValueError):
    """Only a market whose clock stands can be walked through."""


def replay(*, market: Market, first: datetime, last: datetime) -> Iterator[tuple[datetime, RunResult]]:
    """Answer every active portfolio at each close from `first` to `last`, yielding the moment after each.

    What a day says depends on nothing that came later, so all days are computed at once and answered one by one;
    between two of them the caller may act, at the moment that was yielded. Raises `RunningClockError`.
    """
    if market.as_of is None:
        raise RunningClockError(f"The clock of {market} runs. Set where it stands first.")
    _stand(market, last)
    refresh_market(market=market, now=last, is_every_day_frozen=True)
    closes = Evidence.objects.filter(market=market, as_of__gte=first, as_of__lte=last).order_by("as_of")
    for as_of in list(closes.values_list("as_of", flat=True)):
        moment = as_of + AFTER_CLOSE
        _stand(market, moment)
        yield moment, recommend(market=market, as_of=as_of, now=moment)


def _stand(market: Market, moment: datetime) -> None:
    """Set where the clock stands."""
    market.as_of = moment
    market.save(update_fields=["as_of"])
