"""Show one rotation with its answer, and reverse it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from journal.forms.decisions import ReverseForm
from journal.models import Leg, Rotation
from journal.queries.results import Results, results_by_fill
from journal.queries.timeline import rotation_detail, title_of
from journal.services.rotations import reverse_rotation
from journal.views.evidence import evidence_context
from journal.views.words import chance, conclusion, horizon_rows
from portfolio.domain.money import Refusal, in_context
from portfolio.models import Stage
from portfolio.views.access import page_of, person_of, remember
from signals.models import Regime

UNPROCESSABLE = 422


@login_required
@require_safe
def rotation(request: HttpRequest, rotation_id: int) -> HttpResponse:
    """Show what was done, why, what the machine said then, and how it turned out."""
    found = own_rotation(request, rotation_id)
    remember(request, found.portfolio)
    return render(request, "journal/rotation.html", rotation_context(found, ReverseForm()))


@login_required
@require_POST
def reverse(request: HttpRequest, rotation_id: int) -> HttpResponse:
    """Reverse a rotation whole, with a reason."""
    found, form = own_rotation(request, rotation_id), ReverseForm(request.POST)
    if form.is_valid():
        try:
            reverse_rotation(rotation=found, reason=form.cleaned_data["reason"], now=timezone.now())
        except Refusal as refusal:
            form.add_error("reason", str(refusal))
        else:
            messages.success(request, "Reversed. The rotation and its reversal both stay visible.")
            return redirect("journal:rotation", rotation_id)
    return render(request, "journal/rotation.html", rotation_context(found, form), status=UNPROCESSABLE)


def own_rotation(request: HttpRequest, rotation_id: int) -> Rotation:
    """Return the person's own rotation; another's is a 404."""
    found = rotation_detail(user=person_of(request), pk=rotation_id)
    if found is None:
        raise Http404
    return found


def rotation_context(found: Rotation, form: ReverseForm) -> dict[str, Any]:
    """Return what the page shows."""
    legs, reviews = list(found.legs.all()), list(found.reviews.all())
    by_fill = results_by_fill(fills=[each.fill_id for leg in legs for each in leg.leg_fills.all()])
    return page_of(
        found.portfolio,
        rotation=found,
        title=title_of(found),
        conclusion=conclusion(found, reviews),
        horizons=horizon_rows(found, reviews),
        legs=[_leg(leg, by_fill) for leg in legs],
        conviction=chance(found.conviction),
        similarity=chance(found.similarity),
        stage_name=str(Stage(found.stage).label) if found.stage else "",
        regime_name=str(Regime(found.regime).label) if found.regime else "",
        **evidence_context(found),
        form=form,
        is_reversed=found.state == Rotation.State.REVERSED,
    )


def _leg(leg: Leg, by_fill: dict[int, Results]) -> dict[str, Any]:
    fills = [each.fill for each in leg.leg_fills.all()]
    return {
        "it": leg,
        "rows": [{"fill": fill, "value": _value(fill), "made": by_fill.get(fill.pk, Results())} for fill in fills],
    }


@in_context
def _value(fill: Any) -> Decimal:
    value: Decimal = fill.quantity * fill.price * fill.quote_usd
    return value
