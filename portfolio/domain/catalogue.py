"""List what the platform knows from the start: sectors, assets, venues, fees and contract terms, as plain data."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

CORE, RESERVE, DEFI, AI = "core", "reserve", "defi", "ai"
NO_SECTOR = ""
MEMBERS_SINCE = date(2013, 1, 1)


class SectorEntry(NamedTuple):
    """One sector; defensiveness is the share kept when money looks for shelter (DOMAIN 0)."""

    slug: str
    name: str
    kind: str
    defensiveness: Decimal


class AssetEntry(NamedTuple):
    """One asset: its sector in every market that knows it, quantity step, and whether perps on it are traded."""

    symbol: str
    name: str
    sector: str
    kind: str
    places: int
    lot_step: Decimal
    has_perp: bool
    is_simulated: bool


class VenueEntry(NamedTuple):
    """One venue with its taker and maker rates, as fractions of notional (DOMAIN 3.6)."""

    slug: str
    name: str
    spot_taker: Decimal
    spot_maker: Decimal
    perp_taker: Decimal
    perp_maker: Decimal
    source: str


class ContractTerms(NamedTuple):
    """A perp's lowest tier: maintenance margin rate and highest leverage."""

    maintenance_rate: Decimal
    max_leverage: Decimal


SECTORS: tuple[SectorEntry, ...] = (
    SectorEntry(CORE, "Core", "core", Decimal(1)),
    SectorEntry(RESERVE, "Reserve", "reserve", Decimal(1)),
    SectorEntry(DEFI, "DeFi", "narrative", Decimal("0.8")),
    SectorEntry(AI, "AI", "narrative", Decimal("0.2")),
)

_SIMULATED_AND_TRADED = """
BTC Bitcoin core 5
ETH Ethereum core 4
UNI Uniswap defi 2
AAVE Aave defi 3
CRV Curve defi 1
COMP Compound defi 3
SNX Synthetix defi 1
MKR Maker defi 4
SUSHI SushiSwap defi 1
LDO Lido defi 2
FET Fetch.ai ai 1
GRT The_Graph ai 0
NEAR NEAR ai 1
RNDR Render ai 2
TAO Bittensor ai 4
AKT Akash ai 1
WLD Worldcoin ai 1
SOL Solana - 3
BNB BNB - 3
XRP XRP - 1
ADA Cardano - 1
AVAX Avalanche - 2
LINK Chainlink - 2
DOT Polkadot - 2
DOGE Dogecoin - 0
ATOM Cosmos - 2
LTC Litecoin - 3
"""
_SIMULATED_SPOT_ONLY = """
OCEAN Ocean_Protocol ai 1
"""
_HISTORY_AND_TRADED = """
YFI Yearn_Finance defi 5
1INCH 1inch defi 1
RUNE THORChain defi 1
DYDX dYdX defi 1
GMX GMX defi 2
ICP Internet_Computer ai 2
INJ Injective ai 2
LPT Livepeer ai 2
THETA Theta_Network ai 1
PHB Phoenix ai 1
"""
_HISTORY_SPOT_ONLY = """
NMR Numeraire ai 2
PHA Phala_Network ai 1
RLC iExec_RLC ai 1
"""


def _listed(text: str, *, has_perp: bool, is_simulated: bool) -> tuple[AssetEntry, ...]:
    """Read lines of symbol, name, sector and the digits of the quantity step."""
    rows = (line.split() for line in text.split("\n") if line)
    return tuple(
        AssetEntry(
            symbol=symbol,
            name=name.replace("_", " "),
            sector=NO_SECTOR if sector == "-" else sector,
            kind="crypto",
            places=max(int(digits), 2),
            lot_step=Decimal(1).scaleb(-int(digits)),
            has_perp=has_perp,
            is_simulated=is_simulated,
        )
        for symbol, name, sector, digits in rows
    )


def _cash(symbol: str, name: str, kind: str, *, is_simulated: bool) -> AssetEntry:
    """Return an asset of the reserve."""
    return AssetEntry(symbol, name, RESERVE, kind, 2, Decimal("0.01"), has_perp=False, is_simulated=is_simulated)


def _venue(slug: str, name: str, *, spot: str, perp: str, source: str) -> VenueEntry:
    """Return a venue; rates are written as "taker maker"."""
    spot_taker, spot_maker = map(Decimal, spot.split())
    perp_taker, perp_maker = map(Decimal, perp.split())
    return VenueEntry(slug, name, spot_taker, spot_maker, perp_taker, perp_maker, source)


ASSETS: tuple[AssetEntry, ...] = (
    _cash("USD", "US dollar", "fiat", is_simulated=True),
    _cash("USDC", "USD Coin", "stable", is_simulated=True),
    _cash("USDT", "Tether", "stable", is_simulated=True),
    *_listed(_SIMULATED_AND_TRADED, has_perp=True, is_simulated=True),
    *_listed(_SIMULATED_SPOT_ONLY, has_perp=False, is_simulated=True),
    *_listed(_HISTORY_AND_TRADED, has_perp=True, is_simulated=False),
    *_listed(_HISTORY_SPOT_ONLY, has_perp=False, is_simulated=False),
)

ISSUER_TIERS = {"USDC": "A", "USDT": "B"}
"""How safe the issuers of stablecoins are taken to be (DOMAIN 4.5)."""

VENUES: tuple[VenueEntry, ...] = (
    _venue("binance", "Binance", spot="0.001 0.001", perp="0.0005 0.0002", source="Fee FAQ, regular user"),
    _venue("bybit", "Bybit", spot="0.001 0.001", perp="0.00055 0.0002", source="Fee article of 2024-07, no VIP level"),
    _venue("bingx", "BingX", spot="0.001 0.001", perp="0.0005 0.0002", source="Fees listed by ccxt 4.5.90"),
    _venue("weex", "WEEX", spot="0.001 0.001", perp="0.0008 0.0002", source="Support page on fees"),
    _venue("mexc", "MEXC", spot="0.0005 0", perp="0.0002 0", source="Fee article of 2025-09-02"),
)

TERMS: dict[str, ContractTerms] = {
    "BTC": ContractTerms(Decimal("0.004"), Decimal(100)),
    "ETH": ContractTerms(Decimal("0.005"), Decimal(100)),
}
USUAL_TERMS = ContractTerms(Decimal("0.01"), Decimal(50))


def terms_of(symbol: str) -> ContractTerms:
    """Return a perp's terms; what is not listed has the usual ones."""
    return TERMS.get(symbol, USUAL_TERMS)
