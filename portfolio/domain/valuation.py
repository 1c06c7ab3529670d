"""Value what is held, never taking an unknown price for zero, and compare it with the aim (DOMAIN 4.5, F20, F64)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from portfolio.domain.money import ONE, ZERO, exact, in_context, summed

STALE_AFTER = timedelta(hours=24)
DEPEG_BAND = Decimal("0.005")
DEPEG_MULTIPLIER = Decimal(2)
HAIRCUTS = {"A": Decimal("0.0025"), "B": Decimal("0.005"), "C": Decimal("0.05"), "D": Decimal("0.2")}


class PriceState(StrEnum):
    """Say what is known of a price; a stale price is shown but recommends nothing."""

    PRICED = "priced"
    STALE = "stale"
    UNPRICED = "unpriced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """Hold an asset's price in USD, when it was observed, and whether a person assumed it."""

    price: Decimal
    observed_at: datetime
    is_assumed: bool = False

    def state(self, now: datetime, stale_after: timedelta = STALE_AFTER) -> PriceState:
        """Give priced or stale; an assumed price holds until the person replaces it."""
        is_old = now - self.observed_at > stale_after and not self.is_assumed
        return PriceState.STALE if is_old else PriceState.PRICED


def preferred(*, market: Quoted | None, manual: Quoted | None, now: datetime) -> Quoted | None:
    """Choose the market's price; a person's own stands in where there is none, or a newer one where it is stale."""
    if market is None or manual is None:
        return market or manual
    is_newer = manual.observed_at > market.observed_at
    return manual if is_newer and market.state(now) is PriceState.STALE else market


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """Hold a sum in USD and of how many parts it was made; unpriced parts are counted, never added."""

    value: Decimal = ZERO
    priced: int = 0
    stale: int = 0
    unpriced: int = 0
    assumed: int = 0

    @in_context
    def __add__(self, other: "Worth") -> "Worth":
        """Add two sums and their counts."""
        return Worth(
            value=self.value + other.value,
            priced=self.priced + other.priced,
            stale=self.stale + other.stale,
            unpriced=self.unpriced + other.unpriced,
            assumed=self.assumed + other.assumed,
        )

    @property
    def is_complete(self) -> bool:
        """Tell whether every part had a price."""
        return not self.unpriced


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Hold what is to be valued: a free quantity of an asset, where it belongs, and its price if there is one.

    `sectors` gives the asset's shares in sectors (F01, adding to at most 1); `core` is the quantity flagged core (F22).
    `haircut` is a stablecoin's own (F64); `credit` is the part that is the venue's bonus and never one's own.
    """

    asset: str
    quantity: Decimal
    quoted: Quoted | None
    core: Decimal = ZERO
    haircut: Decimal | None = None
    credit: Decimal = ZERO
    is_reserve: bool = False
    sectors: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldFutures:
    """Hold a position to be valued: unrealized PnL and margin in the settlement asset, which needs a price too.

    `marked` is the price of the contract's asset that the unrealized PnL was taken at; `haircut` is that of a
    stablecoin it is settled in (F64).
    """

    margin: Decimal
    unrealized: Decimal | None
    settle: Quoted | None
    marked: Quoted | None = None
    carved_from: str | None = None
    haircut: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """Hold a debt to be valued: a quantity of an asset that must be given back."""

    quantity: Decimal
    quoted: Quoted | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleeves:
    """Hold a portfolio's worth by sleeve; margin stands in futures, and in its sector too if carved out of it.

    Debts are negative. Credit is what venues lent as a bonus: shown, never part of equity. The haircut is what
    stablecoins are worth less for risk than on the market.
    """

    core: Worth
    reserve: Worth
    sectors: Mapping[str, Worth]
    other: Worth
    futures: Worth
    carved: Mapping[str, Decimal] = field(default_factory=dict)
    debts: Worth = Worth()
    credit: Worth = Worth()
    haircut: Decimal = ZERO

    @property
    @in_context
    def pool(self) -> Worth:
        """Give spot worth of all sectors (P of DOMAIN 0 adds the carved margin)."""
        return sum(self.sectors.values(), Worth())

    @property
    @in_context
    def equity(self) -> Worth:
        """Give the market NAV: E of DOMAIN 0, debts deducted, bonus credit left out (DOMAIN 4.5)."""
        return self.core + self.reserve + self.pool + self.other + self.futures + self.debts

    @property
    @in_context
    def risk_equity(self) -> Decimal:
        """Give the risk NAV: stablecoins at most at par and less their haircut (DOMAIN 4.5, E30)."""
        return self.equity.value - self.haircut

    @property
    @in_context
    def rotation_pool(self) -> Decimal:
        """Give P: spot worth of the sectors and the margin carved out of them."""
        return self.pool.value + summed(self.carved.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Compare an actual weight with its target, both fractions of the same base; `value` is what has the weight."""

    actual: Decimal
    target: Decimal
    band: Decimal
    value: Decimal = ZERO

    @property
    @in_context
    def drift(self) -> Decimal:
        """Give actual less target."""
        return self.actual - self.target

    @property
    def is_outside(self) -> bool:
        """Tell whether the drift is beyond the band."""
        return abs(self.drift) > self.band


@in_context
def worth(*, quantity: Decimal, quoted: Quoted | None, now: datetime) -> Worth:
    """Value a quantity; without a price it is counted as unpriced and adds nothing."""
    if not quantity:
        return Worth()
    if quoted is None:
        return Worth(unpriced=1)
    is_stale = quoted.state(now) is PriceState.STALE
    return Worth(
        value=exact(quantity * quoted.price),
        priced=int(not is_stale),
        stale=int(is_stale),
        assumed=int(quoted.is_assumed),
    )


@in_context
def sleeves(
    *, holdings: Iterable[Held], futures: Iterable[HeldFutures], now: datetime, debts: Iterable[Owed] = ()
) -> Sleeves:
    """Sort holdings into core, reserve, sectors and the rest, and value each (DOMAIN 0)."""
    sorter = _Sorter(now)
    for held in holdings:
        sorter.hold(held)
    for position in futures:
        sorter.hold_futures(position)
    owed = sum((worth(quantity=-debt.quantity, quoted=debt.quoted, now=now) for debt in debts), Worth())
    return Sleeves(
        core=sorter.core,
        reserve=sorter.reserve,
        sectors=sorter.sectors,
        other=sorter.other,
        futures=sorter.futures,
        carved=sorter.carved,
        debts=owed,
        credit=sorter.credit,
        haircut=sorter.haircut,
    )


class _Sorter:
    """Add up what is held, sleeve by sleeve."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.core = self.reserve = self.other = self.futures = self.credit = Worth()
        self.sectors: dict[str, Worth] = {}
        self.carved: dict[str, Decimal] = {}
        self.haircut = ZERO

    def hold(self, held: Held) -> None:
        """Put a holding where it belongs; what is the venue's credit is no part of it."""
        credit = min(held.credit, held.quantity)
        own = held.quantity - credit
        self.credit += worth(quantity=credit, quoted=held.quoted, now=self.now)
        locked_in = min(held.core, own)
        self.core += worth(quantity=locked_in, quoted=held.quoted, now=self.now)
        rest = worth(quantity=own - locked_in, quoted=held.quoted, now=self.now)
        self.haircut += _haircut(own, held.quoted, held.haircut)
        if held.is_reserve:
            self.reserve += rest
        else:
            self.other += _spread(held.sectors, rest, self.sectors)

    def hold_futures(self, position: HeldFutures) -> None:
        """Count margin and unrealized PnL; margin counts in the sector that it was carved out of, too."""
        posted = worth(quantity=position.margin, quoted=position.settle, now=self.now)
        self.futures += posted + _gain(position, self.now)
        own = position.margin + (position.unrealized or ZERO)
        self.haircut += _haircut(max(own, ZERO), position.settle, position.haircut)
        if position.carved_from:
            self.carved[position.carved_from] = self.carved.get(position.carved_from, ZERO) + posted.value


@in_context
def drifts(*, values: Mapping[str, Decimal], targets: Mapping[str, Decimal], band: Decimal) -> dict[str, Drift]:
    """Compare the shares of values in their sum with targets; an empty sum has no drift (F20)."""
    base = summed(values.values())
    if base <= 0:
        return {}
    return {
        name: Drift(
            actual=exact(values.get(name, ZERO) / base),
            target=targets.get(name, ZERO),
            band=band,
            value=values.get(name, ZERO),
        )
        for name in {**targets, **values}
    }


@in_context
def risk_value(*, quantity: Decimal, price: Decimal, haircut: Decimal) -> Decimal:
    """Value a stablecoin for risk: never above par, less a haircut that grows once it leaves its peg (E30)."""
    distance = abs(ONE - price)
    cut = max(haircut, DEPEG_MULTIPLIER * distance) if distance > DEPEG_BAND else haircut
    return exact(quantity * min(price, ONE) * max(ONE - cut, ZERO))


def haircut_of(tier: str) -> Decimal:
    """Give the haircut of an issuer's tier; of an issuer that nobody rated that of a small one (DOMAIN 4.5)."""
    return HAIRCUTS.get(tier, HAIRCUTS["C"])


def _haircut(quantity: Decimal, quoted: Quoted | None, haircut: Decimal | None) -> Decimal:
    """Give what a stablecoin is worth less for risk; nothing without a price, which adds nothing either."""
    if quoted is None or haircut is None:
        return ZERO
    risk = risk_value(quantity=quantity, price=quoted.price, haircut=haircut)
    return exact(quantity * quoted.price) - risk


def _spread(shares: Mapping[str, Decimal], value: Worth, by_sector: dict[str, Worth]) -> Worth:
    """Spread a value over the sectors of its asset and give what belongs to none; each part carries the counts."""
    left = value.value
    for sector, share in shares.items():
        part = exact(value.value * share)
        left -= part
        by_sector[sector] = by_sector.get(sector, Worth()) + replace(value, value=part)
    return Worth(value=left) if shares else value


def _gain(position: HeldFutures, now: datetime) -> Worth:
    """Value the unrealized PnL: unknown without a mark, stale on a stale one, assumed on an assumed one."""
    if position.unrealized is None:
        return Worth(unpriced=1)
    gain = worth(quantity=position.unrealized, quoted=position.settle, now=now)
    if position.marked is None or not gain.is_complete:
        return gain
    is_stale = position.marked.state(now) is PriceState.STALE
    gain = replace(gain, assumed=max(gain.assumed, int(position.marked.is_assumed)))
    return replace(gain, priced=0, stale=1) if is_stale else gain
