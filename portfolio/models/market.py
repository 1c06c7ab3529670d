"""What exists: markets, sectors, assets, venues, instruments, fees and daily prices."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import Q

from portfolio.domain.margin import Convention, Tier
from portfolio.domain.valuation import HAIRCUTS, haircut_of
from portfolio.fields import ExactDecimalField, PositiveAmount


class Market(models.Model):
    """A universe of prices and readings: simulated, history, later live. Its clock may stand still for a replay."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=60)
    is_simulated = models.BooleanField(default=False)
    seed = models.PositiveIntegerField(default=0)
    as_of = models.DateTimeField(null=True, blank=True, help_text="Where the clock stands; empty: it runs.")

    def __str__(self) -> str:
        """Show the name."""
        return self.name

    def clock(self, now: datetime) -> datetime:
        """Return this market's present: where its clock stands, else now."""
        return self.as_of or now


class Sector(models.Model):
    """A part of the market with a story of its own (prose says narrative); core and reserve are sectors too."""

    class Kind(models.TextChoices):
        """Which sleeve the sector belongs to."""

        CORE = "core"
        RESERVE = "reserve"
        NARRATIVE = "narrative"

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.NARRATIVE)
    defensiveness = ExactDecimalField(default=0, help_text="Share kept when money looks for shelter (DOMAIN 0).")
    hue = models.CharField(max_length=20, blank=True, default="", help_text="Name of the colour token.")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "slug"]

    def __str__(self) -> str:
        """Show the name."""
        return self.name


class Asset(models.Model):
    """Something that is held: BTC, USDC, UNI, USD."""

    class Kind(models.TextChoices):
        """How it is valued: fiat USD is worth 1, everything else needs a price."""

        FIAT = "fiat"
        STABLE = "stable"
        CRYPTO = "crypto"

    symbol = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=80)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        editable=False,
        db_constraint=False,
        on_delete=models.DO_NOTHING,
        related_name="+",
        help_text="Who added and named it, also once they are gone; empty: it is everybody's.",
    )
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.CRYPTO)
    places = models.PositiveSmallIntegerField(default=8, help_text="Digits shown behind the point.")
    issuer_tier = models.CharField(
        max_length=1,
        blank=True,
        default="",
        choices=[(tier, tier) for tier in HAIRCUTS],
        help_text="How safe a stablecoin's issuer is, A to D; empty: nobody said (DOMAIN 4.5).",
    )

    class Meta:
        ordering = ["symbol"]

    def __str__(self) -> str:
        """Show the symbol."""
        return self.symbol

    @property
    def haircut(self) -> Decimal | None:
        """Return what a stablecoin is cut by for risk; nothing for what is none (DOMAIN 4.5)."""
        return haircut_of(self.issuer_tier) if self.kind == self.Kind.STABLE else None


class SectorMembership(models.Model):
    """An asset's share in a sector, effective-dated: membership is always read as of a day (DOMAIN F01)."""

    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="memberships")
    sector = models.ForeignKey(Sector, on_delete=models.PROTECT, related_name="memberships")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="memberships")
    weight = ExactDecimalField(default=1)
    since_date = models.DateField()
    until_date = models.DateField(null=True, blank=True, help_text="First day on which it no longer counts.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["market", "sector", "asset", "since_date"], name="membership_once"),
            models.CheckConstraint(
                condition=Q(until_date__isnull=True) | Q(until_date__gt=models.F("since_date")), name="membership_span"
            ),
        ]

    def __str__(self) -> str:
        """Show who belongs where."""
        return f"{self.asset_id} in {self.sector_id} since {self.since_date}"


class Venue(models.Model):
    """An exchange."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=60)
    liquidation_convention = models.CharField(
        max_length=12,
        blank=True,
        default="",
        choices=[(one.value, one.value) for one in Convention],
        help_text="How it takes the maintenance; empty: unknown, the nearer price is shown (DOMAIN 4.3).",
    )

    def __str__(self) -> str:
        """Show the name."""
        return self.name


class FeeSchedule(models.Model):
    """A venue's fee rates over a span of time (DOMAIN F60); rates are fractions of notional."""

    class Product(models.TextChoices):
        """What is traded."""

        SPOT = "spot"
        PERP = "perp"

    venue = models.ForeignKey(Venue, on_delete=models.CASCADE, related_name="fees")
    product = models.CharField(max_length=10, choices=Product.choices)
    maker_rate = ExactDecimalField()
    taker_rate = ExactDecimalField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    source_url = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "product", "starts_at"], name="fee_schedule_once")]

    def __str__(self) -> str:
        """Show venue, product and rate."""
        return f"{self.venue_id} {self.product} {self.taker_rate}"


class InstrumentQuerySet(models.QuerySet["Instrument"]):
    """Speak of instruments in sets."""

    def plain(self) -> InstrumentQuerySet:
        """Select what a leg of a rotation can trade: spot, and linear perpetuals of one unit."""
        return self.filter(is_inverse=False, expires_at=None, contract_size=1)


class Instrument(models.Model):
    """What an order names: BTC spot or BTC-PERP on a venue."""

    class Kind(models.TextChoices):
        """Spot, perpetual future, or a future that expires."""

        SPOT = "spot"
        PERP = "perp"
        DATED = "dated"

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="instruments")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="instruments")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.SPOT)
    lot_step = ExactDecimalField(help_text="Smallest step of quantity.")
    min_notional_usd = ExactDecimalField(default=10)
    maintenance_rate = ExactDecimalField(null=True, blank=True, help_text="Maintenance margin rate (perp).")
    maintenance_amount = ExactDecimalField(default=0, help_text="Maintenance amount `cum` of the tier (perp).")
    max_leverage = ExactDecimalField(null=True, blank=True)
    is_inverse = models.BooleanField(default=False, help_text="Sized in USD, settled in the coin itself.")
    contract_size = ExactDecimalField(default=1, help_text="Units of one contract: base units, or USD if inverse.")
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Of a dated future.")
    settlement_fee_rate = ExactDecimalField(default=0, help_text="Charged at expiry, of the settled value.")
    closing_fee_rate = ExactDecimalField(default=0, help_text="Counted in the liquidation price where the venue does.")
    tiers = models.JSONField(
        default=list, blank=True, help_text="Maintenance by notional: [floor, rate, deduction] as text, from 0 up."
    )

    objects = InstrumentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["venue", "asset", "kind", "is_inverse"],
                condition=Q(expires_at__isnull=True),
                name="instrument_once",
            ),
            models.UniqueConstraint(
                fields=["venue", "asset", "is_inverse", "expires_at"],
                condition=Q(expires_at__isnull=False),
                name="instrument_dated_once",
            ),
            models.CheckConstraint(
                condition=Q(kind="dated", expires_at__isnull=False) | (~Q(kind="dated") & Q(expires_at__isnull=True)),
                name="instrument_dated_expires",
            ),
            models.CheckConstraint(
                condition=Q(is_inverse=False) | ~Q(kind="spot"), name="instrument_inverse_is_futures"
            ),
            PositiveAmount(field="lot_step", name="instrument_step_positive"),
            PositiveAmount(field="contract_size", name="instrument_size_positive"),
        ]

    def __str__(self) -> str:
        """Show the name a trader knows."""
        return self.name

    @property
    def name(self) -> str:
        """Return BTC, BTC-PERP, BTC-261225, or with USD in the middle what is sized in it: BTC-USD-PERP."""
        if self.kind == self.Kind.SPOT:
            return self.asset.symbol
        until = "PERP" if self.expires_at is None else f"{self.expires_at:%y%m%d}"
        return f"{self.asset.symbol}-USD-{until}" if self.is_inverse else f"{self.asset.symbol}-{until}"

    @property
    def is_futures(self) -> bool:
        """Tell whether it is held as a position, not as a holding."""
        return self.kind != self.Kind.SPOT

    def maintenance_tiers(self) -> list[Tier]:
        """Return the maintenance by notional; without tiers one rate counts for any (DOMAIN 4.3)."""
        if self.tiers:
            return [Tier(*map(Decimal, tier)) for tier in self.tiers]
        return [Tier(Decimal(0), self.maintenance_rate or Decimal(0), self.maintenance_amount)]


class PriceQuerySet(models.QuerySet["Price"]):
    """Speak of prices in sets."""

    def usable_at(self, moment: datetime) -> PriceQuerySet:
        """Select daily closes that were known at a moment: day d closes at d+1 00:00 UTC."""
        return self.filter(closes_at__lte=moment)


class Price(models.Model):
    """An asset's daily close in a market; the row dated d closes at d+1 00:00 UTC."""

    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="prices")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="prices")
    date = models.DateField()
    closes_at = models.DateTimeField()
    price_usd = ExactDecimalField()
    market_cap_usd = ExactDecimalField(null=True, blank=True)
    volume_usd = ExactDecimalField(null=True, blank=True)
    volume_scope = models.CharField(max_length=10, blank=True, default="", help_text="global, or one exchange")
    source = models.CharField(max_length=60)
    ingested_at = models.DateTimeField()

    objects = PriceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["market", "asset", "date"], name="price_once"),
            PositiveAmount(field="price_usd", name="price_positive"),
        ]
        indexes = [models.Index(fields=["market", "date"], name="price_market_date")]

    def __str__(self) -> str:
        """Show asset, day and price."""
        return f"{self.asset_id} {self.date} {self.price_usd}"


class Quote(models.Model):
    """The newest price of an asset between two closes; one row an asset, replaced as time goes on."""

    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="quotes")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="quotes")
    quoted_at = models.DateTimeField()
    price_usd = ExactDecimalField()
    source = models.CharField(max_length=60)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["market", "asset"], name="quote_once"),
            PositiveAmount(field="price_usd", name="quote_positive"),
        ]

    def __str__(self) -> str:
        """Show asset, time and price."""
        return f"{self.asset_id} {self.quoted_at:%Y-%m-%d %H:%M} {self.price_usd}"


def closes_on(day: date) -> datetime:
    """Return when the row dated `day` closes: the next midnight UTC (DECISIONS 34)."""
    return datetime.combine(date.fromordinal(day.toordinal() + 1), datetime.min.time(), tzinfo=UTC)
