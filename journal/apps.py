"""Register the journal app."""

from django.apps import AppConfig

from portfolio.provided import provide


class JournalConfig(AppConfig):
    """Configure the journal app."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "journal"

    def ready(self) -> None:
        """Tell the portfolio's pages which rotations were made, and what waits for a decision or a review."""
        provide(rotations="journal.queries.timeline.rotation_marks", waiting="journal.queries.today.waiting_counts")
