"""The face keeps its promises: contrast in both themes, one palette, small files, nothing inline."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from portfolio.charts.palette import PALETTE

ROOT = Path(__file__).resolve().parent.parent
CSS = (ROOT / "config/static/css/app.css").read_text()
TOKENS = {
    name: pair for name, *pair in re.findall(r"--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", CSS)
}
TEMPLATES = sorted(
    path
    for app in ("config", "accounts", "jobs", "portfolio", "signals", "journal")
    for path in (ROOT / app).rglob("*.html")
)
TEXT = [
    "ink",
    "soft",
    "link",
    "gain",
    "loss",
    "warn",
    "core",
    "reserve",
    "defi",
    "ai",
    "overlay",
    "l2",
    "rwa",
    "meme",
    "gaming",
    "depin",
    "other",
]


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


class TestColours:
    @pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
    @pytest.mark.parametrize("name", TEXT)
    def test_text_can_be_read_on_paper_and_sheet(self, name: str, theme: int) -> None:
        for ground in ("paper", "sheet"):
            assert contrast(TOKENS[name][theme], TOKENS[ground][theme]) >= 4.5

    @pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
    @pytest.mark.parametrize(
        ("front", "ground"),
        [
            ("ink", "wash"),
            ("soft", "wash"),
            ("gain", "gain-wash"),
            ("loss", "loss-wash"),
            ("warn", "warn-wash"),
            ("on-overlay", "overlay"),
            ("paper", "ink"),
        ],
    )
    def test_words_can_be_read_on_their_washes(self, front: str, ground: str, theme: int) -> None:
        assert contrast(TOKENS[front][theme], TOKENS[ground][theme]) >= 4.5

    @pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
    def test_the_edge_of_a_control_can_be_seen(self, theme: int) -> None:
        assert contrast(TOKENS["edge"][theme], TOKENS["sheet"][theme]) >= 3

    def test_charts_and_pages_have_one_palette(self) -> None:
        assert {name: TOKENS[name][0] for name in PALETTE} == PALETTE
        assert len(set(PALETTE.values())) == len(PALETTE)


class TestFiles:
    def test_style_and_script_stay_small(self) -> None:
        sizes = [
            len(gzip.compress((ROOT / "config/static" / name).read_bytes(), 9)) for name in ("css/app.css", "js/app.js")
        ]

        assert sum(sizes) <= 12_000

    def test_nothing_comes_from_another_host(self) -> None:
        assert not re.search(r"url\(|@import|https?://", CSS)

    @pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
    def test_nothing_is_inline(self, path: Path) -> None:
        text = path.read_text()

        assert not re.search(r'\sstyle=|<style|\son[a-z]+="|hx-on|javascript:', text)
        assert not re.search(r"<script(?![^>]*\b(src|type=\"application/json\"))", text)
        assert not re.search(r'(?:src|href)="(?:https?:)?//', text)

    @pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
    def test_words_do_not_shout(self, path: Path) -> None:
        words = re.sub(
            r"\{[{%#].*?[}%#]\}|<!--.*?-->|<!doctype|!=|!important",
            "",
            path.read_text(),
            flags=re.DOTALL | re.IGNORECASE,
        )

        assert "!" not in words
