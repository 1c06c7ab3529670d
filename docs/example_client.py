"""Wait for recommendations over the API, print the newest in full, and say that it was seen: plain Python, no package.

    ROTABOOK_URL=http://127.0.0.1:8000 ROTABOOK_TOKEN=rota_… python docs/example_client.py 1

The number is a portfolio's id. The token needs read:recommendations, and with --acknowledge write:recommendations too.
With --wait it goes on asking, as often as the server says, and prints each new answer. Nothing here trades.
"""

# ruff: noqa: S310, T201

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

USUAL_WAIT = 60


class Api:
    """Speak to one Rotabook with one token."""

    def __init__(self, address: str, token: str) -> None:
        """Keep where and who."""
        self.address, self.token, self.tags = address.rstrip("/"), token, dict[str, str]()

    def get(self, path: str) -> tuple[Any, int]:
        """Return what is new at a path, None where nothing is, and in how many seconds to ask again."""
        known = self.tags.get(path)
        status, headers, body = self._send("GET", path, {"If-None-Match": known} if known else {})
        wait = int(headers.get("Retry-After") or USUAL_WAIT)
        if status != 200:
            return None, wait
        self.tags[path] = headers.get("ETag") or ""
        return body, wait

    def post(self, path: str, content: dict[str, Any], key: str = "") -> Any:
        """Write; with a key a repeat after a broken connection changes nothing."""
        return self._send("POST", path, {"Idempotency-Key": key} if key else {}, content)[2]

    def _send(
        self, method: str, path: str, headers: dict[str, str], content: dict[str, Any] | None = None
    ) -> tuple[int, Any, Any]:
        """Send one request; a 304 and a 404 are answers, every other problem ends the program with its words."""
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **headers}
        data = None if content is None else json.dumps(content).encode()
        request = Request(f"{self.address}/api/v1{path}", data=data, headers=sent, method=method)
        try:
            with urlopen(request, timeout=20) as response:
                return response.status, response.headers, json.loads(response.read())
        except HTTPError as error:
            if error.code in (304, 404):
                return error.code, error.headers, None
            problem = json.loads(error.read() or b"{}")
            sys.exit(f"{error.code}: {problem.get('detail', error.reason)}")


def told(answer: dict[str, Any]) -> str:
    """Write an answer as a person reads it: headline, reasons, legs, costs, what ends it."""
    words = answer["explanation"]
    lines = [words["headline"]]
    lines += [f"  + {each}" for each in words["for"]]
    lines += [f"  - {each}" for each in words["against"]]
    for leg in answer["legs"]:
        costs = f"fee {leg['fee_usd']}, slippage {leg['slippage_usd']} USD"
        lines.append(f"  {leg['position']}. {leg['action']} {leg['quantity']} {leg['instrument']} ({costs})")
    lines += [words[name] for name in ("need", "costs", "risk", "life") if words.get(name)]
    return "\n".join([*lines, answer["disclaimer"]])


def main(words: list[str]) -> None:
    """Print the standing answer; with --wait go on."""
    api = Api(os.environ["ROTABOOK_URL"], os.environ["ROTABOOK_TOKEN"])
    portfolio = next(word for word in words if word.isdigit())
    while True:
        answer, wait = api.get(f"/recommendations/current/?portfolio={portfolio}")
        if answer is not None:
            print(told(answer))
            if answer["state"] == "issued" and "--acknowledge" in words:
                api.post(f"/recommendations/{answer['id']}/acknowledge/", {})
                print("Acknowledged.")
        elif "--wait" not in words:
            print("Nothing stands.")
        if "--wait" not in words:
            return
        time.sleep(wait)


if __name__ == "__main__":
    main(sys.argv[1:])
