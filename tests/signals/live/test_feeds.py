"""Feeds are read as they are in the wild: entities, bare ampersands, old document types, thousands of entries."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from signals.sources.live.base import Doubt
from signals.sources.live.feeds import MOST_ENTRIES, Feeds
from tests.signals.live.world import NOW

SECTORS = {"defi": "DeFi,Aave"}
TODAY = f"{NOW:%a, %d %b %Y 00:30:00 GMT}"
ENTRY = "<item><title>{title}</title><link>https://example.org/{link}</link><pubDate>{date}</pubDate></item>"


def entry(title: str = "Aave launches on a new chain", *, link: str = "a", date: str = TODAY) -> str:
    """Write an entry of RSS 2.0."""
    return ENTRY.format(title=title, link=link, date=date)


def rss(*entries: str, head: str = "") -> bytes:
    """Write a feed."""
    return f"{head}<rss version='2.0'><channel><title>News</title>{''.join(entries)}</channel></rss>".encode()


def proposed(body: bytes) -> list[Any]:
    """Return what a feed makes the source propose or doubt."""
    answer = SimpleNamespace(is_unchanged=False, body=body)
    ask: Any = SimpleNamespace(get=lambda *_args, **_terms: answer, fail=lambda _error: None)
    scope: Any = SimpleNamespace(feeds=["https://example.org/rss"], address="", now=NOW)
    scope.sectors, scope.sector_names = list(SECTORS), SECTORS
    return [item for item in Feeds().observations(ask, scope) if hasattr(item, "title") or isinstance(item, Doubt)]


class TestWildFeeds:
    @pytest.mark.parametrize(
        ("written", "title"),
        [
            ("<![CDATA[Aave launches <b>V9</b> &amp; more]]>", "Aave launches V9 & more"),
            ("Aave &amp;lt;b&amp;gt; launches", "Aave <b> launches"),
            ("Aave&#8217;s DAO approves", "Aave’s DAO approves"),
            ("Aave&nbsp;launches &mdash; now", "Aave launches — now"),
            ("Aave & others partnership", "Aave & others partnership"),
        ],
    )
    def test_a_title_is_plain_words(self, written: str, title: str) -> None:
        assert [found.title for found in proposed(rss(entry(written)))] == [title]

    @pytest.mark.parametrize(
        "head",
        ["\n  <?xml version='1.0'?>", "<!DOCTYPE rss PUBLIC '-//Netscape Communications//DTD RSS 0.91//EN' 'rss.dtd'>"],
    )
    def test_an_odd_head_is_read_over(self, head: str) -> None:
        assert len(proposed(rss(entry(), head=head))) == 1

    @pytest.mark.parametrize(
        "body",
        [
            rss(entry(), entry(link="b"))[:-40],
            rss(entry("Aave & others launch"))[:-10],
            b"<!doctype html><title>Aave launches</title>",
            b"",
        ],
    )
    def test_what_breaks_off_or_is_a_page_is_doubted_as_a_whole(self, body: bytes) -> None:
        (found,) = proposed(body)

        assert (type(found), found.reason) == (Doubt, "unreadable")

    def test_the_newest_of_many_are_read_wherever_they_stand(self) -> None:
        old = [entry(link=str(place), date="Mon, 02 Nov 2020 10:00:00 GMT") for place in range(MOST_ENTRIES)]

        assert len(proposed(rss(*old, entry()))) == 1
