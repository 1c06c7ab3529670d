"""Show how far a job has come: a fragment for htmx, a page that shows it for everybody else."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from jobs.models import Job
from portfolio.views.access import person_of


def asked_job(request: HttpRequest) -> dict[str, Any] | None:
    """Return the person's own job that the page was asked to show."""
    try:
        public_id = uuid.UUID(request.GET.get("job", ""))
    except ValueError:
        return None
    job = Job.objects.filter(public_id=public_id, user=person_of(request)).first()
    return None if job is None else {"job": job, "is_over": job.state not in Job.ACTIVE}


def shown_progress(request: HttpRequest, job: Job, *, to: str) -> HttpResponse:
    """Answer htmx with the progress that asks again by itself, and a browser with the page that shows it."""
    if request.headers.get("HX-Request"):
        return render(request, "jobs/progress.html", {"job": job, "is_over": job.state not in Job.ACTIVE})
    return redirect(to)
