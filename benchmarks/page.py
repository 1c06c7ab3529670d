"""Load Today cold in Chromium and print bytes over the wire and requests; the floor is the sign-in page, same run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import Browser, sync_playwright

from tests.servers import find, free_port

ROOT = Path(__file__).resolve().parent.parent
MAX_BYTES, MAX_REQUESTS = 60 * 1024, 8
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def main() -> int:
    """Start the demo, sign in, load Today cold, print, stop; fail where a limit is passed."""
    program = find("chromium")
    if program is None:
        print("Chromium was not found; this benchmark needs it.")
        return 0
    data, port = Path(tempfile.mkdtemp(prefix="rotabook-bench-")), free_port()
    environment = {**os.environ, "DATA_DIR": str(data), "PORT": str(port)}
    house = subprocess.Popen([sys.executable, "-m", "config.up"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    base = f"http://127.0.0.1:{port}"
    try:
        wait(base)
        with sync_playwright() as player:
            browser = player.chromium.launch(executable_path=program, args=FLAGS)
            state = sign_in(browser, base, (data / "demo-accounts.txt").read_text())
            floor = weigh(browser, f"{base}/accounts/login/", None)
            today = weigh(browser, f"{base}/", state)
    finally:
        house.terminate()
        house.wait(30)
    print(f"Today     {today[0]:>7,} bytes over the wire, {today[1]} requests, {today[2]:.0f} ms to load")
    print(f"sign in   {floor[0]:>7,} bytes over the wire, {floor[1]} requests, {floor[2]:.0f} ms to load (floor)")
    ratios = f"{today[0] / floor[0]:.1f} in bytes, {today[2] / floor[2]:.1f} in time"
    print(f"ratio     {ratios}; limits {MAX_BYTES:,} bytes and {MAX_REQUESTS} requests")
    return int(today[0] > MAX_BYTES or today[1] > MAX_REQUESTS)


def wait(base: str) -> None:
    """Wait for the first page."""
    for _ in range(600):
        try:
            urlopen(f"{base}/health/live", timeout=2).close()
            return
        except (URLError, OSError):
            time.sleep(0.5)
    raise TimeoutError(base)


def sign_in(browser: Browser, base: str, accounts: str) -> dict[str, object]:
    """Sign in as the demo trader and return the cookies; charts are drawn once, as they are for everybody after."""
    email, password = re.search(r"(demo@\S+)\s+(\S+)", accounts).groups()
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{base}/accounts/login/")
    page.fill("[name=login]", email)
    page.fill("[name=password]", password)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{base}/")
    return context.storage_state()


def weigh(browser: Browser, url: str, state: object) -> tuple[int, int, float]:
    """Load a page with an empty cache; return bytes over the wire, requests, and milliseconds until loaded."""
    context = browser.new_context(storage_state=state)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    seen = {"bytes": 0, "requests": 0}
    session.on("Network.loadingFinished", lambda event: seen.update(bytes=seen["bytes"] + event["encodedDataLength"]))
    session.on("Network.requestWillBeSent", lambda event: seen.update(requests=seen["requests"] + 1))
    started = time.perf_counter()
    page.goto(url, wait_until="networkidle")
    loaded = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    context.close()
    return int(seen["bytes"]), seen["requests"], float(loaded or (time.perf_counter() - started) * 1000)


if __name__ == "__main__":
    sys.exit(main())
