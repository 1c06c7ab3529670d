"""Say how each narrative moved day by day: the sector indices that the signals are computed from (DOMAIN F01)."""

from __future__ import annotations

from datetime import datetime

from portfolio.models import Market
from portfolio.provided import SectorMoves
from signals.domain.indices import sector_indices
from signals.domain.params import DEFAULTS
from signals.queries.panel import load_panel


def sector_moves(*, market: Market, now: datetime) -> SectorMoves | None:
    """Return the daily returns of every sector's index, None for a market without closes."""
    panel = load_panel(market=market, until=market.clock(now), params=DEFAULTS, is_prices_only=True)
    if panel is None:
        return None
    indices = sector_indices(panel, params=DEFAULTS)
    moves = {sector.slug: indices.returns[:, place] for place, sector in enumerate(panel.sectors)}
    return SectorMoves(first=panel.dates[0].astype(object), moves=moves)
