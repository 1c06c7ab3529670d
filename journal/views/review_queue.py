"""Look at decisions blind: the evidence and the reason first, then a guess, then the outcome and a lesson."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from journal.forms.lessons import ExpectForm, LearnForm
from journal.models import Lesson
from journal.queries.review_queue import Waiting, next_step
from journal.queries.review_queue import review_queue as queue_of
from journal.queries.timeline import title_of
from journal.services.lessons import Guess, LessonRefused, expect, learn
from journal.views.cases import Case, case_of_pass, case_of_rotation, evidence_of, known_on, verdict
from portfolio.views.access import desk_of, page_of, remember

UNPROCESSABLE = 422
ASKED = "How did it go, against having held?"
ASKED_OF_UNDONE = "How would it have gone, against having held?"


@login_required
@require_safe
def review_queue(request: HttpRequest) -> HttpResponse:
    """List what waits to be reviewed in the portfolio in view, without any outcome."""
    desk = desk_of(request)
    if desk.portfolio is None:
        return render(request, "journal/review_queue.html", desk.context)
    queue = queue_of(portfolio=desk.portfolio, moment=desk.portfolio.clock(desk.now))
    context = {
        **desk.context,
        "count": queue.count,
        "waiting": [_waiting(each) for each in queue.waiting],
        "more": queue.count - len(queue.waiting),
        "begun": [_lesson(each) for each in queue.begun],
        "kept": [_lesson(each) for each in queue.kept],
    }
    return render(request, "journal/review_queue.html", context)


@login_required
@require_safe
def review_rotation(request: HttpRequest, rotation_id: int) -> HttpResponse:
    """Show a rotation blind, or with its outcome once a guess was made."""
    return _page(request, case_of_rotation(request, rotation_id))


@login_required
@require_safe
def review_pass(request: HttpRequest, pass_id: int) -> HttpResponse:
    """Show what was passed on blind, or with its outcome once a guess was made."""
    return _page(request, case_of_pass(request, pass_id))


@login_required
@require_POST
def expect_rotation(request: HttpRequest, rotation_id: int) -> HttpResponse:
    """Keep what the person expects of a rotation, and show its outcome."""
    return _expect(request, case_of_rotation(request, rotation_id))


@login_required
@require_POST
def expect_pass(request: HttpRequest, pass_id: int) -> HttpResponse:
    """Keep what the person expects of what they passed on, and show its outcome."""
    return _expect(request, case_of_pass(request, pass_id))


@login_required
@require_POST
def learn_rotation(request: HttpRequest, rotation_id: int) -> HttpResponse:
    """Keep what the person learned from a rotation."""
    return _learn(request, case_of_rotation(request, rotation_id))


@login_required
@require_POST
def learn_pass(request: HttpRequest, pass_id: int) -> HttpResponse:
    """Keep what the person learned from passing."""
    return _learn(request, case_of_pass(request, pass_id))


def _page(request: HttpRequest, case: Case, form: Any = None) -> HttpResponse:
    """Show the next step: nothing known yet, a guess, or the outcome."""
    remember(request, case.portfolio)
    lesson, horizon = next_step(case.lessons, case.outcomes)
    context: dict[str, Any] = {"case": case, "horizon": horizon, "lesson": lesson, **evidence_of(case)}
    if horizon is not None:
        context["form"] = form or ExpectForm(initial={"horizon_days": horizon})
        context["form"].fields["expectation"].label = ASKED_OF_UNDONE if case.is_pass else ASKED
    elif lesson is None:
        context["known_on"] = known_on(case)
    else:
        context |= {"outcome": case.outcomes.get(lesson.horizon_days), "verdict": verdict(lesson)}
        context["size"] = abs(lesson.shown_alpha_usd)
        context["form"] = form or LearnForm(initial={"horizon_days": lesson.horizon_days})
        context["earlier"] = [each for each in case.lessons if each.pk != lesson.pk]
    page = page_of(case.portfolio, **context)
    return render(request, "journal/review.html", page, status=UNPROCESSABLE if form is not None else 200)


def _expect(request: HttpRequest, case: Case) -> HttpResponse:
    form = ExpectForm(request.POST)
    if not form.is_valid():
        return _page(request, case, form) if _is_to_guess(case) else redirect(case.addresses["review"])
    data, horizon = form.cleaned_data, form.cleaned_data["horizon_days"]
    outcome = case.outcomes.get(horizon)
    guess = Guess(
        horizon_days=horizon,
        expectation=data["expectation"],
        because=data["because"],
        had_seen=data["had_seen"],
    )
    try:
        found = None if outcome is None else outcome.alpha
        expect(decision=case.decision, guess=guess, outcome=found, now=timezone.now())
    except LessonRefused as refusal:
        messages.warning(request, str(refusal))
    return redirect(case.addresses["review"])


def _is_to_guess(case: Case) -> bool:
    return next_step(case.lessons, case.outcomes)[1] is not None


def _learn(request: HttpRequest, case: Case) -> HttpResponse:
    form = LearnForm(request.POST)
    is_valid = form.is_valid()
    horizon = form.cleaned_data.get("horizon_days")
    lesson = next((each for each in case.lessons if each.horizon_days == horizon), None)
    if lesson is None:
        messages.warning(request, "Guess first. Then you see the outcome, and write what you take from it.")
        return redirect(case.addresses["review"])
    if not is_valid:
        return _page(request, case, form) if lesson.learned_at is None else redirect(case.addresses["review"])
    data = form.cleaned_data
    try:
        learn(lesson=lesson, sentence=data["lesson"], mistakes=data["mistakes"], now=timezone.now())
    except LessonRefused as refusal:
        messages.warning(request, str(refusal))
        return redirect(case.addresses["review"])
    messages.success(request, "Kept. You find it among your lessons.")
    return redirect("learning:review_queue")


def _waiting(found: Waiting) -> dict[str, Any]:
    moved = found.rotation or (found.passed.recommendation if found.passed else None)
    return {"it": found, "title": "" if moved is None else title_of(moved), "moved": moved}


def _lesson(lesson: Lesson) -> dict[str, Any]:
    moved = lesson.rotation or (lesson.decided_pass.recommendation if lesson.decided_pass else None)
    return {"it": lesson, "title": "" if moved is None else title_of(moved), "verdict": verdict(lesson)}
