"""Name the token migrations that everybody went through, with their ratios (DOMAIN F63, E38)."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """State which token became which: `received` units of the new one for `given` of the old."""

    old: str
    new: str
    given: Decimal
    received: Decimal
    name: str

    @property
    def key(self) -> str:
        """Name it by both symbols."""
        return f"{self.old}-{self.new}"

    @property
    def ratio(self) -> Decimal:
        """Give the new units for one old one."""
        return self.received / self.given


MIGRATIONS = (
    Migration(old="LEND", new="AAVE", given=Decimal(100), received=Decimal(1), name="Aave"),
    Migration(old="MKR", new="SKY", given=Decimal(1), received=Decimal(24000), name="Sky"),
    Migration(
        old="AGIX", new="FET", given=Decimal(1), received=Decimal("0.433350"), name="Artificial Superintelligence (ASI)"
    ),
    Migration(
        old="OCEAN",
        new="FET",
        given=Decimal(1),
        received=Decimal("0.433226"),
        name="Artificial Superintelligence (ASI)",
    ),
)
"""ASI trades under the symbol of FET, which became it one for one."""


def known_migration(*, old: str, new: str) -> Migration | None:
    """Return the migration of one token into another, nothing where none is known."""
    return next((one for one in MIGRATIONS if (one.old, one.new) == (old, new)), None)
