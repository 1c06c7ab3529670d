"""Keep what a person asks themselves on every ticket."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from journal.domain.checklist import PLAYBOOK
from journal.forms.writings import QuestionForm
from journal.models import Question
from journal.services.questions import ask
from journal.services.questions import stop_asking as stop
from journal.services.rotations import DraftRefused
from portfolio.views.access import desk_of, person_of

UNPROCESSABLE = 422


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def questions(request: HttpRequest) -> HttpResponse:
    """List the questions of every ticket, and add one."""
    form = QuestionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            ask(user=person_of(request), text=form.cleaned_data["text"], now=timezone.now())
        except DraftRefused as refusal:
            form.add_error("text", str(refusal))
        else:
            return redirect("journal:questions")
    own = Question.objects.filter(owner=person_of(request), is_asked=True)
    context = {**desk_of(request).context, "playbook": PLAYBOOK, "own": list(own), "form": form}
    return render(request, "journal/questions.html", context, status=UNPROCESSABLE if form.is_bound else 200)


@login_required
@require_POST
def stop_asking(request: HttpRequest, question_id: int) -> HttpResponse:
    """Ask a question no longer."""
    stop(question=get_object_or_404(Question, owner=person_of(request), pk=question_id))
    return redirect("journal:questions")
