"""Do the journal's work in the background."""

from __future__ import annotations

from django.utils import timezone

from jobs.models import Job
from jobs.tasks import job_task
from journal.services.reviews import measure_reviews as measure


@job_task("journal.measure_reviews")
def measure_reviews(job: Job) -> str:
    """Measure rotations against having held, where something new is known."""
    return f"{measure(now=timezone.now())} rotations measured"
