"""What templates show: exact numbers, honest signs, moments, bars and the frame of a page."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from types import SimpleNamespace

import pytest
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from portfolio.templatetags import money
from portfolio.templatetags.bars import price_ladder, sleeve_bars
from portfolio.templatetags.face import nav_link, theme

NOW = datetime(2026, 11, 24, 14, 5, tzinfo=UTC)
EXACT = st.decimals(min_value=-(10**19), max_value=10**19, places=18, allow_nan=False, allow_infinity=False)


def render(source: str, **context: object) -> str:
    return Template("{% load money bars face %}" + source).render(Context(context))


class TestMoney:
    @pytest.mark.parametrize(
        ("amount", "shown"),
        [
            (Decimal("1234.565"), "$1,234.56"),
            (Decimal("1234.575"), "$1,234.58"),
            (Decimal("-1234.5"), "−$1,234.50"),
            (Decimal("-0.004"), "$0.00"),
            (Decimal("-0"), "$0.00"),
            (0, "$0.00"),
            (Decimal("12345678901234567890.123456789012345678"), "$12,345,678,901,234,567,890.12"),
        ],
    )
    def test_usd_rounds_half_to_even_once(self, amount: Decimal, shown: str) -> None:
        assert money.usd(amount) == shown

    @pytest.mark.parametrize(
        ("shown", "expected"),
        [
            (money.signed_usd(Decimal(2)), "+$2.00"),
            (money.signed_usd(Decimal(-2)), "−$2.00"),
            (money.signed_usd(Decimal("0.001")), "$0.00"),
            (money.usd(Decimal("1234.5"), 0), "$1,234"),
            (money.usd_short(Decimal(1238000000)), "$1.24\u00a0bn"),
            (money.usd_short(Decimal(-45600)), "−$45.6\u00a0k"),
            (money.usd_short(Decimal(999)), "$999.00"),
            (money.price(Decimal(64210)), "64,210.00"),
            (money.price(Decimal("1.347")), "1.3470"),
            (money.price(Decimal("0.0000123456")), "0.00001235"),
            (money.pct(Decimal("0.1234")), "12.3%"),
            (money.pct(Decimal("0.1234"), 2), "12.34%"),
            (money.signed_pct(Decimal("0.1234")), "+12.3%"),
            (money.points(Decimal("-0.011")), "−1.1\u00a0points"),
            (money.number(Decimal("1234.56")), "1,234.6"),
            (money.signed(Decimal("6.74")), "+6.7"),
            (money.qty(Decimal("1.500000000000000000")), "1.5"),
            (money.qty(Decimal(1000)), "1,000"),
            (money.qty(Decimal("1.5"), Decimal("0.001")), "1.500"),
            (money.qty(Decimal(1500), Decimal(10)), "1,500"),
        ],
    )
    def test_every_filter_has_its_precision_and_its_sign(self, shown: str, expected: str) -> None:
        assert shown == expected

    @pytest.mark.parametrize("unknown", [None, "", Decimal("NaN"), Decimal("Infinity")])
    def test_what_is_not_known_is_a_dash_with_a_title(self, unknown: object) -> None:
        shown = render("{{ x|usd }}{{ x|pct }}{{ x|qty }}{{ x|price }}{{ x|usd_short }}", x=unknown)

        assert shown == '<span class="missing" title="Not known">—</span>' * 5

    @pytest.mark.parametrize("wrong", [1.5, "12", True])
    def test_a_float_is_a_mistake(self, wrong: object) -> None:
        with pytest.raises(TypeError, match="Decimal or int"):
            money.usd(wrong)  # type: ignore[arg-type]

    @given(EXACT)
    def test_no_amount_is_shown_as_a_negative_zero_or_off_by_more_than_half_a_cent(self, amount: Decimal) -> None:
        shown = money.signed_usd(amount)

        read = Decimal(shown.replace("−", "-").replace("$", "").replace(",", "").lstrip("+"))
        assert abs(read - amount) <= Decimal("0.005")
        assert (read == 0) is (shown == "$0.00")

    @pytest.mark.parametrize(
        ("amount", "tone"), [(Decimal(1), "gain"), (Decimal(-1), "loss"), (Decimal(0), ""), (None, "")]
    )
    def test_tone_is_for_outcome_only(self, amount: Decimal | None, tone: str) -> None:
        assert money.tone(amount) == tone

    def test_what_is_shown_as_zero_has_no_tone(self) -> None:
        tones = [money.tone(Decimal(text)) for text in ("0.005", "-0.004", "0.006", "-0.006")]
        assert tones == ["", "", "gain", "loss"]
        assert (money.tone(Decimal("-0.4"), 0), money.tone(Decimal("0.06"), 1)) == ("", "gain")


class TestMoments:
    @pytest.mark.parametrize(
        ("passed", "words"),
        [
            (timedelta(seconds=20), "just now"),
            (timedelta(minutes=12), "12\u00a0min ago"),
            (timedelta(hours=9), "9\u00a0h ago"),
            (timedelta(hours=47), "47\u00a0h ago"),
            (timedelta(days=3), "3\u00a0days ago"),
            (-timedelta(hours=5), "in 5\u00a0h"),
            (-timedelta(seconds=5), "in a moment"),
        ],
    )
    def test_ago_speaks_of_past_and_future(self, passed: timedelta, words: str) -> None:
        assert f">{words}<" in money.ago(NOW - passed, NOW)

    def test_the_exact_moment_is_in_the_title(self) -> None:
        shown = money.utc_time(NOW)

        assert shown == (
            '<time datetime="2026-11-24T14:05:00Z" title="24 Nov 2026, 14:05 UTC">24 Nov 2026, 14:05 UTC</time>'
        )

    def test_local_time_is_in_the_zone_of_the_person(self) -> None:
        with timezone.override("Europe/Berlin"):
            assert ">24 Nov 2026, 15:05 CET<" in money.local_time(NOW)

    def test_day_and_what_is_not_known(self) -> None:
        assert money.day(date(2026, 1, 5)) == '<time datetime="2026-01-05">5 Jan 2026</time>'
        assert {money.ago(None), money.utc_time(None), money.local_time(None), money.day(None)} == {money.MISSING}


class TestBars:
    def test_bars_share_one_scale_that_holds_the_largest(self) -> None:
        rows = [
            {"label": "Core", "hue": "core", "actual": Decimal("0.52"), "target": Decimal("0.5")},
            SimpleNamespace(label="AI", hue="ai", actual=Decimal("0.3"), target=None),
        ]

        drawn = sleeve_bars(rows)["rows"]

        assert [row["width"] for row in drawn] == ["86.67%", "50.00%"]
        assert [row["tick"] for row in drawn] == ["83.33%", ""]

    def test_a_bar_never_leaves_its_line(self) -> None:
        rows = [{"label": "Short", "hue": "ai", "actual": Decimal("-0.2"), "target": Decimal("0.1")}]

        assert sleeve_bars(rows)["rows"][0]["width"] == "0.00%"

    def test_bars_carry_no_style_attribute(self) -> None:
        rows = [{"label": "<b>", "hue": "ai", "actual": None, "target": Decimal("0.1")}]

        shown = render("{% sleeve_bars rows %}", rows=rows)

        assert "style=" not in shown
        assert "&lt;b&gt;" in shown
        assert "—" in shown

    def test_a_ladder_is_sorted_and_names_neighbours_on_different_sides(self) -> None:
        points = [{"label": name, "price": Decimal(price)} for name, price in (("entry", 2), ("stop", 1), ("end", 3))]

        rungs = price_ladder(points)["rungs"]

        assert [rung["label"] for rung in rungs] == ["stop", "entry", "end"]
        assert [rung["is_above"] for rung in rungs] == [False, True, False]
        assert [rung["x"] for rung in rungs] == ["2.00%", "50.00%", "98.00%"]

    @pytest.mark.parametrize(
        "prices", [("2", "2", "2"), ("1", "1.9", "2", "2.01"), ("1", "1.01", "1.02", "1.03"), ("1", "9", "9.1", "9.2")]
    )
    def test_names_on_one_side_of_a_ladder_keep_apart(self, prices: tuple[str, ...]) -> None:
        rungs = price_ladder([{"label": price, "price": Decimal(price)} for price in prices])["rungs"]

        for side in (True, False):
            places = [Decimal(rung["label_x"].rstrip("%")) for rung in rungs if rung["is_above"] is side]
            assert all(later - earlier >= 43 for earlier, later in pairwise(places))
            assert all(2 <= place <= 98 for place in places)

    def test_a_ladder_without_a_price_is_left_out(self) -> None:
        assert render("{% price_ladder points %}", points=[{"label": "stop", "price": None}]).strip() == ""


class TestFace:
    @pytest.mark.parametrize(
        ("cookie", "preference", "chosen"),
        [("dark", "light", "dark"), ("", "light", "light"), ("system", "dark", ""), ('"><script>', "dark", "")],
    )
    def test_the_cookie_wins_over_the_preference(self, cookie: str, preference: str, chosen: str) -> None:
        request = RequestFactory().get("/")
        request.COOKIES["theme"] = cookie

        assert theme({"request": request, "user": SimpleNamespace(theme=preference)}) == chosen

    def test_a_link_is_current_on_its_own_page_and_below_its_other_paths(self) -> None:
        on_journal = {"request": RequestFactory().get("/journal/3/")}
        on_market = {"request": RequestFactory().get("/market/")}

        assert nav_link(on_journal, "journal:timeline", "Journal")["current"]
        assert not nav_link(on_market, "journal:timeline", "Journal")["current"]
        assert nav_link(on_market, "journal:timeline", "Journal", also="/market/")["current"]
        assert not nav_link(on_journal, "today", "Today")["current"]

    def test_a_view_that_is_not_routed_leaves_no_trace(self) -> None:
        assert render('{% nav_link "nowhere" "Nowhere" %}').strip() == ""
