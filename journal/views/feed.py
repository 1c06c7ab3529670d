"""Give programs the journal as an Atom feed at a private address: what was decided and why, never how it went."""

from __future__ import annotations

import re
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.views.decorators.http import require_safe

from journal.models import Rotation
from journal.queries.feed import feed_owner, newest_rotations
from journal.queries.timeline import title_of
from portfolio.domain.display import day

CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What no XML may hold."""


@require_safe
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """Answer the newest rotations of whom the address belongs to; nobody needs to be signed in."""
    owner = feed_owner(token=token)
    if owner is None:
        raise Http404
    home = request.build_absolute_uri(reverse("journal:timeline"))
    found = Atom1Feed(
        title="Rotabook journal",
        link=home,
        description="What you decided and why; how it went stands in your journal.",
        language="en",
        feed_url=request.build_absolute_uri(),
    )
    for rotation in newest_rotations(user=owner):
        found.add_item(**_entry(request, rotation))
    response = HttpResponse(found.writeString("utf-8"), content_type=found.content_type)
    response["Cache-Control"] = "private, no-store"
    return response


def _entry(request: HttpRequest, rotation: Rotation) -> dict[str, Any]:
    address = request.build_absolute_uri(reverse("journal:rotation", args=[rotation.pk]))
    is_reversed = rotation.state == Rotation.State.REVERSED
    return {
        "title": f"{title_of(rotation)}, {day(rotation.executed_at)}{' (reversed)' if is_reversed else ''}",
        "link": address,
        "unique_id": address,
        "description": CONTROLS.sub("", rotation.thesis),
        "pubdate": rotation.recorded_at,
        "updateddate": rotation.reversed_at or rotation.recorded_at,
        "author_name": rotation.portfolio.name,
        "categories": [CONTROLS.sub("", tag) for tag in rotation.tags],
    }
