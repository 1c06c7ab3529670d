"""Count down to a dated future's expiry, settle it, or roll it into the next one (DOMAIN 4.4, F43, F44)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from portfolio.domain.money import ONE, ZERO, Refusal, exact, in_context, pro_rata, summed

ALERT_DAYS = (14, 7, 3, 1)
ROLL_WINDOW = timedelta(days=7)
YEAR = timedelta(days=365)
SETTLES_AT_HOUR = 8


class NoSettlementPrice(Refusal):
    """Refuse to settle at a price that nobody observed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Compare the next contract with the one that ends: a fraction of the old price, and that a year."""

    spread: Decimal
    annualised: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Hold what one contract of a chain of rolls brought, in USD; what is still open adds its unrealized part."""

    realized: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    unrealized: Decimal = ZERO


def days_to_expiry(*, expires_at: datetime, now: datetime) -> Decimal:
    """Give the days left, as a fraction to the hour; negative once it has expired (F43)."""
    return (Decimal((expires_at - now) // timedelta(hours=1)) / 24).quantize(Decimal("0.01"))


def expiry_alert(*, expires_at: datetime | None, now: datetime) -> int | None:
    """Give the tightest of 14, 7, 3 and 1 days that is not exceeded, 0 once expired; nothing before (F43)."""
    if expires_at is None:
        return None
    left = expires_at - now
    if left <= timedelta(0):
        return 0
    return min((days for days in ALERT_DAYS if left <= timedelta(days=days)), default=None)


def is_roll_window_open(*, expires_at: datetime, now: datetime) -> bool:
    """Tell whether a roll is due: within 7 days of expiry, and not after it (F43)."""
    return timedelta(0) < expires_at - now <= ROLL_WINDOW


def quarterly_expiry(*, year: int, quarter: int) -> datetime:
    """Give the last Friday of a quarter's last month, 08:00 UTC (DOMAIN 4.4)."""
    month = quarter * 3
    after = datetime(year + month // 12, month % 12 + 1, 1, SETTLES_AT_HOUR, tzinfo=UTC)
    last = after - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - 4) % 7)


@in_context
def settlement_price(samples: Sequence[Decimal]) -> Decimal:
    """Give the mean of the index over the last half-hour, rounded once (DOMAIN 4.4, E18)."""
    if not samples:
        raise NoSettlementPrice("Give at least one index value to settle at.")
    return pro_rata(total=summed(samples), part=ONE, whole=Decimal(len(samples)))


@in_context
def settlement_fee(*, value: Decimal, rate: Decimal) -> Decimal:
    """Give the fee for a settled value, in the settlement asset (DOMAIN 4.4, E18)."""
    return exact(value * rate)


@in_context
def roll_spread(*, near: Decimal, following: Decimal, between: timedelta) -> Spread:
    """Give (F_new - F_old) / F_old and that x 365 over the days between the expiries (DOMAIN 4.4, E18).

    It is no cost at the roll: it is the carry over the new contract's life.
    """
    spread = pro_rata(total=following - near, part=ONE, whole=near)
    if between <= timedelta(0):
        return Spread(spread=spread, annualised=None)
    seconds = Decimal(between // timedelta(seconds=1))
    year = Decimal(YEAR // timedelta(seconds=1))
    return Spread(spread=spread, annualised=pro_rata(total=following - near, part=year, whole=near * seconds))


@in_context
def chain_pnl(members: Iterable[Member]) -> Decimal:
    """Give what a position brought through all its rolls, each fee counted once (DOMAIN 4.4)."""
    return summed(one.realized - one.fees + one.funding + one.unrealized for one in members)
