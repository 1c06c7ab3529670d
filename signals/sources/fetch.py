"""Ask live sources over HTTP, politely and bounded: budget, Retry-After, backoff, circuit, size, time."""

from __future__ import annotations

import hashlib
import json
import random
import ssl
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, NoReturn

import httpx2
from django.db.models import F

from signals.models import SourceState, SourceValidator

TRIES = 3
FAILURES_TO_OPEN = 5
OPEN_FOR = timedelta(minutes=30)
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 4.0
USUAL_WAIT, LONGEST_WAIT = timedelta(seconds=60), timedelta(hours=6)
DEADLINE = 10.0
TIMEOUT = httpx2.Timeout(5.0, connect=3.0)
USUAL_BYTES = 5_000_000
NOT_THERE = frozenset({400, 404, 410, 422})
AGENT = "rotabook (read-only market data)"


class FetchError(Exception):
    """A source could not be asked, or did not answer in a way that can be used; `reason` is one of Quarantine's."""

    def __init__(self, reason: str, detail: str, *, subject: str = "", status: int = 0, body: bytes = b"") -> None:
        """Keep why, what was said about it, which address it was about, and what came back."""
        super().__init__(detail)
        self.reason, self.detail, self.subject, self.status, self.body = reason, detail, subject, status, body


class NotAskedError(FetchError):
    """The source was not asked at all: its circuit is open, its budget is spent, or it wants to be left alone."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How a source wants to be treated: requests a minute and a month (0 = unlimited), and its largest answer."""

    name: str
    per_minute: int
    per_month: int = 0
    max_bytes: int = USUAL_BYTES
    deadline: float = DEADLINE


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `is_unchanged` says that the source knows we have it already."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    is_unchanged: bool = False

    def json(self) -> Any:
        """Read JSON strictly: no NaN, no infinities, no HTML. Raises FetchError."""
        try:
            return json.loads(self.body.decode("utf-8"), parse_constant=_no_number)
        except (UnicodeDecodeError, ValueError, RecursionError) as error:
            kind = self.headers.get("content-type", "nothing named")[:60]
            detail = f"the answer ({kind}, {len(self.body)} bytes) is not JSON: {error}"
            raise FetchError("unreadable", detail[:300], subject=path_of(self.url)) from None


@dataclass(slots=True)
class Fetcher:
    """Ask one source; every worker's fetchers share the source's state in the database.

    Requests must run outside transactions, so that budget and circuit count at once for everybody.
    """

    policy: Policy
    now: datetime
    transport: httpx2.BaseTransport | None = None
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    requests: int = 0
    _started: float = field(default_factory=time.monotonic)
    _seen: dict[str, tuple[str, str]] = field(default_factory=dict)

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        is_conditional: bool = False,
    ) -> Answer:
        """Return a source's answer with status 200, or 304 when `is_conditional`. Raises FetchError."""
        full = str(httpx2.URL(url, params=dict(params))) if params else url
        wanted = {**self._validators(full), **(headers or {})} if is_conditional else dict(headers or {})
        answer = self._ask(full, wanted)
        if is_conditional and not answer.is_unchanged:
            self._seen[full] = (answer.headers.get("etag", ""), answer.headers.get("last-modified", ""))
        return answer

    def remember(self) -> None:
        """Keep the validators of what was asked: call it in the transaction that stores the answers."""
        for url, (etag, modified) in self._seen.items():
            kept = {"etag": etag[:300], "last_modified": modified[:100], "stored_at": self.now}
            SourceValidator.objects.update_or_create(source=self.policy.name, url_hash=_hash(url), defaults=kept)
        self._seen.clear()

    def succeed(self) -> None:
        """Count the refresh as a success: what came could be used. Closes the circuit."""
        closed = {"failures": 0, "open_until": None, "answered_at": self.clock(), "message": ""}
        SourceState.objects.filter(name=self.policy.name).update(**closed)

    def fail(self, error: FetchError) -> None:
        """Count an answer that came but could not be used as a failure of the source."""
        _count_failure(self.policy.name, error.detail, now=self.clock())

    def clock(self) -> datetime:
        """Return the present: the moment this refresh began and what has passed since."""
        return self.now + timedelta(seconds=time.monotonic() - self._started)

    def _validators(self, url: str) -> dict[str, str]:
        """Return the headers that ask only for what is new."""
        kept = SourceValidator.objects.filter(source=self.policy.name, url_hash=_hash(url)).first()
        if kept is None:
            return {}
        pairs = {"If-None-Match": kept.etag, "If-Modified-Since": kept.last_modified}
        return {name: value for name, value in pairs.items() if value}

    def _ask(self, url: str, headers: dict[str, str]) -> Answer:
        """Ask up to three times, pausing longer each time; what the source refuses is not asked again."""
        for attempt in range(1, TRIES + 1):
            take_turn(self.policy, now=self.clock())
            self.requests += 1
            try:
                answer = _checked(self._request(url, headers))
            except FetchError as error:
                self._note(error)
                if attempt == TRIES or not _is_worth_repeating(error):
                    self._count(error)
                    raise
                self.sleep(min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE) * (0.5 + self.jitter()))
            else:
                return answer
        raise AssertionError("unreachable")

    def _count(self, error: FetchError) -> None:
        """Count a failure of the source; that it lacks one thing we asked for is none."""
        if error.status not in NOT_THERE:
            _count_failure(self.policy.name, error.detail, now=self.clock())

    def _note(self, error: FetchError) -> None:
        """Leave a source alone for as long as it asks."""
        if error.status in {429, 418, 503} and isinstance(error, _Busy):
            until = self.clock() + error.wait
            SourceState.objects.filter(name=self.policy.name).update(wait_until=until)

    def _request(self, url: str, headers: dict[str, str]) -> Answer:
        """Send one request and read its answer up to the limits of size and time."""
        sent = {"User-Agent": AGENT, "Accept-Encoding": "gzip", "Accept": "*/*", **headers}
        until = time.monotonic() + self.policy.deadline
        try:
            with (
                httpx2.Client(
                    transport=self.transport,
                    timeout=TIMEOUT,
                    follow_redirects=False,
                    trust_env=False,
                    verify=_trusted(),
                ) as client,
                client.stream("GET", url, headers=sent) as response,
            ):
                body = _read(response, limit=self.policy.max_bytes, until=until, url=url)
                low = {name.lower(): value for name, value in response.headers.items()}
                return Answer(url, response.status_code, low, body, response.status_code == 304)
        except (httpx2.HTTPError, httpx2.InvalidURL, zlib.error) as error:
            detail = f"{type(error).__name__}: {error}"[:300]
            raise FetchError("unreachable", detail, subject=path_of(url)) from None


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    """Return the authorities that are trusted, read once: reading them takes longer than a request."""
    return httpx2.create_ssl_context(trust_env=False)


class _Busy(FetchError):
    """The source is too busy, and says for how long."""

    wait = USUAL_WAIT


def take_turn(policy: Policy, *, now: datetime) -> None:
    """Take one request from the source's budget, atomically across workers. Raises NotAskedError."""
    minute, month = now.replace(second=0, microsecond=0), datetime(now.year, now.month, 1, tzinfo=UTC)
    SourceState.objects.get_or_create(name=policy.name, defaults={"minute_at": minute, "month_at": month})
    mine = SourceState.objects.filter(name=policy.name)
    mine.filter(minute_at__lt=minute).update(minute_at=minute, minute_used=0)
    mine.filter(month_at__lt=month).update(month_at=month, month_used=0)
    free = mine.exclude(open_until__gt=now).exclude(wait_until__gt=now).filter(minute_used__lt=policy.per_minute)
    if policy.per_month:
        free = free.filter(month_used__lt=policy.per_month)
    if not free.update(minute_used=F("minute_used") + 1, month_used=F("month_used") + 1, asked_at=now):
        raise NotAskedError("refused", _why_not(policy, mine.get(), now))


def _why_not(policy: Policy, state: SourceState, now: datetime) -> str:
    """Say why a source is not asked now."""
    if state.is_open(now):
        return f"{policy.name} failed {state.failures} times in a row and is not asked before {state.open_until:%H:%M}"
    if state.wait_until is not None and state.wait_until > now:
        return f"{policy.name} asked to be left alone until {state.wait_until:%H:%M:%S}"
    if policy.per_month and state.month_used >= policy.per_month:
        return f"the month's {policy.per_month} requests to {policy.name} are spent"
    return f"the minute's {policy.per_minute} requests to {policy.name} are spent"


def _count_failure(name: str, detail: str, *, now: datetime) -> None:
    """Count a failure; the fifth in a row opens the circuit, and each further one opens it again."""
    mine = SourceState.objects.filter(name=name)
    mine.update(failures=F("failures") + 1, message=detail[:300])
    mine.filter(failures__gte=FAILURES_TO_OPEN).update(open_until=now + OPEN_FOR)


def _checked(answer: Answer) -> Answer:
    """Return an answer with status 200 or 304. Raises FetchError for every other."""
    status = answer.status
    if status == 200 or answer.is_unchanged:
        return answer
    where = path_of(answer.url)
    if 300 <= status < 400:
        raise FetchError("refused", f"status {status}: redirects are not followed", subject=where, status=status)
    if status in {418, 429} or (status == 503 and "retry-after" in answer.headers):
        busy = _Busy("refused", f"status {status}: too many requests", subject=where, status=status, body=answer.body)
        busy.wait = _wait(answer.headers.get("retry-after", ""), answer.headers.get("date", ""))
        raise busy
    raise FetchError("refused", f"status {status}", subject=where, status=status, body=answer.body)


def _is_worth_repeating(error: FetchError) -> bool:
    """Return whether the same question may be answered in a moment."""
    return not isinstance(error, _Busy) and (error.reason == "unreachable" or error.status >= 500)


def _wait(text: str, date: str) -> timedelta:
    """Read Retry-After: seconds or a date; nonsense is a minute, nothing is longer than six hours."""
    if text.isascii() and text.isdigit() and len(text) < 9:
        return min(timedelta(seconds=int(text)), LONGEST_WAIT)
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return USUAL_WAIT
    return max(min(wait, LONGEST_WAIT), timedelta(0))


def _read(response: httpx2.Response, *, limit: int, until: float, url: str) -> bytes:
    """Read a body as it comes, unpacking it as it grows: neither a bomb nor a drip gets past the limits."""
    packed = response.headers.get("content-encoding", "identity").lower()
    if packed not in {"identity", "gzip", ""}:
        raise FetchError("unreadable", f"unexpected encoding {packed[:40]}", subject=path_of(url))
    unpack = zlib.decompressobj(wbits=31) if packed == "gzip" else None
    body = bytearray()
    for chunk in response.iter_raw():
        body += unpack.decompress(chunk, limit + 1 - len(body)) if unpack else chunk
        if len(body) > limit:
            raise FetchError("unreadable", f"the answer is larger than {limit} bytes", subject=path_of(url))
        if time.monotonic() > until:
            raise FetchError("unreachable", "the answer took too long", subject=path_of(url))
    if unpack and not unpack.eof and body:
        raise FetchError("unreadable", "the answer was cut off", subject=path_of(url))
    return bytes(body)


def path_of(url: str) -> str:
    """Return an address without host, parameters and keys."""
    return httpx2.URL(url).path[:120]


def _hash(url: str) -> str:
    """Return an address as a key of fixed length, which tells nothing."""
    return hashlib.sha256(url.encode()).hexdigest()


def _no_number(text: str) -> NoReturn:
    """Refuse NaN and infinities in JSON."""
    raise ValueError(f"{text} is no number")
