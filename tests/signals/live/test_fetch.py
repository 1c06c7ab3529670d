"""The fetching layer keeps its promises: budget, validators, Retry-After, backoff, circuit, size, time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from signals.models import SourceState, SourceValidator
from signals.sources.fetch import Answer, Fetcher, FetchError, NotAskedError, Policy
from tests.signals.live import internet as net

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
PATH = "/thing"

pytestmark = pytest.mark.django_db


@pytest.fixture
def internet() -> Iterator[net.Internet]:
    """One page."""
    with net.serving(net.Internet(pages={PATH: lambda _query: {"a": 1}})) as found:
        yield found


def fetcher(*, now: datetime = NOW, per_minute: int = 100, per_month: int = 0, **limits: float) -> Fetcher:
    """Return a fetcher that does not really sleep."""
    policy = Policy("test", per_minute, per_month, **limits)  # type: ignore[arg-type]
    return Fetcher(policy, now, sleep=lambda _seconds: None, jitter=lambda: 0.5)


def ask(internet: net.Internet, one: Fetcher | None = None) -> Answer:
    """Ask for the page."""
    return (one or fetcher()).get(internet.address + PATH, is_conditional=True)


class TestBudget:
    def test_a_minute_is_shared_by_all_workers(self, internet: net.Internet) -> None:
        for _ in range(2):
            ask(internet, fetcher(per_minute=2))

        with pytest.raises(NotAskedError, match="the minute's 2 requests"):
            ask(internet, fetcher(per_minute=2))
        assert len(internet.asked) == 2

    def test_the_next_minute_is_new(self, internet: net.Internet) -> None:
        ask(internet, fetcher(per_minute=1))
        ask(internet, fetcher(per_minute=1, now=NOW + timedelta(minutes=1)))
        assert len(internet.asked) == 2

    def test_the_month_counts_on(self, internet: net.Internet) -> None:
        ask(internet, fetcher(per_month=1))
        with pytest.raises(NotAskedError, match="the month's 1 requests"):
            ask(internet, fetcher(per_month=1, now=NOW + timedelta(minutes=5)))


class TestValidators:
    def test_what_was_stored_is_not_sent_again(self, internet: net.Internet) -> None:
        first = fetcher()
        ask(internet, first)
        first.remember()

        assert ask(internet).is_unchanged

    def test_what_was_not_stored_is_sent_again(self, internet: net.Internet) -> None:
        ask(internet)
        assert not ask(internet).is_unchanged
        assert not SourceValidator.objects.exists()


class TestRefusal:
    def test_too_many_requests_are_not_repeated_before_their_time(self, internet: net.Internet) -> None:
        internet.faults[PATH] = net.status(429, Retry_After="120")
        with pytest.raises(FetchError, match="429"):
            ask(internet)
        internet.faults.clear()

        with pytest.raises(NotAskedError, match="left alone"):
            ask(internet, fetcher(now=NOW + timedelta(seconds=100)))
        assert ask(internet, fetcher(now=NOW + timedelta(seconds=125))).status == 200
        assert len(internet.asked) == 2

    @pytest.mark.parametrize("header", ["", "soon", "-5", "999999999999"])
    def test_nonsense_in_retry_after_is_bounded(self, internet: net.Internet, header: str) -> None:
        internet.faults[PATH] = net.status(429, Retry_After=header)
        with pytest.raises(FetchError):
            ask(internet)
        wait = SourceState.objects.get().wait_until
        assert wait is not None
        assert NOW < wait <= NOW + timedelta(hours=7)

    def test_a_server_error_is_tried_three_times(self, internet: net.Internet) -> None:
        internet.faults[PATH] = net.status(500)
        pauses: list[float] = []
        one = fetcher()
        one.sleep = pauses.append
        with pytest.raises(FetchError, match="status 500"):
            ask(internet, one)
        assert len(internet.asked) == 3
        assert pauses == [0.5, 1.0]

    def test_a_redirect_is_not_followed(self, internet: net.Internet) -> None:
        internet.faults[PATH] = net.status(302, Location="/elsewhere")
        with pytest.raises(FetchError, match="redirects are not followed"):
            ask(internet)
        assert internet.asked == [PATH]


class TestLimits:
    def test_a_bomb_is_cut_off(self, internet: net.Internet) -> None:
        internet.faults[PATH] = net.bomb
        with pytest.raises(FetchError, match="larger than"):
            ask(internet, fetcher(max_bytes=1_000_000))

    def test_a_large_body_is_cut_off(self, internet: net.Internet) -> None:
        internet.faults[PATH] = net.body(b" " * 2_000_000)
        with pytest.raises(FetchError, match="larger than"):
            ask(internet, fetcher(max_bytes=1_000_000))

    def test_a_drip_is_cut_off(self, internet: net.Internet) -> None:
        internet.faults[PATH] = lambda reply: reply._replace(body=b" " * 100, pause=0.05)
        with pytest.raises(FetchError, match="took too long"):
            ask(internet, fetcher(deadline=0.2))

    def test_nobody_there_is_no_crash(self) -> None:
        with pytest.raises(FetchError) as caught:
            fetcher().get("http://127.0.0.1:9/thing")
        assert caught.value.reason == "unreachable"

    @pytest.mark.parametrize(
        "text", [b"<html>", b'{"a":', b'{"a":NaN}', b'{"a":Infinity}', b"", b"\xff", b"[" * 99_999]
    )
    def test_what_is_not_json_is_unreadable(self, internet: net.Internet, text: bytes) -> None:
        internet.faults[PATH] = net.body(text)
        with pytest.raises(FetchError) as caught:
            ask(internet).json()
        assert caught.value.reason == "unreadable"


class TestCircuit:
    def test_one_missing_thing_is_no_failure_of_the_source(self, internet: net.Internet) -> None:
        for _ in range(6):
            with pytest.raises(FetchError, match="404"):
                fetcher().get(internet.address + "/nowhere")
        assert SourceState.objects.get().failures == 0

    def test_five_failures_open_it_for_half_an_hour(self, internet: net.Internet) -> None:
        internet.faults[PATH] = net.status(403)
        for _ in range(5):
            with pytest.raises(FetchError, match="403"):
                ask(internet)
        with pytest.raises(NotAskedError, match="failed 5 times"):
            ask(internet, fetcher(now=NOW + timedelta(minutes=29)))
        assert len(internet.asked) == 5

    def test_one_more_failure_opens_it_again_and_a_success_closes_it(self, internet: net.Internet) -> None:
        SourceState.objects.create(
            name="test", minute_at=NOW, month_at=NOW.replace(day=1, hour=0, minute=0), failures=5, open_until=NOW
        )
        internet.faults[PATH] = net.status(403)
        with pytest.raises(FetchError, match="403"):
            ask(internet, fetcher(now=NOW + timedelta(minutes=1)))
        with pytest.raises(NotAskedError):
            ask(internet, fetcher(now=NOW + timedelta(minutes=20)))
        internet.faults.clear()
        good = fetcher(now=NOW + timedelta(minutes=40))
        ask(internet, good)
        good.succeed()
        assert SourceState.objects.get().failures == 0
