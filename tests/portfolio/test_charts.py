"""Charts: specs as plain dicts, pictures that follow the theme, the table behind them, the bundle on demand."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.template import Context, Template
from django.test import Client
from django.urls import reverse

from portfolio.charts import (
    ChartError,
    EquityPoint,
    RotationMark,
    Share,
    SleeveDay,
    StageBand,
    equity_chart,
    sleeve_chart,
)
from portfolio.charts.axes import thin
from portfolio.charts.bundle import bundle_file, bundle_name
from portfolio.charts.chart import Chart
from portfolio.charts.drawing import render
from portfolio.charts.palette import PALETTE, hue

FIRST = date(2025, 1, 1)
DRAW = "portfolio.charts.drawing._draw"


def days(count: int) -> list[date]:
    return [FIRST + timedelta(days=number) for number in range(count)]


def an_equity_chart(count: int = 400, spec_url: str = "") -> Chart:
    points = [
        EquityPoint(date=day, equity=Decimal(1000 + place), held=Decimal(1000)) for place, day in enumerate(days(count))
    ]
    marks = [RotationMark(date=points[30].date, label="DeFi to AI", hue="ai")] if count > 30 else []
    return equity_chart(points=points, rotations=marks, spec_url=spec_url)


def a_sleeve_chart() -> Chart:
    shares = tuple(
        Share(name=name, hue=name.lower(), weight=Decimal(weight))
        for name, weight in (("Core", "0.5"), ("Reserve", "0.2"), ("DeFi", "0.26"), ("AI", "0.04"))
    )
    rows = [SleeveDay(date=day, shares=shares) for day in days(200)]
    bands = [
        StageBand(start=FIRST - timedelta(days=9), end=FIRST + timedelta(days=80), name="Stable consolidation"),
        StageBand(start=FIRST + timedelta(days=80), end=FIRST + timedelta(days=900), name="Narrative ignition"),
    ]
    return sleeve_chart(days=rows, bands=bands)


class TestSpecs:
    def test_a_spec_is_plain_json(self) -> None:
        assert json.loads(json.dumps(an_equity_chart().spec))["usermeta"]["palette"][PALETTE["ai"]] == "ai"

    def test_points_are_thinned_but_both_ends_stay(self) -> None:
        kept = thin(list(range(1000)), 150)

        assert len(kept) <= 151
        assert (kept[0], kept[-1]) == (0, 999)

    def test_bands_end_where_the_days_do(self) -> None:
        strip = a_sleeve_chart().spec["layer"][2]["data"]["values"]

        assert strip[0]["date"] == FIRST.isoformat()
        assert strip[-1]["end"] == days(200)[-1].isoformat()

    def test_a_sliver_is_not_named(self) -> None:
        named = a_sleeve_chart().spec["layer"][1]["data"]["values"]

        assert [row["name"] for row in named] == ["Core", "Reserve", "DeFi"]

    def test_only_the_chart_to_explore_follows_the_pointer(self) -> None:
        chart = an_equity_chart()

        assert "params" in json.dumps(chart.spec)
        assert "params" not in json.dumps(chart.build(width=340, is_interactive=False))

    def test_an_unknown_sector_has_the_neutral_hue(self) -> None:
        assert hue("unheard-of") == PALETTE["other"]
        assert hue("stable") == PALETTE["reserve"]


class TestPictures:
    @pytest.mark.parametrize("chart", [an_equity_chart(), a_sleeve_chart()], ids=["equity", "sleeves"])
    def test_a_picture_obeys_the_policy_and_the_theme(self, chart: Chart) -> None:
        for picture in (chart.wide, chart.narrow):
            assert not re.search(r"style=|<style|<script|href=|#[0-9a-f]{6}", picture)
            assert "var(--ink)" in picture or "var(--core)" in picture
            assert picture.startswith('<svg role="img" aria-label="')
            assert len(picture) < 20_000

    def test_text_stays_legible_when_the_picture_is_fitted(self) -> None:
        sizes = [int(size) for size in re.findall(r'font-size="(\d+)px"', an_equity_chart().narrow)]

        assert min(sizes) * 324 / 340 >= 12

    def test_the_same_data_is_drawn_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        first = an_equity_chart(41).wide
        monkeypatch.setattr(DRAW, lambda text: pytest.fail("drawn again"))

        assert an_equity_chart(41).wide == first

    def test_a_description_cannot_break_out(self) -> None:
        drawn = render({**an_equity_chart(35).spec, "description": '"><script>'}, width=340)

        assert "<script>" not in drawn


class TestTheTag:
    def test_the_table_stands_behind_the_picture(self) -> None:
        shown = Template("{% load charts %}{% chart it %}").render(Context({"it": an_equity_chart(60)}))

        assert shown.count("<svg ") == 2
        assert "<details><summary>The same as a table" in shown
        assert shown.count("<tr>") == 1 + 3
        assert "Explore" not in shown

    def test_explore_names_the_spec_and_the_bundle(self) -> None:
        shown = Template("{% load charts %}{% chart it %}").render(Context({"it": an_equity_chart(60, "/spec.json")}))

        assert 'data-spec-url="/spec.json"' in shown
        assert f'data-bundle-url="/charts/{bundle_name()}"' in shown

    def test_without_data_there_is_a_sentence(self) -> None:
        shown = Template("{% load charts %}{% chart it %}").render(Context({"it": equity_chart(points=[])}))

        assert "No equity has been measured yet." in shown
        assert "<svg" not in shown

    def test_what_cannot_be_drawn_leaves_its_table_open(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(text: str) -> str:
            raise ChartError("no")

        monkeypatch.setattr(DRAW, refuse)

        shown = Template("{% load charts %}{% chart it %}").render(Context({"it": an_equity_chart(47)}))

        assert "<details open>" in shown
        assert "<svg" not in shown


@pytest.mark.django_db
class TestBundle:
    @pytest.fixture(autouse=True)
    def _short_script(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, settings
    ) -> None:
        settings.DATA_DIR = tmp_path_factory.mktemp("data")
        monkeypatch.setattr("portfolio.charts.bundle.explorer_script", lambda: "export default 1;")

    @pytest.mark.parametrize(("accepts", "encoding"), [("gzip, br", "br"), ("gzip", "gzip"), ("", None)])
    def test_it_is_served_for_ever_and_compressed(self, client: Client, accepts: str, encoding: str | None) -> None:
        answer = client.get(reverse("charts:bundle", args=[bundle_name()]), headers={"Accept-Encoding": accepts})

        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert answer.headers.get("Content-Encoding") == encoding
        answer.close()

    def test_another_version_is_not_there(self, client: Client) -> None:
        assert client.get("/charts/explore-0.0.0.js").status_code == 404

    def test_it_is_written_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        path = bundle_file()
        monkeypatch.setattr("portfolio.charts.bundle.explorer_script", lambda: pytest.fail("written again"))

        assert bundle_file() == path
        assert path.read_text() == "export default 1;"
