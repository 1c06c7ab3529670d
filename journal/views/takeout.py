"""Let a person take along everything that is theirs: one archive, or a table at a time, as CSV or JSON."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import IO, Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from journal.models import JournalFeed
from journal.queries.takeout import Kind, about, kinds, pictures_of, rows_of
from journal.services.shelf import close_feed, open_feed
from portfolio.domain.money import canonical
from portfolio.views.access import desk_of, person_of
from portfolio.views.sheets import csv_answer, csv_lines

FORMATS = ("csv", "json")
READ_ME = """Rotabook: everything that is yours, taken along at {now}.

Each table stands here twice: as CSV, and as JSON with the same columns. Amounts are exact decimals, written as text.
Moments carry their offset. A column that ends in _id holds the number that another table's id column has; assets,
venues, sectors and markets are called by their names. Pictures are in the folder pictures, by their id.
"""


@login_required
@require_safe
def take_along(request: HttpRequest) -> HttpResponse:
    """Show what can be taken along, and the private address of the journal."""
    return render(request, "journal/take_along.html", _page(request))


@login_required
@require_POST
def change_feed(request: HttpRequest) -> HttpResponse:
    """Make a private address and show it once, or take the one there is back."""
    user = person_of(request)
    if request.POST.get("do") == "close":
        close_feed(user=user)
        messages.success(request, "The address is taken back. Nobody reads your journal there any more.")
        return redirect("journal:take_along")
    address = request.build_absolute_uri(reverse("journal:feed", args=[open_feed(user=user, now=timezone.now())]))
    return render(request, "journal/take_along.html", {**_page(request), "address": address})


@login_required
@require_safe
def table(request: HttpRequest) -> StreamingHttpResponse:
    """Answer one table of the person's own as a file."""
    kind, how = kinds().get(request.GET.get("kind", "")), request.GET.get("as", FORMATS[0])
    if kind is None or how not in FORMATS:
        raise Http404
    rows = rows_of(kind, user=person_of(request))
    if how == "csv":
        return csv_answer(_with_head(kind, rows), name=kind.name)
    response = StreamingHttpResponse(json_lines(kind.columns, rows), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{kind.name}.json"'
    return response


@login_required
@require_safe
def everything(request: HttpRequest) -> StreamingHttpResponse:
    """Answer all tables and pictures as one archive, which is made while it is sent."""
    user, now = person_of(request), timezone.now()
    response = StreamingHttpResponse(archive(user=user, now=now), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="rotabook-{now:%Y-%m-%d}.zip"'
    return response


class _Pipe:
    """Hold what an archive writes until it is sent; it cannot go back, so nothing needs to be kept."""

    def __init__(self) -> None:
        """Begin empty."""
        self.pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        """Take a piece."""
        self.pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Do nothing: pieces are taken from outside."""

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        found, self.pieces = b"".join(self.pieces), []
        return found


def archive(*, user: User, now: datetime) -> Iterator[bytes]:
    """Return a ZIP of everything that is a person's own, piece by piece."""
    pipe = _Pipe()
    with zipfile.ZipFile(cast("IO[bytes]", pipe), "w", zipfile.ZIP_DEFLATED) as packed:
        for name, lines in _files(user, now):
            with packed.open(zipfile.ZipInfo(name, now.timetuple()[:6]), "w", force_zip64=True) as file:
                for line in lines:
                    file.write(line.encode() if isinstance(line, str) else line)
                    if len(pipe.pieces) > 8:
                        yield pipe.taken()
            yield pipe.taken()
    yield pipe.taken()


def json_lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Return rows as a JSON array of objects, a row a line."""
    before = "[\n"
    for row in rows:
        yield before + json.dumps(dict(zip(columns, row, strict=True)), default=_plain, ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _page(request: HttpRequest) -> dict[str, Any]:
    feed = JournalFeed.objects.filter(user=person_of(request)).first()
    return {**desk_of(request).context, "kinds": kinds(), "feed": feed}


def _files(user: User, now: datetime) -> Iterator[tuple[str, Iterable[str | bytes]]]:
    yield "read-me.txt", [READ_ME.format(now=now.isoformat())]
    yield "me.json", [json.dumps(about(user), default=_plain, ensure_ascii=False)]
    found: Mapping[str, Kind] = kinds()
    for kind in found.values():
        yield f"{kind.name}.csv", csv_lines(_with_head(kind, rows_of(kind, user=user)))
        yield f"{kind.name}.json", json_lines(kind.columns, rows_of(kind, user=user))
    for pk, data in pictures_of(user=user):
        yield f"pictures/{pk}.webp", [data]


def _with_head(kind: Kind, rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    yield kind.columns
    yield from rows


def _plain(value: Any) -> str:
    """Write an amount exactly and a moment with its offset."""
    if isinstance(value, Decimal):
        return canonical(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
