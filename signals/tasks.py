"""Do the market's work in the background."""

from __future__ import annotations

from datetime import date
from functools import partial

from django.conf import settings
from django.utils import timezone

from jobs.models import Job
from jobs.services import enqueue, report_progress
from jobs.tasks import job_task
from portfolio.models import Market
from portfolio.services.catalogue import LIVE_SLUG
from signals.models import Channel
from signals.services.alerts import WATCH_TASK, raise_alerts, watch, watch_all
from signals.services.asking import ASK_TASK, ask_sources
from signals.services.deliveries import CLOSED_TASK, DELIVER_TASK, deliver
from signals.services.live import listed, queue_live, refresh_source
from signals.services.refresh import REFRESH_TASK, expire_recommendations, refresh, refresh_all
from signals.services.senders import tell_closed
from signals.services.shadows import advance_shadows

SHADOW_DAYS, SHADOW_ROUNDS = 10, 6
"""After every few days the job says that it lives; after some rounds others have their turn."""


@job_task("signals.refresh_markets")
def refresh_markets(job: Job) -> str:
    """Refresh every market, the periodic way."""
    now = timezone.now()
    turn = int(now.timestamp()) // settings.PERIODIC_JOBS[REFRESH_TASK]
    return "; ".join(map(str, refresh_all(now=now, turn=turn)))


@job_task("signals.refresh_market")
def refresh_market(job: Job) -> str:
    """Refresh one market because a person asked, or rebuild it from a day on because older rows arrived."""
    market, since = Market.objects.get(pk=job.args["market"]), job.args.get("since")
    rebuild_since = date.fromisoformat(since) if since else None
    return str(refresh(market=market, now=timezone.now(), rebuild_since=rebuild_since, progress=partial(_report, job)))


@job_task("signals.refresh_live")
def queue_live_sources(job: Job) -> str:
    """Queue the live sources whose slot has come."""
    return f"{len(queue_live(now=timezone.now()))} sources queued"


@job_task("signals.refresh_source")
def refresh_live_source(job: Job) -> str:
    """Ask one live source."""
    market = Market.objects.get(slug=LIVE_SLUG)
    return str(refresh_source(market=market, source=listed(job.args["source"]), now=timezone.now()))


@job_task(ASK_TASK)
def ask_live_sources(job: Job) -> str:
    """Ask live sources because a person wants to see them now."""
    market = Market.objects.get(pk=job.args["market"])
    return ask_sources(market=market, names=job.args["sources"], now=timezone.now(), progress=partial(_report, job))


@job_task("signals.expire_recommendations")
def expire(job: Job) -> str:
    """Close the recommendations whose time is over."""
    return f"{expire_recommendations(now=timezone.now())} recommendations expired"


@job_task("signals.advance_shadows")
def advance(job: Job) -> str:
    """Write the shadows of every market on, a few days at a time, and ask for another run where closes are left."""
    now, days, is_behind = timezone.now(), 0, False
    for market in Market.objects.order_by("pk"):
        for _ in range(SHADOW_ROUNDS):
            done = advance_shadows(market=market, now=now, most_days=SHADOW_DAYS)
            days += done.days
            report_progress(job, done=days, total=days, message=f"{days} days of shadows written")
            if not done.is_behind:
                break
        is_behind = is_behind or done.is_behind
    if is_behind:
        enqueue(task=job.task, now=now, unique_key=job.task)
    return f"{days} days of shadows written"


@job_task("signals.raise_alerts")
def write_alerts(job: Job) -> str:
    """Write down what is new and somebody wants to be told."""
    return f"{raise_alerts(now=timezone.now())} messages written"


@job_task("signals.watch")
def queue_watches(job: Job) -> str:
    """Queue a look at the portfolios whose state somebody wants to be told of."""
    return f"{watch_all(now=timezone.now())} portfolios to look at"


@job_task(WATCH_TASK)
def watch_portfolios(job: Job) -> str:
    """Look at some portfolios."""
    return f"{watch(portfolio_ids=job.args['portfolios'], now=timezone.now())} messages written"


@job_task(DELIVER_TASK)
def deliver_message(job: Job) -> str:
    """Send one message."""
    return deliver(delivery_id=job.args["delivery"], now=timezone.now())


@job_task(CLOSED_TASK)
def tell_of_closed_channel(job: Job) -> str:
    """Mail the owner of a channel that it was closed."""
    tell_closed(Channel.objects.select_related("owner").get(pk=job.args["channel"]))
    return "told"


def _report(job: Job, done: int, total: int, message: str) -> None:
    """Show how far the refresh has come."""
    report_progress(job, done=done, total=total, message=message)
