"""Answer whether the house lives and is ready, and show how far a job has come."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from jobs.models import Job
from jobs.queries import readiness

STOP_POLLING = 286


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """Answer that the process runs."""
    return JsonResponse({"live": True})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Answer which parts are ready, with 503 unless all are; no account, no details."""
    parts = readiness(now=timezone.now())
    return JsonResponse(parts, status=200 if all(parts.values()) else 503)


@never_cache
@login_required
@require_safe
def progress(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Show how far one of my jobs has come; htmx polls this until it is over."""
    job = get_object_or_404(Job, public_id=public_id, user=request.user)
    is_over = job.state not in Job.ACTIVE
    status = STOP_POLLING if is_over and request.headers.get("HX-Request") else 200
    return render(request, "jobs/progress.html", {"job": job, "is_over": is_over}, status=status)
