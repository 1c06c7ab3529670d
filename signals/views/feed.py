"""Answer feed readers under a private address: whoever has it reads it, until its owner makes another."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.feedgenerator import Atom1Feed
from django.utils.http import http_date, parse_http_date_safe
from django.views.decorators.http import require_safe

from signals.models import Delivery
from signals.queries.channels import feed_behind, feed_changed_at, feed_entries
from signals.services.channels import digest_of
from signals.services.senders import letter, link

NOT_MODIFIED = 304
TYPE = "application/atom+xml; charset=utf-8"


@require_safe
def alert_feed(request: HttpRequest, token: str) -> HttpResponse:
    """Answer with the newest messages, or 304 while there are no newer ones."""
    channel = feed_behind(digest_of(token))
    if channel is None:
        raise Http404
    changed = int(feed_changed_at(channel).timestamp())
    known = parse_http_date_safe(request.headers.get("If-Modified-Since", ""))
    headers = {"Last-Modified": http_date(changed), "Cache-Control": "private, no-cache"}
    if known is not None and changed <= known:
        return HttpResponse(status=NOT_MODIFIED, headers=headers)
    feed = Atom1Feed(title=f"Rotabook: {channel.name}", link=link("/settings/alerts/"), description="What is new.")
    for row in feed_entries(channel):
        _add(feed, row)
    return HttpResponse(feed.writeString("utf-8"), content_type=TYPE, headers=headers)


def _add(feed: Atom1Feed, row: Delivery) -> None:
    """Add one entry; its id is the message's."""
    feed.add_item(
        title=row.title,
        link=link(row.path),
        description=letter(row),
        unique_id=f"urn:uuid:{row.public_id}",
        pubdate=row.created_at,
        updateddate=row.sent_at,
        categories=(row.topic,),
    )
