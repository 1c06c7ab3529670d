"""Register the signals app."""

from django.apps import AppConfig


class SignalsConfig(AppConfig):
    """Configure the signals app."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "signals"
