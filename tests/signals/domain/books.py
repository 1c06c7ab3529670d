"""Build portfolios and markets for engine tests: two presets of the playbook, DeFi in column 0, AI in column 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from signals.domain.batch import Batch, FundingFlag, MarketState, StageCode
from signals.domain.limits import limits_of

DEFI, AI = 0, 1
STAGES = {  # leader share, futures ratio, leverage
    "anchor": {"SC": (0.5, 0.0, 1.0), "NI": (0.75, 0.30, 3.0), "PR": (0.20, -0.25, 2.0), "RE": (0.125, 0.25, 2.0)},
    "table": {"SC": (0.5, 0.0, 1.0), "NI": (0.75, 0.375, 3.0), "PR": (0.20, -0.25, 2.0), "RE": (0.125, 0.25, 2.0)},
}
ADVANCED = limits_of("advanced", has_overlay=True)._asdict()


def book(
    *, spot: Any, stage: str = "SC", preset: str = "anchor", leader: int = AI, base: int = DEFI, **values: Any
) -> Batch:
    """Build one portfolio; `values` overrides any field."""
    rows = np.atleast_2d(np.asarray(spot, dtype=float))
    count, sectors = rows.shape
    share, ratio, leverage = STAGES[preset][stage]
    defaults: dict[str, Any] = {
        "spot": rows,
        "margin": np.zeros_like(rows),
        "overlay": np.zeros_like(rows),
        "policy_split": np.full_like(rows, 1.0 / sectors),
        "core_hedge": 0.0,
        "core": 0.0,
        "stable": 0.0,
        "stage": int(StageCode[stage]),
        "leader": leader,
        "base": base,
        "leader_share": share,
        "futures_ratio": ratio,
        "leverage": leverage,
        "carves": preset == "table",
        "stable_floor": 0.05 if preset == "anchor" else 0.0,
        "band": 0.02,
        "max_turnover": 0.60,
        "min_notional": 10.0,
        "safety": 1.0,
        "horizon_days": 14.0,
        "stop_rate": 0.15,
        "spot_fee": 0.001,
        "futures_fee": 0.0005,
        "is_changed": True,
        "turned_30d": 0.0,
        "is_stopped": False,
        "is_cost_aware": False,
        "is_stale": False,
        "has_unpriced_pool": False,
        "has_unpriced_rest": False,
        **ADVANCED,
        **values,
    }
    defaults.setdefault("stable_risk", defaults["stable"])
    return Batch(**{name: _column(name, value, count, sectors) for name, value in defaults.items()})


def _column(name: str, value: Any, count: int, sectors: int) -> Any:
    kind = {"stage": np.int64, "leader": np.int64, "base": np.int64}.get(name, np.float64)
    if name.startswith(("is_", "has_", "carves")):
        kind = np.bool_
    shape = (count, sectors) if name in ("spot", "margin", "overlay", "policy_split") else (count,)
    return np.array(np.broadcast_to(np.asarray(value, dtype=kind), shape))


def market(*, sectors: int = 2, **values: Any) -> MarketState:
    """Build a market in which nothing is unknown and slippage is a flat 5 bp."""
    arrays: dict[str, Any] = {
        "defensiveness": np.linspace(0.8, 0.2, sectors),
        "score": 50.0,
        "coverage": 1.0,
        "z_spread": 2.5,
        "sigma_relative": 0.6,
        "funding_flag": int(FundingFlag.NORMAL),
        "has_known_gates": True,
        "has_perp": True,
        "funding_8h": 0.0001,
        "adv": 5_000_000.0,
        "half_spread": 0.0005,
        "sigma_daily": 0.0,
        "maintenance": 0.01,
        "atr_rate": np.nan,
    }
    scalars = {k: values.pop(k) for k in list(values) if k not in arrays}
    arrays.update(values)
    kinds = {"funding_flag": np.int64, "has_known_gates": np.bool_, "has_perp": np.bool_}
    filled = {
        k: np.array(np.broadcast_to(np.asarray(v, dtype=kinds.get(k, np.float64)), (sectors,)))
        for k, v in arrays.items()
    }
    return MarketState(**filled, **scalars)


def scenario(preset: str = "anchor", stage: str = "NI", **values: Any) -> Batch:
    """Build the playbook's $10,000 pool on its anchor portfolio, 50/50."""
    return book(
        spot=values.pop("spot", [5000.0, 5000.0]),
        stage=stage,
        preset=preset,
        **{"core": 16_666.67, "stable": 6_666.67, **values},
    )
