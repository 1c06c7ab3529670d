"""Register the journal app."""

from django.apps import AppConfig


class JournalConfig(AppConfig):
    """Configure the journal app."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "journal"
