"""Show what a rotation came to, part by part: causes, curve, lag, and how it differs from the advice (DOMAIN 5.5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from journal.charts.against import Beside, against_chart
from journal.domain.deviations import Deviation, Matched
from journal.domain.split import Cause
from journal.models import LegFill, Review, Rotation
from journal.queries.examine import Examined, Point, examinable, examine
from journal.queries.sealed import known_days, sealed_days
from journal.queries.timeline import title_of
from journal.views.words import chance, conclusion
from portfolio.charts.chart import Chart
from portfolio.domain.display import qty
from portfolio.models import Sector, Stage
from portfolio.views.access import page_of, person_of, remember
from signals.models import Regime

CAUSES: Mapping[Cause, tuple[str, str]] = {
    Cause.AVOIDED: ("What you sold moved", "Since the price you decided at; a fall after you sold counts for you."),
    Cause.SELECTION: ("What you bought moved", "Since the price you decided at."),
    Cause.TIMING: ("Legs waited for each other", "What prices moved between closes while a leg was still to come."),
    Cause.SLIPPAGE: ("Prices you got", "Against those planned or recommended; nothing where neither was stated."),
    Cause.FEES: ("Fees of the spot legs", "Once, in whatever asset they were charged."),
    Cause.OVERLAY: ("Futures, by price", "Realised and unrealised, before fees and funding."),
    Cause.FUTURES_FEES: ("Fees of the futures legs", ""),
    Cause.FUNDING: ("Funding", "Paid is negative."),
}
DEVIATIONS: Mapping[Deviation, str] = {
    Deviation.PARTIAL: "less than asked",
    Deviation.OVERSIZED: "more than asked",
    Deviation.LATE: "after it had lapsed",
    Deviation.OTHER_ASSET: "another asset of the narrative",
    Deviation.NO_STOP: "no stop",
    Deviation.NO_HEDGE: "hedge left out",
    Deviation.OPPOSITE: "the other way",
    Deviation.UNASKED: "not asked for",
}


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One point of the rotation's timeline, in words."""

    at: datetime
    words: str


@login_required
@require_safe
def outcome(request: HttpRequest, rotation_id: int) -> HttpResponse:
    """Show the parts of an outcome; one that waits for a guess is asked for first."""
    found = examinable(user=person_of(request), pk=rotation_id)
    if found is None:
        raise Http404
    if found.state == Rotation.State.REVERSED or sealed_days(found, known_days(found.reviews.all())) is not None:
        return redirect("journal:rotation", rotation_id)
    remember(request, found.portfolio)
    return render(request, "journal/outcome.html", outcome_context(found, now=timezone.now()))


def outcome_context(found: Rotation, *, now: datetime) -> dict[str, Any]:
    """Return what the page shows."""
    pairs: list[LegFill] = found.pairs  # type: ignore[attr-defined]
    known = examine(rotation=found, pairs=pairs, clock=found.portfolio.clock(now))
    sectors = {pair.leg.sector.slug: pair.leg.sector for pair in pairs}
    if found.recommendation is not None:
        sectors |= {leg.sector.slug: leg.sector for leg in found.recommendation.legs.all()}
    reviews = list(found.reviews.all())
    month = next((each for each in reviews if each.horizon_days == 30 and each.status == Review.Status.OK), None)
    return page_of(
        found.portfolio,
        rotation=found,
        title=title_of(found),
        conclusion=conclusion(found, reviews),
        known=known,
        horizon=_horizon(known.review),
        causes=[(*CAUSES[line.cause], line.amount) for line in known.lines],
        matched=[_matched(each, sectors) for each in known.matched],
        deviations=[DEVIATIONS[each] for each in known.deviations],
        chart=curve_chart(known.curve),
        moments=_moments(found, known, pairs),
        clocks=_latencies(known),
        chance=chance(found.conviction),
        came_true=None if month is None or month.total_alpha_usd is None else month.total_alpha_usd > 0,
        gone=None if known.gone.share is None else Decimal(str(round(known.gone.share, 4))),
        **_standing(found),
    )


def _horizon(review: Review | None) -> str:
    if review is None or review.priced_at is None:
        return ""
    return f"after {review.horizon_days} days" if review.horizon_days else "so far"


def _standing(found: Any) -> dict[str, str]:
    """Return stage and regime, then and now."""
    return {
        "stage_then": str(Stage(found.stage).label) if found.stage else "",
        "stage_now": str(Stage(found.stage_now).label) if found.stage_now else "",
        "regime_then": str(Regime(found.regime).label) if found.regime else "",
        "regime_now": str(Regime(found.regime_now).label) if found.regime_now else "",
    }


def _matched(each: Matched, sectors: Mapping[str, Sector]) -> dict[str, Any]:
    return {
        "it": each,
        "sector": sectors[each.key.sector],
        "is_futures": each.key.is_futures,
        "words": [DEVIATIONS[deviation] for deviation in each.deviations],
    }


def curve_chart(curve: Iterable[Point], *, name: str = "You") -> Chart | None:
    """Chart the actual curve, futures included, beside the one of having held; nothing before the second close."""
    points = [Beside(date=each.date, done=each.actual + each.overlay, held=each.hold) for each in curve]
    return against_chart(points, name=name) if len(points) > 1 else None


def _moments(found: Rotation, known: Examined, pairs: Iterable[LegFill]) -> list[Moment]:
    """Return the timeline, oldest first: signal, issue, plan, fills, closings, reversal (DOMAIN 5.5)."""
    named, plan = found.recommendation, getattr(found, "plan", None)
    stamps = [
        (known.clocks.signal, "The signal stood at this close"),
        (None if named is None else named.issued_at, "The recommendation was issued"),
        (None if named is None else named.expires_at, "The recommendation lapsed"),
        (None if plan is None else plan.planned_at, "You planned it"),
        *((pair.fill.executed_at, _done(pair)) for pair in pairs),
        (found.recorded_at, "You wrote it down"),
        (None if plan is None else plan.closed_at, "The last leg was closed"),
        *(
            (change.happened_at, "A position it opened was reduced")
            for change in known.decision.changes
            if change.closed
        ),
        *((review.priced_at, _result(review)) for review in found.reviews.all() if review.horizon_days),
    ]
    moments = {(at, words) for at, words in stamps if at is not None}
    return [Moment(at=at, words=words) for at, words in sorted(moments)]


def _done(pair: LegFill) -> str:
    stop = f", stop at {qty(pair.leg.stop_price)}" if pair.leg.stop_price is not None else ""
    return f"{pair.leg.get_action_display()} {qty(pair.fill.quantity)} {pair.fill.instrument.name}{stop}"


def _result(review: Review) -> str:
    return "A day was over" if review.horizon_days == 1 else f"{review.horizon_days} days were over"


def _latencies(known: Examined) -> list[tuple[str, str]]:
    """Return how long each step took (DOMAIN 5.6)."""
    clocks = known.clocks
    start = "From the recommendation" if clocks.issue else "From the signal"
    rows = [
        ("From the signal to the recommendation", clocks.confirmation),
        (f"{start} to your first fill", clocks.decision),
        ("From your first fill to the last", clocks.execution),
    ]
    return [(name, latency(span)) for name, span in rows if span is not None]


def latency(span: timedelta | None) -> str:
    """Say how long something took, in its two largest units."""
    if span is None:
        return "—"
    minutes = int(abs(span).total_seconds() // 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "d"), (hours, "h"), (rest, "min")]
    shown = [f"{count} {unit}" for count, unit in parts if count][:2]
    words = " ".join(shown) or "under a minute"
    return f"{words} before" if span < timedelta() else words
