"""A real browser, and a market of real prices beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from accounts.models import User
from tests.journeys.desk import Desk
from tests.servers import find

SHARED = Path(__file__).resolve().parents[3] / "shared" / "market"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; Playwright's own loop must not hide the database from Django."""
    program = find("chromium")
    if program is None:
        pytest.skip("Chromium was not found")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as player:
        chromium = player.chromium.launch(executable_path=program, args=FLAGS)
        yield chromium
        chromium.close()
    os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh window; whatever the browser complains about fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    window = context.new_page()
    complaints: list[str] = []
    window.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    window.on("pageerror", lambda error: complaints.append(str(error)))
    window.set_default_timeout(15_000)
    yield window
    context.close()
    unexpected = [text for text in complaints if "422" not in text]
    assert unexpected == []


@pytest.fixture
def history() -> Path:
    """Real market history, which lies beside the project; in CI it must."""
    if not SHARED.exists():
        assert os.environ.get("CI") != "true", "market history must be there in CI"
        pytest.skip("market history is not beside the project")
    return SHARED


@pytest.fixture
def desk(alice: User, tmp_path: Path) -> Desk:
    """A person's desk in a market of real prices."""
    return Desk(alice, tmp_path)
