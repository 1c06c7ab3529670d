"""Register the portfolio app."""

from django.apps import AppConfig


class PortfolioConfig(AppConfig):
    """Configure the portfolio app."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "portfolio"
