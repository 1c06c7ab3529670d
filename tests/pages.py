"""Look at pages as a person does, and count what they ask of the database."""

from __future__ import annotations

import re
from html import unescape

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

TAG = re.compile(r"<[^>]+>")
SPACE = re.compile(r"\s+")
HEADING = re.compile(r"<h1>(.*?)</h1>", re.DOTALL)


def words(html: str) -> str:
    """Return what a page says, without its tags."""
    return SPACE.sub(" ", unescape(TAG.sub(" ", html))).strip()


def said(client: Client, url: str, *, status: int = 200) -> str:
    """Return what the page at an address says."""
    response = client.get(url)
    assert response.status_code == status
    return words(response.content.decode())


def heading(client: Client, url: str) -> str:
    """Return the heading of a page: its answer."""
    found = HEADING.search(client.get(url).content.decode())
    assert found
    return words(found[1])


def queries(client: Client, url: str) -> int:
    """Return how many queries a page makes, after a first look that fills what is read once a process."""
    client.get(url)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)
