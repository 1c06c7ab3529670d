"""Register the signals app."""

from django.apps import AppConfig

from portfolio.provided import provide


class SignalsConfig(AppConfig):
    """Configure the signals app."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "signals"

    def ready(self) -> None:
        """Tell the portfolio's pages who knows a market's stage and how fresh it is."""
        here = "signals.queries.standing"
        provide(stage=f"{here}.stage_now", bands=f"{here}.stage_bands", stale=f"{here}.stale_notice")
