"""The health page hides nothing, and any number of narratives is scored."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from portfolio.models import Asset, Sector, SectorMembership
from portfolio.services.catalogue import ensure_market
from signals.models import Score
from signals.services.market import refresh_market
from signals.services.prices import store_prices
from signals.sources.base import PriceRow
from tests.pages import queries, said
from tests.signals.live import internet as net
from tests.signals.live import world
from tests.signals.live.world import NOW, refreshed

PAGE = reverse("signals:health")
MEMBERS = {"UNI": 1, "AAVE": 2, "CRV": 3, "FET": 4, "GRT": 5, "NEAR": 6, "ONDO": 7, "CFG": 8, "POLYX": 9, "BTC": 10}


@pytest.mark.django_db
class TestHealth:
    def test_without_a_live_market_it_says_how_one_comes(self, client_of_alice: Client) -> None:
        assert "No live source is asked yet." in said(client_of_alice, PAGE)

    def test_success_circuit_and_quarantine_are_shown(self, client_of_alice: Client, settings: Any) -> None:
        market = ensure_market("live")
        with net.serving(world.internet()) as internet:
            settings.SOURCE_ADDRESSES = dict.fromkeys(("defillama", "fear_greed", "coingecko"), internet.address)
            refreshed(market, "defillama")
            refreshed(market, "fear_greed")
            internet.faults["/fng/"] = net.body(b"<html>", "text/html")
            for minute in range(1, 6):
                refreshed(market, "fear_greed", now=NOW + timedelta(minutes=minute))
        with time_machine.travel(NOW + timedelta(minutes=6), tick=False):
            page = said(client_of_alice, PAGE)
        assert "Resting, 5 failures in a row" in page
        assert "Never asked" in page
        assert "Not in the expected form" in page

    def test_it_takes_few_queries(self, client_of_alice: Client) -> None:
        ensure_market("live")
        assert queries(client_of_alice, PAGE) <= 12


@pytest.mark.django_db
class TestNarratives:
    def test_a_third_narrative_is_scored_like_the_others(self) -> None:
        market = ensure_market("live")
        rwa = Sector.objects.create(slug="rwa", name="RWA", kind=Sector.Kind.NARRATIVE, defensiveness=D("0.5"))
        for symbol in ("ONDO", "CFG", "POLYX"):
            asset = Asset.objects.create(symbol=symbol, name=symbol)
            SectorMembership.objects.create(market=market, sector=rwa, asset=asset, since_date=date(2026, 1, 1))
        last = date(2026, 11, 19)
        rows = [
            PriceRow(
                symbol, last - timedelta(days=back), D(seed) + D((back * seed) % 17) / 100, D(seed * 10**6),
                D(seed * 10**4 + (back * seed) % 13), "global", "test",
            )
            for symbol, seed in MEMBERS.items()
            for back in range(220)
        ]  # fmt: skip
        store_prices(market=market, rows=rows, now=NOW)

        refresh_market(market=market, now=datetime(2026, 11, 20, 1, tzinfo=UTC))

        scores = Score.objects.filter(market=market, date=last).select_related("sector")
        assert {score.sector.slug for score in scores} == {"defi", "ai", "rwa"}
        for score in scores:
            assert 50 + sum(each["points"] for each in score.contributions) == pytest.approx(score.value, abs=5)
