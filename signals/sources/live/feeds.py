"""Read RSS and Atom feeds, and propose events by rule: a keyword names the narrative, another the type (DOMAIN 2.3)."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import feedparser  # type: ignore[import-untyped]

from signals.sources.base import EventRow
from signals.sources.fetch import Fetcher, FetchError, path_of
from signals.sources.live.base import BadValueError, Scope, Yielded, doubt, guarded, moment

NAME = "feeds"
FEEDS: tuple[str, ...] = (
    "https://www.coindesk.com/arc/outboundfeeds/rss/",
    "https://cointelegraph.com/rss",
    "https://www.sec.gov/news/pressreleases.rss",
)
PROPOSED_CONFIDENCE = 0.3
OLDEST = timedelta(days=7)
MOST_ENTRIES = 200
NEAR_BITS = 3
MAGNITUDE = 3
_UNWANTED = re.compile(rb"<!ENTITY|<!DOCTYPE(?!\s+rss\b)", re.IGNORECASE)
_END = re.compile(rb"</(?:\w+:)?(?:rss|feed|rdf)>(?:\s|<!--.*?-->)*$", re.IGNORECASE | re.DOTALL)
"""What is not well formed, such as an ampersand that stands bare, is read all the same when its end is there."""
_MARKUP = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)
TRACKING = ("utm_", "fbclid", "gclid", "ref", "source")


class Rule(NamedTuple):
    """Words in a title that make it an event of a type, and which way it points."""

    words: re.Pattern[str]
    type: str
    polarity: float
    magnitude: int


def _words(text: str) -> re.Pattern[str]:
    """Compile alternatives that stand as words."""
    return re.compile(rf"\b(?:{text})\b", re.IGNORECASE)


RULES: tuple[Rule, ...] = (
    Rule(_words("hack(?:ed|s)?|exploit(?:ed|s)?|drained|stolen"), "EXPLOIT", -1.0, 4),
    Rule(_words("bans?|banned|securities law|sues|sued|charges"), "REGULATORY", -1.0, 5),
    Rule(_words("AML|KYC|sanctions?"), "REGULATORY", -1.0, 3),
    Rule(_words("legal framework|approves|approved|licen[cs]es?"), "REGULATORY", 1.0, 4),
    Rule(_words("partners(?:hip)?|collaborat(?:es|ion)|teams up|integrates"), "PARTNERSHIP", 1.0, MAGNITUDE),
    Rule(_words("rollup|layer[- ]2|L2"), "L2_MILESTONE", 1.0, MAGNITUDE),
    Rule(_words("mainnet|launch(?:es|ed)|upgrade[sd]?|releases"), "TECH_MILESTONE", 1.0, MAGNITUDE),
    Rule(_words("unlocks?|vesting"), "UNLOCK", -1.0, MAGNITUDE),
    Rule(_words("delist(?:s|ed|ing)?"), "LISTING", -1.0, MAGNITUDE),
    Rule(_words("lists|listed|listing"), "LISTING", 1.0, 2),
)


class Feeds:
    """Yield proposals from every feed; what was said in nearly the same words within 72 hours is one event."""

    def observations(self, ask: Fetcher, scope: Scope) -> Iterator[Yielded]:
        """Ask feed by feed."""
        for url in scope.feeds:
            yield from guarded(ask, path_of(url), self._entries(ask, scope, url))

    def _entries(self, ask: Fetcher, scope: Scope, url: str) -> Iterator[Yielded]:
        """Read a feed; a page that is none is doubted as a whole."""
        where = f"{scope.address}{urlsplit(url).path}" if scope.address else url
        answer = ask.get(where, is_conditional=True)
        if answer.is_unchanged:
            return
        if _UNWANTED.search(answer.body[:4096]):
            raise FetchError("unreadable", "the answer is a page or declares entities, no feed", subject=path_of(url))
        found = feedparser.parse(answer.body, sanitize_html=True)
        if not found.get("version") or not (_is_harmless(found) or _END.search(answer.body[-200:])):
            raise FetchError("unreadable", "the answer is no RSS or Atom feed", subject=path_of(url))
        for entry in sorted(found.entries, key=_rank, reverse=True)[:MOST_ENTRIES]:
            yield from _proposals(entry, scope, domain=urlsplit(url).hostname or NAME)


@lru_cache(maxsize=200)
def words_of(listed: str) -> re.Pattern[str]:
    """Compile words that are set off by commas; capitals of an abbreviation matter not."""
    return _words("|".join(re.escape(word.strip()) for word in listed.split(",") if word.strip()) or "(?!)")


def _is_harmless(found: Any) -> bool:
    """Return whether a feed is well formed, or only its encoding was declared wrongly."""
    harmless = feedparser.CharacterEncodingOverride | feedparser.NonXMLContentType
    return not found.bozo or isinstance(found.bozo_exception, harmless)


def _rank(entry: Any) -> tuple[int, ...]:
    """Rank entries by their date, those without one last."""
    return tuple(entry.get("published_parsed") or entry.get("updated_parsed") or ())


def _plain(title: str) -> str:
    """Return a title without markup, its entities written out."""
    return " ".join(html.unescape(_MARKUP.sub("", title)).split())[:300]


def _proposals(entry: Any, scope: Scope, *, domain: str) -> Iterator[Yielded]:
    """Propose an event for each of our narratives that a title speaks of; whatever fits no rule is no event."""
    title = _plain(str(entry.get("title", "")))
    rule = next((rule for rule in RULES if rule.words.search(title)), None)
    sectors = [slug for slug in scope.sectors if words_of(scope.sector_names.get(slug, slug)).search(title)]
    if rule is None or not sectors:
        return
    try:
        at = _published(entry, scope.now)
    except BadValueError as error:
        if error.reason != "stale":
            yield doubt(title, error)
        return
    link = canonical(str(entry.get("link", "")))
    for sector in sectors:
        yield EventRow(
            sector,
            rule.type,
            rule.polarity,
            rule.magnitude,
            PROPOSED_CONFIDENCE,
            at,
            title,
            link,
            f"feed {domain}"[:60],
        )


def _published(entry: Any, now: datetime) -> datetime:
    """Return when an entry was published, not from the future and not older than a week."""
    parsed = entry.get("published_parsed") or entry.get("updated_parsed")
    if parsed is None:
        raise BadValueError("the entry has no date")
    return moment(_iso(parsed), now, oldest=OLDEST)


def _iso(parsed: Any) -> str:
    """Write a UTC time tuple as an ISO time."""
    year, month, day, hour, minute, second = parsed[:6]
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{min(second, 59):02}+00:00"


def canonical(url: str) -> str:
    """Return an address without what only tracks its reader; empty where it is none that a browser opens."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return ""
    kept = [(name, value) for name, value in parse_qsl(parts.query) if not name.lower().startswith(TRACKING)]
    host = parts.hostname.removeprefix("www.")
    return urlunsplit(("https", host, parts.path.rstrip("/"), urlencode(sorted(kept)), ""))[:500]


def simhash(text: str) -> int:
    """Return 64 bits that are nearly the same for nearly the same words (DOMAIN 2.3)."""
    weights = [0] * 64
    for word in re.findall(r"[a-z0-9]+", text.lower()):
        bits = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
        for place in range(64):
            weights[place] += 1 if bits >> place & 1 else -1
    return sum(1 << place for place, weight in enumerate(weights) if weight > 0)


def is_near(one: int, other: int) -> bool:
    """Return whether two hashes differ in at most three bits."""
    return (one ^ other).bit_count() <= NEAR_BITS
