"""What follows from the readings (derived): scores with contributions, regime, stage, evidence; one row a day."""

from __future__ import annotations

from django.db import models

from portfolio.models import Market, Sector, Stage


class Regime(models.TextChoices):
    """The mood of the market (DOMAIN 2.5)."""

    RISK_ON = "RISK_ON", "Risk-on"
    CONSOLIDATION = "CONSOLIDATION", "Consolidation"
    RISK_OFF = "RISK_OFF", "Risk-off"


class Score(models.Model):
    """A sector's strength at a day's close: 50 plus contributions that add up exactly (DOMAIN 2.4)."""

    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="scores")
    sector = models.ForeignKey(Sector, on_delete=models.PROTECT, related_name="scores")
    date = models.DateField()
    value = models.FloatField()
    coverage = models.FloatField(help_text="Share of the weights that fresh data carried, 0 to 1.")
    contributions = models.JSONField(
        help_text="One object an indicator: points, z, weight, freshness, raw, unit, reason."
    )
    details = models.JSONField(default=dict, help_text="q, rsr, rsm, quadrant, priced_in, funding label … of that day.")
    params_version = models.CharField(max_length=20)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["market", "sector", "date"], name="score_once")]
        indexes = [models.Index(fields=["market", "date"], name="score_market_date")]

    def __str__(self) -> str:
        """Show sector, day and score."""
        return f"{self.sector_id} {self.date} {self.value:.1f}"

    @property
    def is_hidden(self) -> bool:
        """Return whether too little fresh data stands behind the score (DOMAIN 2.4)."""
        return self.coverage < 0.4 - 1e-9


class RegimeDay(models.Model):
    """The regime at a day's close, with its score, components and hysteresis counter."""

    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="regime_days")
    date = models.DateField()
    regime = models.CharField(max_length=15, choices=Regime.choices)
    value = models.FloatField()
    coverage = models.FloatField()
    components = models.JSONField()
    state = models.JSONField(default=dict, help_text="Wanted state and counter, to continue from.")
    frozen_since = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["market", "date"], name="regime_day_once")]

    def __str__(self) -> str:
        """Show day and regime."""
        return f"{self.date} {self.regime}"


class StageDay(models.Model):
    """The stage at a day's close, with the evidence that moved it and the state to continue from."""

    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="stage_days")
    date = models.DateField()
    stage = models.CharField(max_length=2, choices=Stage.choices)
    leader = models.ForeignKey(Sector, null=True, on_delete=models.PROTECT, related_name="+")
    base = models.ForeignKey(Sector, on_delete=models.PROTECT, related_name="+")
    since = models.DateField(help_text="First day of this stage and leader.")
    reason = models.CharField(max_length=300, blank=True, default="")
    evidence = models.JSONField(default=dict, help_text="Each guard's inputs and outcome; how many were observable.")
    state = models.JSONField(default=dict, help_text="Counter, wanted state, highs: to continue from.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["market", "date"], name="stage_day_once")]

    def __str__(self) -> str:
        """Show day and stage."""
        return f"{self.date} {self.stage}"


class Evidence(models.Model):
    """Everything the engine read at one moment, frozen and hashed; shared by the recommendations of that moment."""

    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="evidence")
    as_of = models.DateTimeField()
    computed_at = models.DateTimeField()
    payload = models.JSONField()
    sha256 = models.CharField(max_length=64)
    params_version = models.CharField(max_length=20)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["market", "as_of"], name="evidence_once")]

    def __str__(self) -> str:
        """Show the moment."""
        return f"{self.market_id} {self.as_of:%Y-%m-%d %H:%M}"
