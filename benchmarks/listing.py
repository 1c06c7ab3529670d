"""Poll the list of recommendations with a token, 50 rows a page, beside a plain ModelSerializer list in one process."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks import recommend as scene

LIMIT, ROWS, ROUNDS = 2.5, 50, 7


def main() -> int:
    """Measure, print, and fail where the limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=40)
    count = parser.parse_args().requests
    scene.start_django(Path(tempfile.mkdtemp(prefix="rotabook-bench-")))
    market = scene.market_in_ignition()
    scene.open_books(market, 2 * ROWS)
    scene.answering(market)()
    runs = asks()
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(ROUNDS):
        for name, ask in runs.items():
            best[name] = min(best[name], spent(ask, count))
    ours, plain = best.values()
    for name, seconds in best.items():
        print(f"{name:<28} {seconds * 1000:.2f} ms of CPU a request, {1 / seconds:,.0f} requests a CPU second")
    print(
        f"ratio                        {plain / ours:.2f} (limit at least {LIMIT}), best of {ROUNDS} rounds of {count}"
    )
    return int(plain / ours < LIMIT)


def asks() -> dict[str, Callable[[], Any]]:
    """Return both lists as calls, with one token and the same authentication."""
    from django.conf import settings
    from django.test import Client
    from django.urls import path
    from rest_framework import generics, serializers

    from accounts.models import ApiToken, User, reading_scopes
    from config import urls
    from signals.models import Recommendation

    class Plain(serializers.ModelSerializer):
        class Meta:
            model = Recommendation
            fields = "__all__"

    class PlainList(generics.ListAPIView):
        resource = "recommendations"
        serializer_class = Plain
        filter_backends = ()
        ordering = ("-issued_at", "-id")

        def get_queryset(self) -> Any:
            return Recommendation.objects.owned_by(self.request.user)

    settings.ALLOWED_HOSTS = ["testserver"]
    settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] = {"anon": None, "user": None}
    urls.urlpatterns.insert(0, path("api/v1/plain/", PlainList.as_view()))
    owner = User.objects.get(email="bench@example.org")
    _, token = ApiToken.objects.create(owner, scopes=reading_scopes(), expiry=timedelta(days=1), name="bench")
    client = Client(headers={"Authorization": f"Bearer {token}"})

    def ask(address: str) -> Callable[[], Any]:
        def run() -> None:
            answer = client.get(address)
            assert answer.status_code == 200, answer.content[:300]
            assert answer.content.count(b"stage_since") == ROWS

        return run

    return {"the list": ask("/api/v1/recommendations/"), "a plain ModelSerializer list": ask("/api/v1/plain/")}


def spent(ask: Callable[[], Any], count: int) -> float:
    """Return the CPU seconds of one call, of many in a row."""
    started = time.process_time()
    for _ in range(count):
        ask()
    return (time.process_time() - started) / count


if __name__ == "__main__":
    sys.exit(main())
