"""Tell a health check whether the beat was heard of within three minutes."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from jobs.queries import BEAT_LIMIT, last_beat


class Command(BaseCommand):
    """Exit 0 if the beat is alive."""

    help = "Exit 0 if the beat was heard of within three minutes, else 1."

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare the last sign of life with now."""
        beat_at = last_beat()
        if beat_at is None or timezone.now() - beat_at > BEAT_LIMIT:
            raise CommandError("The beat is silent.")
        self.stdout.write(f"The beat was heard of at {beat_at:%Y-%m-%d %H:%M:%S} UTC.")
