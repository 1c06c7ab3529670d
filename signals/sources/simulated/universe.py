"""List the assets of the simulated market with the levels around which they are simulated."""

from __future__ import annotations

from typing import NamedTuple

CORE = "core"
RESERVE = "reserve"
DEFI = "defi"
AI = "ai"
OTHER = "other"


class SimulatedAsset(NamedTuple):
    """One simulated asset: USD level, price decimals, beta to BTC, daily noise, circulating supply, daily turnover."""

    symbol: str
    sector: str
    level: float
    decimals: int
    beta: float
    noise: float
    supply: float
    turnover: float

    @property
    def is_stablecoin(self) -> bool:
        """Say whether the price stays near one dollar."""
        return self.sector == RESERVE


ASSETS: tuple[SimulatedAsset, ...] = (
    SimulatedAsset("BTC", CORE, 62000.0, 2, 1.00, 0.0000, 19.7e6, 0.030),
    SimulatedAsset("ETH", CORE, 3000.0, 2, 1.08, 0.0090, 120e6, 0.045),
    SimulatedAsset("USDC", RESERVE, 1.0, 5, 0.0, 0.0002, 35e9, 0.200),
    SimulatedAsset("USDT", RESERVE, 1.0, 5, 0.0, 0.0003, 118e9, 0.450),
    SimulatedAsset("UNI", DEFI, 8.50, 4, 1.22, 0.024, 600e6, 0.045),
    SimulatedAsset("AAVE", DEFI, 125.0, 3, 1.20, 0.024, 14.9e6, 0.075),
    SimulatedAsset("CRV", DEFI, 0.520, 5, 1.26, 0.027, 1.2e9, 0.130),
    SimulatedAsset("COMP", DEFI, 56.0, 3, 1.18, 0.024, 8.2e6, 0.090),
    SimulatedAsset("SNX", DEFI, 2.80, 4, 1.26, 0.028, 328e6, 0.070),
    SimulatedAsset("MKR", DEFI, 1900.0, 2, 1.08, 0.023, 0.92e6, 0.055),
    SimulatedAsset("SUSHI", DEFI, 1.10, 5, 1.28, 0.029, 255e6, 0.140),
    SimulatedAsset("LDO", DEFI, 2.00, 4, 1.24, 0.027, 890e6, 0.055),
    SimulatedAsset("FET", AI, 1.45, 5, 1.32, 0.030, 1.6e9, 0.090),
    SimulatedAsset("GRT", AI, 0.220, 5, 1.28, 0.027, 9.5e9, 0.050),
    SimulatedAsset("NEAR", AI, 5.20, 4, 1.26, 0.025, 1.1e9, 0.060),
    SimulatedAsset("RNDR", AI, 6.60, 4, 1.32, 0.029, 388e6, 0.075),
    SimulatedAsset("TAO", AI, 390.0, 2, 1.34, 0.031, 7.1e6, 0.055),
    SimulatedAsset("OCEAN", AI, 0.720, 5, 1.30, 0.030, 620e6, 0.065),
    SimulatedAsset("AKT", AI, 3.60, 4, 1.30, 0.031, 240e6, 0.045),
    SimulatedAsset("WLD", AI, 2.70, 4, 1.34, 0.033, 420e6, 0.170),
    SimulatedAsset("SOL", OTHER, 140.0, 3, 1.18, 0.018, 460e6, 0.050),
    SimulatedAsset("BNB", OTHER, 560.0, 2, 0.90, 0.011, 146e6, 0.020),
    SimulatedAsset("XRP", OTHER, 0.620, 5, 1.00, 0.019, 56e9, 0.040),
    SimulatedAsset("ADA", OTHER, 0.480, 5, 1.14, 0.017, 35.5e9, 0.030),
    SimulatedAsset("AVAX", OTHER, 31.0, 3, 1.20, 0.020, 395e6, 0.035),
    SimulatedAsset("LINK", OTHER, 14.5, 4, 1.14, 0.018, 608e6, 0.040),
    SimulatedAsset("DOT", OTHER, 6.40, 4, 1.14, 0.017, 1.4e9, 0.035),
    SimulatedAsset("DOGE", OTHER, 0.140, 6, 1.20, 0.022, 144e9, 0.060),
    SimulatedAsset("ATOM", OTHER, 7.80, 4, 1.12, 0.018, 390e6, 0.045),
    SimulatedAsset("LTC", OTHER, 78.0, 3, 0.95, 0.014, 75e6, 0.070),
)
INDEX: dict[str, int] = {asset.symbol: row for row, asset in enumerate(ASSETS)}
SECTORS: tuple[str, ...] = (DEFI, AI, OTHER)


def members(sector: str) -> list[int]:
    """Return the rows of a sector's assets in `ASSETS`."""
    return [row for row, asset in enumerate(ASSETS) if asset.sector == sector]
