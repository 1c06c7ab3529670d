"""Do the portfolio's work in the background."""

from __future__ import annotations

from django.utils import timezone

from jobs.models import Job
from jobs.services import enqueue
from jobs.tasks import job_task
from portfolio.models import Portfolio
from portfolio.services.recompute import ask_again, checkpoint, recompute
from portfolio.services.valuation import value_due

AT_ONCE = 200


@job_task("portfolio.value_portfolios")
def value_portfolios(job: Job) -> str:
    """Value the portfolios that are due, and ask for another run if there may be more.

    A ledger that still waits to be derived anew is asked for again: a run that failed must not leave it waiting.
    """
    now = timezone.now()
    ask_again(now=now)
    valued = value_due(now=now, limit=AT_ONCE)
    if valued == AT_ONCE:
        enqueue(task=job.task, now=now, unique_key=job.task)
    return f"{valued} portfolios valued"


@job_task("portfolio.recompute_ledger")
def recompute_ledger(job: Job) -> str:
    """Derive a portfolio's ledger anew from its first back-dated entry on."""
    portfolio = Portfolio.objects.get(pk=job.args["portfolio"])
    return f"{recompute(portfolio=portfolio, now=timezone.now())} entries folded anew"


@job_task("portfolio.checkpoint_ledger")
def checkpoint_ledger(job: Job) -> str:
    """Write down where a portfolio's ledger stands now."""
    checkpoint(Portfolio.objects.get(pk=job.args["portfolio"]))
    return "written down"
