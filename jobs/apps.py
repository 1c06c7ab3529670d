"""Register the jobs app."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """Configure the jobs app."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "jobs"
