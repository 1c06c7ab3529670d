"""Register the signals app."""

from django.apps import AppConfig

from portfolio.provided import provide


class SignalsConfig(AppConfig):
    """Configure the signals app."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "signals"

    def ready(self) -> None:
        """Tell the portfolio's pages who knows the stage of a market."""
        provide(stage="signals.queries.standing.stage_now", bands="signals.queries.standing.stage_bands")
