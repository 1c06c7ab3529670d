"""Offer the playbook's optional hedge on what was sold: two purposes with opposite payoffs, off by default (I-07, E04).

The playbook shorts DeFi "if DeFi unexpectedly rallies", yet a short loses in exactly that rally. So both readings are
offered with both payoff lines, and the person picks: the short hedges the spot that stays, the long insures the sale.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from signals.domain.refusals import money
from signals.domain.shelf import Purpose

STABLE_SHARE = Decimal("0.10")
SHOWN_MOVE = Decimal("0.2")


class Offer(NamedTuple):
    """Hold an optional position on the sector that was sold: side 1 is long, -1 short. Amounts in USD."""

    purpose: Purpose
    side: int
    notional: Decimal
    kept: Decimal
    sold: Decimal

    def futures_pnl(self, move: Decimal) -> Decimal:
        """Return what the position earns if the sector moves by a fraction."""
        return self.side * self.notional * move

    def spot_pnl(self, move: Decimal) -> Decimal:
        """Return what the spot that was kept earns on that move."""
        return self.kept * move

    def net_pnl(self, move: Decimal) -> Decimal:
        """Return both together."""
        return self.spot_pnl(move) + self.futures_pnl(move)

    def regret(self, move: Decimal) -> Decimal:
        """Return what the spot that was sold would have earned, as a loss forgone."""
        return -self.sold * move

    @property
    def hedge_ratio(self) -> Decimal:
        """Return the position over the spot that was kept, 0 where none was."""
        return self.notional / self.kept if self.kept else Decimal(0)


def offers(
    *,
    remaining_stables: Decimal,
    kept: Decimal,
    sold: Decimal,
    share: Decimal = STABLE_SHARE,
    leverage: Decimal = Decimal(1),
) -> tuple[Offer, Offer]:
    """Return the short that hedges what is kept and the long that insures what was sold, of the same size (F37)."""
    notional = max(remaining_stables, Decimal(0)) * share * leverage
    return (
        Offer(Purpose.RESIDUAL_SPOT_HEDGE, -1, notional, kept, sold),
        Offer(Purpose.PREMATURE_ROTATION_INSURANCE, 1, notional, kept, sold),
    )


def offer_words(pair: tuple[Offer, Offer], *, sector: str) -> list[str]:
    """Return both offers as sentences with their payoff lines at a rise and a fall of 20%."""
    short, long = pair
    hedge = f"You may hedge the {money(short.kept)} of {sector} you keep with a {money(short.notional)} short"
    insurance = f"Or insure against rotating too early with a {money(long.notional)} long"
    forgone = f"against {_signed(long.regret(SHOWN_MOVE))} forgone on what you sell"
    rise, fall = (_line(short, sector, move) for move in (SHOWN_MOVE, -SHOWN_MOVE))
    up, down = (_line(long, sector, move) for move in (SHOWN_MOVE, -SHOWN_MOVE))
    return [f"{hedge}: {rise}; {fall}.", f"{insurance}: {up}, {forgone}; {down}."]


def _line(offer: Offer, sector: str, move: Decimal) -> str:
    """Return one payoff line."""
    return (
        f"at {sector} {move:+.0%} the spot makes {_signed(offer.spot_pnl(move))} and the position "
        f"{_signed(offer.futures_pnl(move))}"
    )


def _signed(amount: Decimal) -> str:
    """Write an amount with its sign."""
    return f"{'-' if amount < 0 else '+'}{money(abs(amount))}"
