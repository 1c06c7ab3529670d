"""Register the signals app."""

from django.apps import AppConfig

from portfolio.provided import provide


class SignalsConfig(AppConfig):
    """Configure the signals app."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "signals"

    def ready(self) -> None:
        """Tell the portfolio's pages who knows a market's stage, how fresh it is, and how its sectors moved."""
        here = "signals.queries.standing"
        provide(columns=f"{here}.standing_columns", standing=f"{here}.standing_in", bands=f"{here}.stage_bands")
        provide(moves="signals.queries.sector_moves.sector_moves")
