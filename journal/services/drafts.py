"""Turn a recommendation into a draft, as it stands: exact quantities, reference prices, expected fees."""

from __future__ import annotations

from journal.queries.legs import OPENS
from journal.services.rotations import DraftLeg
from portfolio.domain.money import exact, in_context
from signals.models import Recommendation


@in_context
def legs_of(recommendation: Recommendation) -> tuple[DraftLeg, ...]:
    """Return the accepted legs in their order of execution; fees in the reserve asset, taken as worth its USD value."""
    legs = recommendation.legs.filter(is_accepted=True).select_related("instrument__asset").order_by("position")
    return tuple(
        DraftLeg(
            action=leg.action,
            instrument=leg.instrument,
            quantity=leg.quantity,
            price=leg.reference_price,
            fee_amount=exact(leg.fee_usd),
            leverage=leg.leverage if leg.action in OPENS else None,
            stop_price=leg.stop_price if leg.action in OPENS else None,
            purpose=leg.purpose,
        )
        for leg in legs
    )
