"""Look at every page with axe, light and dark, on a telephone and a wide screen: nothing serious may be wrong.

One window serves all pages, and Django answers it within the test: no server, no commit.
"""

from __future__ import annotations

import json
import mimetypes
import os
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal as D

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.staticfiles import finders
from django.http import HttpResponse
from django.test import Client
from playwright.sync_api import Page, Route

from accounts.models import User
from journal.models import Review, Rotation
from tests.signals import scene
from tests.test_ownership import MAKERS, PRIVATE, Ids, address

HOST = "http://testserver"
WIDE, TELEPHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
EVERY_LOOK = [("light", WIDE), ("dark", TELEPHONE), ("dark", WIDE), ("light", TELEPHONE)]
LOOKS = EVERY_LOOK if os.environ.get("HYPOTHESIS_PROFILE") == "prove" else EVERY_LOOK[:2]
"""Both themes and both widths; `make prove` looks at them in every combination."""

GRAVE = {"serious", "critical"}
LOOKED_AT = {"runOnly": ["color-contrast", "scrollable-region-focusable", "link-in-text-block", "target-size"]}
"""What depends on colours and widths; all else is looked at once a page."""

PUBLIC_PAGES = ("/", "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/")


@pytest.fixture
def own_ids(alice: User) -> Ids:
    """The owner's objects, and a known result, so that pages have something to show."""
    ids = {name: pk for make in MAKERS for name, pk in make(alice).items()}
    rotation = Rotation.objects.get(pk=ids["rotation_id"])
    Rotation.objects.filter(pk=rotation.pk).update(conviction=0.7, tags=["news"])
    known = {"status": "ok", "priced_at": scene.after(), "computed_at": scene.after(), "hold_usd": D(25)}
    amounts = {"actual_usd": D(25), "overlay_usd": D(0), "alpha_usd": D(3), "total_alpha_usd": D(3)}
    for days in (7, 30):
        Review.objects.create(rotation=rotation, horizon_days=days, **known, **amounts, gross_alpha_usd=D(4))
    return ids


@pytest.mark.browser
@pytest.mark.django_db
class TestAccessible:
    def test_no_page_has_a_serious_fault_in_any_look(
        self, page: Page, client_of_alice: Client, client_of_bob: Client, client: Client, own_ids: Ids
    ) -> None:
        shown = [
            *pages_of(client_of_alice, own_ids),
            *((f"{where}?empty", client_of_bob.get(where)) for where in EMPTY),
            *((f"{where}?public", client.get(where)) for where in PUBLIC_PAGES),
        ]
        answers = {where: response.content.decode() for where, response in shown}
        page.route("**/*", server(answers))
        faults = {where: found for where in answers if (found := list(faults_of(page, where)))}
        assert faults == {}, json.dumps(faults, indent=1)


EMPTY = ("/", "/journal/", "/reviews/", "/analytics/", "/analytics/fees/", "/journal/calendar/", "/market/")


def pages_of(client: Client, ids: Ids) -> Iterator[tuple[str, HttpResponse]]:
    """Return every page of the owner's: what is HTML and is there."""
    more = ("/", "/journal/?behind=tag:news&words=less", "/journal/new/?template=A")
    for where in (*(address(name, ids) for name in PRIVATE), *more):
        response = client.get(where)
        is_page = response.status_code == 200 and response.headers["Content-Type"].startswith("text/html")
        if is_page and b"<html" in response.content:
            yield where, response


def server(answers: Mapping[str, str]) -> Callable[[Route], None]:
    """Return what serves the window: pages that were asked of Django before, and files."""

    def serve(route: Route) -> None:
        """Answer one request."""
        path = route.request.url.removeprefix(HOST)
        found = finders.find(path.removeprefix("/static/").partition("?")[0]) if path.startswith("/static/") else None
        if isinstance(found, str):
            route.fulfill(path=found, content_type=mimetypes.guess_type(found)[0] or "text/plain")
        else:
            route.fulfill(status=200, body=answers.get(path, ""), content_type="text/html; charset=utf-8")

    return serve


def faults_of(page: Page, where: str) -> Iterator[str]:
    """Open a page, and look at it in every way; a page that scrolls sideways is at fault too."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.set_viewport_size(WIDE)
    page.goto(f"{HOST}{where}", wait_until="load")
    for number, (theme, size) in enumerate(LOOKS):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.set_viewport_size(size)
        found = Axe().run(page, options={"resultTypes": ["violations"], **(LOOKED_AT if number else {})}).response
        for fault in found["violations"]:
            if fault["impact"] in GRAVE:
                places = [node["html"][:140] for node in fault["nodes"][:3]]
                yield f"{theme} {size['width']}: {fault['id']}: {places}"
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            yield f"{theme} {size['width']}: scrolls sideways"
