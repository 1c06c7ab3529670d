"""Show what moves a portfolio and what margin sets free: net exposure, carry, hedges, collateral (DOMAIN 1.3, 1.4)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from portfolio.domain.money import ONE, ZERO, exact, in_context, pro_rata, summed

OTHER = "other"
HEALTH_ALERT = Decimal("1.5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """Hold a sum in USD and how it is shared among sectors (F01); what is left belongs to none."""

    value: Decimal
    sectors: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetExposure:
    """Hold a sector's spot value and signed futures notional in USD, and both as a share of equity."""

    sector: str
    spot: Decimal
    futures: Decimal
    share: Decimal | None

    @property
    @in_context
    def net(self) -> Decimal:
        """Give spot and futures together."""
        return self.spot + self.futures


@dataclass(frozen=True, slots=True, kw_only=True)
class Carry:
    """Compare a leveraged long with the same bought outright over some days, in USD (F47, F48, E31)."""

    margin: Decimal
    freed: Decimal
    earned: Decimal
    funding: Decimal
    gain: Decimal
    fees: Decimal
    spot_total: Decimal
    breakeven_apy: Decimal

    @property
    @in_context
    def total(self) -> Decimal:
        """Give what the futures route brings: gain and yield less funding and fees."""
        return self.gain + self.earned - self.funding - self.fees

    @property
    def is_income(self) -> bool:
        """Tell whether the freed capital earns more than the funding takes."""
        return self.earned > self.funding


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """State a leveraged long: notional in USD, yield a year on what is freed, funding a year on the notional."""

    notional: Decimal
    leverage: Decimal
    apy: Decimal
    funding_annual: Decimal
    days: Decimal
    move: Decimal = ZERO
    futures_fee_rate: Decimal = ZERO
    spot_fee_rate: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Hedge:
    """Split what a hedged sector did into the market's part and its own, in USD (E32)."""

    short_notional: Decimal
    spot_pnl: Decimal
    hedge_pnl: Decimal
    market_part: Decimal
    own_part: Decimal
    residual_beta: Decimal

    @property
    @in_context
    def net(self) -> Decimal:
        """Give spot and hedge together."""
        return self.spot_pnl + self.hedge_pnl


@dataclass(frozen=True, slots=True, kw_only=True)
class Collateral:
    """Hold what is pledged, in USD, and the share of it that a lender counts before it liquidates (F42)."""

    value: Decimal
    threshold: Decimal


@in_context
def net_exposures(*, spot: Iterable[Exposed], futures: Iterable[Exposed], equity: Decimal) -> tuple[NetExposure, ...]:
    """Spread spot values and signed notionals over sectors; what belongs to none stands under `other`."""
    held, signed = _by_sector(spot), _by_sector(futures)
    return tuple(
        NetExposure(
            sector=sector,
            spot=held.get(sector, ZERO),
            futures=signed.get(sector, ZERO),
            share=exact((held.get(sector, ZERO) + signed.get(sector, ZERO)) / equity) if equity > 0 else None,
        )
        for sector in {**held, **signed}
    )


@in_context
def freed_capital(*, notional: Decimal, leverage: Decimal) -> Decimal:
    """Give notional (1 - 1/L): what need not be paid in full (F47, E31)."""
    return exact(notional) - pro_rata(total=notional, part=ONE, whole=leverage)


@in_context
def net_carry(*, apy: Decimal, leverage: Decimal, funding_annual: Decimal) -> Decimal:
    """Give APY (1 - 1/L) - funding a year, on the notional; it is income only above zero (F48)."""
    return freed_capital(notional=apy, leverage=leverage) - funding_annual


@in_context
def breakeven_apy(*, leverage: Decimal, funding_annual: Decimal) -> Decimal | None:
    """Give the yield at which the freed capital pays for the funding; nothing where nothing is freed (E31)."""
    return pro_rata(total=funding_annual, part=leverage, whole=leverage - 1) if leverage > 1 else None


@in_context
def carry(terms: Terms) -> Carry:
    """Work both routes out over the days; fees of a round trip at the opening and the moved price (E31)."""
    freed = freed_capital(notional=terms.notional, leverage=terms.leverage)
    years = terms.days / 365
    turnover = terms.notional * (2 + terms.move)
    gain = exact(terms.notional * terms.move)
    return Carry(
        margin=exact(terms.notional) - freed,
        freed=freed,
        earned=exact(freed * terms.apy * years),
        funding=exact(terms.notional * terms.funding_annual * years),
        gain=gain,
        fees=exact(turnover * terms.futures_fee_rate),
        spot_total=gain - exact(turnover * terms.spot_fee_rate),
        breakeven_apy=breakeven_apy(leverage=terms.leverage, funding_annual=terms.funding_annual) or ZERO,
    )


@in_context
def hedge_notional(*, value: Decimal, beta: Decimal, fraction: Decimal) -> Decimal:
    """Give the short that hedges a fraction of a sector's beta: N = h beta V (F41, E32)."""
    return exact(fraction * beta * value)


@in_context
def hedge_outcome(
    *, value: Decimal, beta: Decimal, fraction: Decimal, market_move: Decimal, sector_move: Decimal
) -> Hedge:
    """Split what happened to a hedged sector into the market's part and its own (F41, E32)."""
    short = hedge_notional(value=value, beta=beta, fraction=fraction)
    spot, market = exact(value * sector_move), exact(value * beta * market_move)
    return Hedge(
        short_notional=short,
        spot_pnl=spot,
        hedge_pnl=exact(-short * market_move),
        market_part=market,
        own_part=spot - market,
        residual_beta=exact(value * beta) - short,
    )


@in_context
def health_factor(*, collaterals: Iterable[Collateral], debt: Decimal) -> Decimal | None:
    """Give sum (collateral x liquidation threshold) / debt; nothing without a debt (F42)."""
    counted = summed(pledged.value * pledged.threshold for pledged in collaterals)
    return pro_rata(total=counted, part=ONE, whole=debt) if debt > 0 else None


def is_health_alarming(health: Decimal | None) -> bool:
    """Tell whether a health factor is below 1.5 (F42)."""
    return health is not None and health < HEALTH_ALERT


def _by_sector(exposed: Iterable[Exposed]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for one in exposed:
        left = one.value
        for sector, share in one.sectors.items():
            part = exact(one.value * share)
            found[sector] = found.get(sector, ZERO) + part
            left -= part
        if left:
            found[OTHER] = found.get(OTHER, ZERO) + left
    return found
