"""Print one rotation, or all that a filter lets through, as PDF: the figures of the pages, on paper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_safe

from journal.documents import Cell, Report, facts, note, picture, printed, prose, table
from journal.domain.habits import OWN_HORIZON, Decided, course_of
from journal.domain.learning import LEAST, Share, share
from journal.forms.shelf import chosen_from, narratives
from journal.models import Leg, Lesson, Review, Rotation, Wording
from journal.queries.filters import Filter
from journal.queries.learning import decided_of, rotations_behind
from journal.queries.results import Results, results_by_fill
from journal.queries.sealed import known_days, sealed_days, with_seen
from journal.queries.timeline import Totals, listed, title_of, totals_of
from journal.views.fees import course_chart
from journal.views.rotation import own_rotation
from journal.views.words import HorizonRow, chance, horizon_rows, sealed_or
from portfolio.domain.display import day, pct, price, qty, usd
from portfolio.domain.money import in_context
from portfolio.models import Fill, Portfolio, Stage
from portfolio.templatetags.money import tone
from portfolio.views.access import desk_of
from signals.models import Regime

MOST_LISTED = 400
COLUMNS = ("Rotation", "Moved", "Fees", "Spot PnL", "Futures PnL", f"Ahead, {OWN_HORIZON} days", "To date")
HORIZON_COLUMNS = ("After", "Rotated", "Held", "Futures", "Before costs", "Ahead")
LEG_COLUMNS = ("What", "Quantity", "Price", "Value", "Fee", "Realised")
HELD = "Held is what you sold, at the close that many days on. Ahead is after all costs, with futures."
SEALED = "It is known by now and waits for your guess: look at it in your reviews first."
NO_FONT = "A character that this document has no font for is shown as a box."


@login_required
@require_safe
def report_of_rotation(request: HttpRequest, rotation_id: int) -> HttpResponse:
    """Answer one rotation as a PDF."""
    found, now = with_what_was_seen(own_rotation(request, rotation_id)), timezone.now()
    return _pdf(printed(rotation_report(found, now=now), now=now), name=f"rotation-{found.pk}")


@login_required
@require_safe
def report_of_period(request: HttpRequest) -> HttpResponse:
    """Answer the rotations of the portfolio in view that the filter lets through as a PDF."""
    desk = desk_of(request)
    if desk.portfolio is None:
        return redirect("journal:timeline")
    chosen = chosen_from(request.GET, narratives())
    report = period_report(portfolio=desk.portfolio, chosen=chosen, now=desk.now)
    return _pdf(printed(report, now=desk.now), name="rotations")


def with_what_was_seen(found: Rotation) -> Any:
    """Return a rotation with the longest horizons that were guessed and looked at. One query."""
    seen: Any = with_seen(Rotation.objects.filter(pk=found.pk)).only("pk").get()
    vars(found).update(guessed_days=seen.guessed_days, peeked_days=seen.peeked_days)
    return found


def rotation_report(found: Rotation, *, now: datetime) -> Report:
    """Say what was done, why, and how it turned out."""
    reviews, legs = list(found.reviews.all()), list(found.legs.all())
    fills = [(leg, pair.fill) for leg in legs for pair in leg.leg_fills.all()]
    made = results_by_fill(fills=[fill.pk for _, fill in fills])
    lessons, wordings = list(found.lessons.order_by("horizon_days")), list(found.wordings.all())
    return Report(
        title=sealed_or(found, reviews).text,
        subtitle=f"{title_of(found)}, {_moment(found.executed_at)}. {_where(found.portfolio)}",
        footer=f"Rotabook. Rotation {found.pk}, printed {_moment(now)}",
        sections=[
            prose("What you wrote", found.thesis),
            *([prose("What you wrote later", *map(_anew, wordings))] if wordings else []),
            facts("How you decided", _decided(found)),
            *([facts("What you considered", _considered(found))] if found.checklist else []),
            *_outcome(found, reviews),
            table("Legs and fills", LEG_COLUMNS, [_fill(leg, fill, made) for leg, fill in fills]),
            facts("Together", _amounts(found.moved_usd, found.fees_usd, found.spot_pnl_usd, found.futures_pnl_usd)),
            *([prose("What you learned", *(_lesson(lesson) for lesson in lessons))] if lessons else []),
            note(
                "Held is what you sold, at the close that many days on. Ahead is after all costs, with futures.",
                NO_FONT,
            ),
        ],
    )


def period_report(*, portfolio: Portfolio, chosen: Filter, now: datetime) -> Report:
    """Say what the rotations of a filter came to together, then each, then what was written."""
    if chosen.behind:
        days = chosen.days or OWN_HORIZON
        chosen = replace(chosen, only=tuple(rotations_behind(portfolio=portfolio, key=chosen.behind, days=days)))
    rows = listed(portfolio=portfolio, chosen=chosen)
    totals, shown = totals_of(chosen.of(portfolio)), rows[-MOST_LISTED:][::-1]
    inside = {row.pk for row in rows if not _is_sealed(row, row.reviews.all())}
    known = [each for each in decided_of(portfolio=portfolio) if each.key in inside and each.is_known]
    lessons = Lesson.objects.filter(rotation__in=[row.pk for row in shown]).order_by("rotation", "horizon_days")
    return Report(
        title=f"{totals.standing} rotation{'' if totals.standing == 1 else 's'}, {usd(totals.fees)} in fees",
        subtitle=f"{_span(chosen, rows)}. {_where(portfolio)}",
        footer=f"Rotabook. {portfolio.name}, printed {_moment(now)}",
        sections=[
            facts("Together", _amounts(totals.moved, totals.fees, totals.spot_pnl, totals.futures_pnl)),
            *_came_of(known, totals),
            *([table("Each, newest first", COLUMNS, [_row(row) for row in shown])] if shown else []),
            *([] if len(rows) == len(shown) else [note(f"The newest {MOST_LISTED} of {len(rows)} are listed.")]),
            *_writings(shown, lessons),
            note("Totals are of rotations that stand; reversed ones are listed and not counted.", NO_FONT),
        ],
    )


def _outcome(found: Rotation, reviews: Sequence[Review]) -> list[dict[str, object]]:
    """Return the comparison with having held; while it waits for a guess, only that."""
    if _is_sealed(found, reviews):
        return [note(SEALED, title="Against having held")]
    return [table("Against having held", HORIZON_COLUMNS, [_horizon(row) for row in horizon_rows(found, reviews)])]


def _is_sealed(found: Rotation, reviews: Iterable[Review]) -> bool:
    is_reversed = found.state == Rotation.State.REVERSED
    return not is_reversed and sealed_days(found, known_days(reviews)) is not None


def _pdf(document: bytes, *, name: str) -> HttpResponse:
    response = HttpResponse(document, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    return response


def _came_of(known: Sequence[Decided], totals: Totals) -> list[dict[str, object]]:
    """Return how often the rotations were ahead, and how costs and futures led there."""
    if not known:
        return [note(f"None of the {totals.standing} is {OWN_HORIZON} days old, measured, and guessed yet.")]
    hits = share(sum(each.is_ahead for each in known), len(known))
    sentence = f"Ahead of having held in {hits.count} of {hits.n}, 95% interval {_interval(hits)}."
    few = f" {LEAST} are the least for a verdict." if hits.n < LEAST else ""
    chart = course_chart(course_of(known), days=OWN_HORIZON)
    return [
        note(sentence + few, title=f"After {OWN_HORIZON} days"),
        picture("", chart),
        facts("", [(step, _cell(amount)) for step, amount in _course(known)]),
    ]


def _course(known: Sequence[Decided]) -> list[tuple[str, Decimal]]:
    course = course_of(known)
    return [
        ("Before costs", course.gross),
        ("Costs", -course.costs),
        ("Futures", course.futures),
        ("In all", course.total),
    ]


def _writings(rows: Iterable[Rotation], lessons: Iterable[Lesson]) -> list[dict[str, object]]:
    """Return what was written about each rotation, lessons under it."""
    of: dict[int | None, list[str]] = {}
    for lesson in lessons:
        of.setdefault(lesson.rotation_id, []).append(_lesson(lesson))
    return [
        prose(f"{day(row.executed_at)}: {title_of(row)}", row.thesis, *(line for line in of.get(row.pk, ()) if line))
        for row in rows
    ]


def _row(rotation: Rotation) -> list[Cell]:
    ahead = {review.horizon_days: review.total_alpha_usd for review in rotation.reviews.all()}
    is_reversed, is_sealed = rotation.state == Rotation.State.REVERSED, _is_sealed(rotation, rotation.reviews.all())
    came = ["to guess"] * 2 if is_sealed else [_cell(ahead.get(OWN_HORIZON)), _cell(ahead.get(Review.TO_DATE))]
    return [
        f"{day(rotation.executed_at)}, {title_of(rotation)}{' (reversed)' if is_reversed else ''}",
        usd(rotation.moved_usd),
        usd(rotation.fees_usd),
        _cell(rotation.spot_pnl_usd),
        _cell(rotation.futures_pnl_usd),
        *came,
    ]


def _decided(found: Rotation) -> list[tuple[str, Cell]]:
    stated = chance(found.conviction)
    return [
        ("Recommendation", str(found.get_adherence_display())),
        ("Chance you gave it", "not stated" if stated is None else pct(stated, 0)),
        ("Stage then", str(Stage(found.stage).label) if found.stage else "not known"),
        ("Regime then", str(Regime(found.regime).label) if found.regime else "not known"),
        *([("Tags", ", ".join(found.tags))] if found.tags else []),
        *([("Mood", str(found.get_mood_display()))] if found.mood else []),
        *([("No stop, because", found.no_stop_reason)] if found.no_stop_reason else []),
        *([("Core was sold, because", found.core_override_reason)] if found.core_override_reason else []),
    ]


def _anew(wording: Wording) -> str:
    known = ", after a comparison was known" if wording.is_after_outcome else ""
    return f"{wording.get_subject_display()}, {day(wording.written_at)}{known}: {wording.text}"


def _considered(found: Rotation) -> list[tuple[str, Cell]]:
    return [(each["question"], "considered" if each.get("is_checked") else "not ticked") for each in found.checklist]


def _horizon(row: HorizonRow) -> list[Cell]:
    review = row.review
    if review is None or review.actual_usd is None:
        return [f"{row.name}: {row.status}", *[""] * (len(HORIZON_COLUMNS) - 1)]
    changes = (review.overlay_usd, review.gross_alpha_usd, review.total_alpha_usd)
    name = f"{row.name}, {row.status}{'; ' if row.notes else ''}{row.notes}"
    return [name, usd(review.actual_usd), usd(review.hold_usd), *(_cell(amount) for amount in changes)]


@in_context
def _fill(leg: Leg, fill: Fill, made: dict[int, Results]) -> list[Cell]:
    result = made.get(fill.pk, Results())
    return [
        f"{leg.get_action_display()} {fill.instrument}",
        qty(fill.quantity),
        price(fill.price),
        usd(fill.quantity * fill.price * fill.quote_usd),
        usd(result.fees_usd),
        _cell(result.spot_pnl_usd + result.futures_pnl_usd),
    ]


def _amounts(moved: Decimal, fees: Decimal, spot: Decimal, futures: Decimal) -> list[tuple[str, Cell]]:
    return [
        ("Moved", usd(moved)),
        ("Fees", usd(fees)),
        ("Realised by spot", _cell(spot)),
        ("Realised by futures", _cell(futures)),
    ]


def _cell(amount: Decimal | None) -> Cell:
    return {"text": usd(amount, is_signed=True), "tone": tone(amount)}


def _lesson(lesson: Lesson) -> str:
    named = "; ".join(lesson.names)
    return (
        f"After {lesson.horizon_days} days: {lesson.lesson or 'nothing written yet.'}{f' ({named})' if named else ''}"
    )


def _interval(hits: Share) -> str:
    low, high = (Decimal(str(round(end or 0.0, 6))) for end in (hits.low, hits.high))
    return f"{pct(low, 0)} to {pct(high, 0)}"


def _span(chosen: Filter, rows: Sequence[Rotation]) -> str:
    since = chosen.since or (rows[0].executed_at.date() if rows else None)
    until = chosen.until or (rows[-1].executed_at.date() if rows else None)
    return "No rotation" if since is None or until is None else f"From {day(since)} to {day(until)}"


def _where(portfolio: Portfolio) -> str:
    return f"{portfolio.name}, {portfolio.market.name}{'. Simulated market' if portfolio.market.is_simulated else ''}"


def _moment(moment: datetime) -> str:
    return f"{day(moment)}, {moment.astimezone(UTC):%H:%M} UTC"
