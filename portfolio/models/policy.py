"""What I aim for: the portfolio, its policy and the stages as data."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.validators import MaxLengthValidator
from django.db import models

from portfolio.fields import ExactDecimalField
from portfolio.models.market import Asset, Market, Sector, Venue

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


class PortfolioQuerySet(models.QuerySet["Portfolio"]):
    """Speak of portfolios in sets."""

    def owned_by(self, user: User | AnonymousUser) -> PortfolioQuerySet:
        """Select a person's own portfolios."""
        return self.filter(owner_id=user.pk)

    def active(self) -> PortfolioQuerySet:
        """Select portfolios for which recommendations are computed."""
        return self.filter(is_active=True)


class Portfolio(models.Model):
    """A person's book in one market: core, reserve and pool."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="portfolios")
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="portfolios")
    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="+")
    reserve_asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    ledger_version = models.PositiveBigIntegerField(default=0, help_text="Counts ledger changes; also the lock.")
    valued_version = models.PositiveBigIntegerField(default=0, help_text="The ledger version the daily values show.")

    recompute_from = models.DateTimeField(
        null=True, blank=True, help_text="Derived figures still show the ledger without entries from here on."
    )

    lending = models.JSONField(
        default=list, blank=True, help_text="What is owed, pledged, credited and earned now (derived)."
    )

    objects = PortfolioQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="portfolio_name_once")]

    def __str__(self) -> str:
        """Show the name."""
        return self.name

    def clock(self, now: datetime) -> datetime:
        """Return the portfolio's present, which is its market's."""
        return self.market.clock(now)


class Policy(models.Model):
    """A version of what a portfolio aims for (DOMAIN 3.2); the newest effective one counts. Weights are fractions."""

    class MarginSource(models.TextChoices):
        """Where overlay margin comes from (DOMAIN I-03, I-16)."""

        STABLES = "stables"
        CARVE_OUT = "carve_out"

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="policies")
    version = models.PositiveIntegerField()
    effective_at = models.DateTimeField()
    preset = models.CharField(max_length=20, blank=True, default="")
    core_weight = ExactDecimalField()
    reserve_weight = ExactDecimalField()
    pool_weight = ExactDecimalField()
    reserve_floor = ExactDecimalField(default=0)
    margin_source = models.CharField(max_length=10, choices=MarginSource.choices, default=MarginSource.STABLES)
    band = ExactDecimalField()
    max_turnover = ExactDecimalField()
    min_notional_usd = ExactDecimalField()
    safety = ExactDecimalField(default=1)
    horizon_days = models.PositiveSmallIntegerField(default=14)
    stop_rate = ExactDecimalField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["portfolio", "version"], name="policy_version_once")]
        ordering = ["portfolio", "-version"]

    def __str__(self) -> str:
        """Show the version."""
        return f"policy {self.version} of {self.portfolio_id}"

    @cached_property
    def split(self) -> tuple[PolicySector, ...]:
        """Return the sectors' shares of the pool; one query, unless the policy came with them."""
        return tuple(self.sectors.select_related("sector").order_by("pk"))

    @cached_property
    def rules(self) -> tuple[PolicyStage, ...]:
        """Return what each stage asks for; one query, unless the policy came with them."""
        return tuple(self.stages.order_by("pk"))


class PolicySector(models.Model):
    """A sector's share of the pool while nothing leads; the shares of a policy add to 1."""

    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="sectors")
    sector = models.ForeignKey(Sector, on_delete=models.PROTECT, related_name="+")
    share = ExactDecimalField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["policy", "sector"], name="policy_sector_once")]

    def __str__(self) -> str:
        """Show sector and share."""
        return f"{self.sector_id} {self.share}"


class Stage(models.TextChoices):
    """The four stages of the playbook's table (DOMAIN 3.3)."""

    SC = "SC", "Stable consolidation"
    NI = "NI", "Narrative ignition"
    PR = "PR", "Peak and rotation"
    RE = "RE", "Re-emergence"


class PolicyStage(models.Model):
    """What a stage asks for: the leader's share of the pool, and the futures beside it (DOMAIN 1.6)."""

    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="stages")
    stage = models.CharField(max_length=2, choices=Stage.choices)
    leader_share = ExactDecimalField(null=True, blank=True, help_text="Empty: the policy's own split.")
    futures_ratio = ExactDecimalField(default=0, help_text="Overlay (positive) or core hedge (negative), of the pool.")
    leverage = ExactDecimalField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["policy", "stage"], name="policy_stage_once")]

    def __str__(self) -> str:
        """Show the stage."""
        return f"{self.stage} of policy {self.policy_id}"


class CoreQuantity(models.Model):
    """How much of an asset is core, dated: a leg never sells below it without a written override (DOMAIN F22, F54)."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="core_quantities")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    quantity = ExactDecimalField()
    effective_at = models.DateTimeField()
    reason = models.CharField(max_length=300, blank=True, default="", validators=[MaxLengthValidator(300)])

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "asset", "effective_at"], name="core_quantity_once")
        ]

    def __str__(self) -> str:
        """Show asset and quantity."""
        return f"{self.quantity} {self.asset_id} is core"


class ManualPrice(models.Model):
    """A price a person entered for an asset the market does not price; always labelled "assumed" (DECISIONS 13)."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="manual_prices")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    price_usd = ExactDecimalField()
    effective_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["portfolio", "asset", "effective_at"], name="manual_price_once")]

    def __str__(self) -> str:
        """Show asset and price."""
        return f"{self.asset_id} assumed at {self.price_usd}"
