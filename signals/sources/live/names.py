"""List how sources name our assets; symbols are not unique outside, so nothing is matched by symbol (F38)."""

from __future__ import annotations

COINGECKO: dict[str, str] = {
    "BTC": "bitcoin", "ETH": "ethereum", "USDC": "usd-coin", "USDT": "tether", "UNI": "uniswap", "AAVE": "aave",
    "CRV": "curve-dao-token", "COMP": "compound-governance-token", "MKR": "maker",
    "SUSHI": "sushi", "LDO": "lido-dao", "FET": "fetch-ai", "GRT": "the-graph", "NEAR": "near", "RNDR": "render-token",
    "TAO": "bittensor", "AKT": "akash-network", "WLD": "worldcoin-wld", "SOL": "solana", "BNB": "binancecoin",
    "XRP": "ripple", "ADA": "cardano", "AVAX": "avalanche-2", "LINK": "chainlink", "DOT": "polkadot",
    "DOGE": "dogecoin", "ATOM": "cosmos", "LTC": "litecoin", "OCEAN": "ocean-protocol", "YFI": "yearn-finance",
    "1INCH": "1inch", "RUNE": "thorchain", "GMX": "gmx", "ICP": "internet-computer", "INJ": "injective-protocol",
    "LPT": "livepeer", "THETA": "theta-token", "NMR": "numeraire", "PHA": "pha", "RLC": "iexec-rlc",
}  # fmt: skip
COINGECKO_CATEGORIES: dict[str, str] = {
    "defi": "decentralized-finance-defi", "ai": "artificial-intelligence", "rwa": "real-world-assets-rwa",
    "depin": "depin", "l2": "layer-2",
}  # fmt: skip
FEED_WORDS: dict[str, str] = {
    "defi": "DeFi, decentralised finance, decentralized finance, Uniswap, Aave, Curve, Compound, MakerDAO,"
    " Sky Protocol, Lido, DEX",
    "ai": "AI, artificial intelligence, Fetch.ai, Bittensor, Render, Worldcoin, Akash, NEAR",
    "rwa": "RWA, RWAs, real-world asset, real-world assets, real world assets, tokenised treasuries,"
    " tokenized treasuries, Ondo",
    "depin": "DePIN, Helium, Filecoin, Arweave",
    "l2": "rollup, rollups, layer-2, layer 2, Arbitrum, Optimism, zkSync, Starknet",
}
DEFILLAMA: dict[str, str] = {
    "UNI": "uniswap-v3", "AAVE": "aave-v3", "CRV": "curve-dex", "COMP": "compound-v3", "SNX": "synthetix",
    "MKR": "makerdao", "SUSHI": "sushiswap", "LDO": "lido", "YFI": "yearn-finance", "RUNE": "thorchain-dex",
    "GMX": "gmx-v2-perps",
}  # fmt: skip
