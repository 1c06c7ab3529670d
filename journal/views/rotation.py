"""Show one rotation with its answer, write its reason anew, add images, and reverse it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from journal.forms.decisions import ReverseForm
from journal.forms.writings import PictureForm, WordingForm
from journal.models import Picture, Rotation, Wording
from journal.queries.cash import cash_of
from journal.queries.plans import overall_share
from journal.queries.results import Results, results_of_fills
from journal.queries.rotations import by_leg, pairs_of, progress_under_way, rotation_of, versions_of
from journal.queries.sealed import known_days, sealed_days
from journal.queries.timeline import rotation_detail, title_of
from journal.services.peeks import peek
from journal.services.pictures import CONTENT_TYPE, add_picture
from journal.services.rotations import DraftRefused, reverse_rotation
from journal.services.wordings import reword
from journal.views.evidence import evidence_context
from journal.views.words import chance, horizon_rows, sealed_or
from portfolio.domain.money import Refusal, in_context
from portfolio.models import Stage
from portfolio.views.access import page_of, person_of, remember
from signals.models import Regime

UNPROCESSABLE = 422
TEMPLATE = "journal/rotation.html"


@login_required
@require_safe
def rotation(request: HttpRequest, rotation_id: int) -> HttpResponse:
    """Show what was done, why, what the machine said then, and how it turned out, once it was guessed."""
    found = shown_rotation(request, rotation_id)
    remember(request, found.portfolio)
    return render(request, TEMPLATE, rotation_context(found))


@login_required
@require_POST
def reverse(request: HttpRequest, rotation_id: int) -> HttpResponse:
    """Reverse a rotation whole, with a reason."""
    found, form = shown_rotation(request, rotation_id), ReverseForm(request.POST)
    if form.is_valid():
        try:
            reverse_rotation(rotation=found, reason=form.cleaned_data["reason"], now=timezone.now())
        except Refusal as refusal:
            form.add_error("reason", str(refusal))
        else:
            messages.success(request, "Reversed. The rotation and its reversal both stay visible.")
            return redirect("journal:rotation", rotation_id)
    return render(request, TEMPLATE, rotation_context(found, form=form), status=UNPROCESSABLE)


@login_required
@require_POST
def show_outcome(request: HttpRequest, rotation_id: int) -> HttpResponse:
    """Show an outcome before it was guessed, and remember that."""
    found = shown_rotation(request, rotation_id)
    days = sealed_days(found, known_days(found.reviews.all()))
    if days is not None:
        peek(decision=found, horizon_days=days, now=timezone.now())
    return redirect("journal:rotation", rotation_id)


@login_required
@require_POST
def reword_rotation(request: HttpRequest, rotation_id: int) -> HttpResponse:
    """Write the reason or the note anew; what was written before stays."""
    found, subject = shown_rotation(request, rotation_id), request.POST.get("subject", "")
    form = WordingForm(request.POST, subject=subject)
    if form.is_valid():
        try:
            reword(rotation=found, now=timezone.now(), **form.cleaned_data)
        except DraftRefused as refusal:
            form.add_error("text", str(refusal))
        else:
            messages.success(request, "Kept. What you wrote before stays below it.")
            return redirect("journal:rotation", rotation_id)
    again: dict[str, Any] = {f"{subject}_form": form}
    return render(request, TEMPLATE, rotation_context(found, **again), status=UNPROCESSABLE)


@login_required
@require_POST
def add_pictures(request: HttpRequest, rotation_id: int) -> HttpResponse:
    """Add images beside a rotation."""
    found, form = shown_rotation(request, rotation_id), PictureForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            for picture in form.cleaned_data["pictures"]:
                add_picture(to=found, picture=picture, now=timezone.now())
        except Refusal as refusal:
            form.add_error("pictures", str(refusal))
        else:
            messages.success(request, "Kept beside the rotation.")
            return redirect("journal:rotation", rotation_id)
    return render(request, TEMPLATE, rotation_context(found, picture_form=form), status=UNPROCESSABLE)


@login_required
@require_safe
def picture(request: HttpRequest, picture_id: int) -> HttpResponse:
    """Answer one of the person's own images: always WebP, never under a name or type that somebody gave."""
    mine = Picture.objects.filter(rotation__portfolio__owner_id=request.user.pk)
    planned = Picture.objects.filter(plan__portfolio__owner_id=request.user.pk)
    found = get_object_or_404(mine | planned, pk=picture_id)
    answer = HttpResponse(bytes(found.data), content_type=CONTENT_TYPE)
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Disposition"] = f'inline; filename="picture-{found.pk}.webp"'
    answer["Cache-Control"] = "private, max-age=3600"
    return answer


@login_required
@require_safe
def cash(request: HttpRequest, rotation_id: int) -> HttpResponse:
    """Show where the money of a rotation went, from its legs and from the ledger's lots."""
    found = shown_rotation(request, rotation_id)
    is_reversed = found.state == Rotation.State.REVERSED
    sides = () if is_reversed else cash_of(pairs_of(found))
    context = page_of(found.portfolio, rotation=found, title=title_of(found), sides=sides, is_reversed=is_reversed)
    return render(request, "journal/cash.html", context)


def own_rotation(request: HttpRequest, rotation_id: int) -> Rotation:
    """Return the person's own rotation with its legs; another's is a 404."""
    found = rotation_detail(user=person_of(request), pk=rotation_id)
    if found is None:
        raise Http404
    return found


def shown_rotation(request: HttpRequest, rotation_id: int) -> Rotation:
    """Return the person's own rotation with what its page shows; another's is a 404."""
    found = rotation_of(user=person_of(request), pk=rotation_id)
    if found is None:
        raise Http404
    return found


def rotation_context(found: Rotation, *, form: ReverseForm | None = None, **forms: Any) -> dict[str, Any]:
    """Return what the page shows; the outcome is left out while it waits for a guess."""
    pairs, reviews = pairs_of(found), list(found.reviews.all())
    made, progress = results_of_fills(pair.fill for pair in pairs), progress_under_way(found)
    sealed = sealed_days(found, known_days(reviews))
    is_reversed = found.state == Rotation.State.REVERSED
    return page_of(
        found.portfolio,
        rotation=found,
        title=title_of(found),
        conclusion=sealed_or(found, reviews),
        sealed=None if is_reversed else sealed,
        horizons=horizon_rows(found, reviews) if sealed is None or is_reversed else [],
        legs=[{"it": leg, "rows": [_row(pair, made) for pair in fills]} for leg, fills in by_leg(pairs)],
        conviction=chance(found.conviction),
        similarity=chance(found.similarity),
        stage_name=str(Stage(found.stage).label) if found.stage else "",
        regime_name=str(Regime(found.regime).label) if found.regime else "",
        progress=progress,
        share=overall_share(progress) if progress else None,
        **_writings(found),
        **evidence_context(found),
        form=form or ReverseForm(),
        is_reversed=is_reversed,
        **{"picture_form": PictureForm(), **_wording_forms(found), **forms},
    )


def _writings(found: Rotation) -> dict[str, Any]:
    return {
        "thesis": versions_of(found, Wording.Subject.THESIS),
        "note": versions_of(found, Wording.Subject.NOTE),
        "considered": sum(each.get("is_checked", False) for each in found.checklist),
    }


def _wording_forms(found: Rotation) -> dict[str, Any]:
    subjects = (Wording.Subject.THESIS.value, Wording.Subject.NOTE.value)
    return {
        f"{subject}_form": WordingForm(
            subject=subject, initial={"subject": subject, "text": versions_of(found, subject).stands}
        )
        for subject in subjects
    }


def _row(pair: Any, made: dict[int, Results]) -> dict[str, Any]:
    return {"fill": pair.fill, "value": _value(pair.fill), "made": made.get(pair.fill_id, Results())}


@in_context
def _value(fill: Any) -> Decimal:
    value: Decimal = fill.quantity * fill.price * fill.quote_usd
    return value
