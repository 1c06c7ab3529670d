"""Say how much of a gain its fees took (DOMAIN 4.7, E39)."""

from decimal import Decimal

from portfolio.domain.money import ONE, in_context, pro_rata


@in_context
def fee_ratio(*, fees: Decimal, gross: Decimal) -> Decimal | None:
    """Give fees over the size of what was gained before them, or nothing where nothing was (E39)."""
    return pro_rata(total=fees, part=ONE, whole=abs(gross)) if gross else None
