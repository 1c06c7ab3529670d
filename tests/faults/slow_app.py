"""The project's Celery, answering in small chunks and pausing inside each transaction: faults fall into one."""

from __future__ import annotations

import os
import time
from typing import Any

import django
from django.conf import settings
from django.db import transaction

from config.celery import app

django.setup()

from signals.services import recommend

PAUSE = float(os.environ.get("FAULT_PAUSE", "0.3"))
usual = recommend._chunk


def slow(*arguments: Any) -> Any:
    """Answer one chunk, and wait before it is committed."""
    with transaction.atomic():
        result = usual(*arguments)
        time.sleep(PAUSE)
        return result


recommend.CHUNK = int(os.environ.get("FAULT_CHUNK", "40"))
recommend._chunk = slow
settings.PERIODIC_JOBS = {"jobs.sweep": 2}
settings.CELERY_BEAT_SCHEDULE["tick"]["schedule"] = 0.5
app.conf.beat_schedule = settings.CELERY_BEAT_SCHEDULE
__all__ = ["app"]
