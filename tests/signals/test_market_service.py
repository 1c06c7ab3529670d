"""Compute a market's days from the database: once each, the same in steps as at once, on what was known."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from portfolio.models import Asset, Market, Price, Sector, SectorMembership, closes_on
from portfolio.services.catalogue import ensure_market
from signals.domain.params import DEFAULTS
from signals.domain.pipeline import compute
from signals.models import Event, Evidence, Reading, RegimeDay, Score, SourcePoll, StageDay
from signals.queries.market import newest_day, resume_point
from signals.queries.panel import load_panel
from signals.services.coverage import EmptySpanError, UnknownEventTypeError, declare_events_complete
from signals.services.market import fingerprint, rebuild_market, refresh_market
from signals.services.prices import refresh_prices

pytestmark = pytest.mark.django_db

FIRST = date(2024, 1, 1)
DERIVED = (Score, RegimeDay, StageDay)


def noon(day: date) -> datetime:
    """Return the middle of a day."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def asked(market: Market, day: date) -> datetime:
    """Let the market's source be asked at a day's noon."""
    refresh_prices(market=market, now=noon(day))
    return noon(day)


def stored(market: Market) -> list[list[dict[str, Any]]]:
    """Return every derived row of a market without its key, in the order of days."""
    return [
        [
            {name: value for name, value in row.items() if name != "id"}
            for row in model.objects.order_by("date", *key).values()
        ]
        for model, key in zip(DERIVED, (("sector_id",), (), ()), strict=True)
    ]


@pytest.fixture
def market() -> Market:
    """The simulated market with its catalogue and no prices yet."""
    return ensure_market("simulated")


class TestRefresh:
    def test_writes_one_row_a_day_and_scores_for_each_sector(self, market: Market) -> None:
        now = asked(market, FIRST + timedelta(days=100))

        found = refresh_market(market=market, now=now)

        assert (found.days, found.newest) == (100, FIRST + timedelta(days=99))
        assert [model.objects.count() for model in DERIVED] == [200, 100, 100]

    def test_repeating_adds_nothing(self, market: Market) -> None:
        now = asked(market, FIRST + timedelta(days=20))
        first = refresh_market(market=market, now=now)

        again = refresh_market(market=market, now=now + timedelta(hours=3))

        assert (again.days, again.newest, again.evidence) == (0, first.newest, first.evidence)
        assert StageDay.objects.count() == 20

    def test_an_empty_market_has_nothing_to_compute(self, market: Market) -> None:
        found = refresh_market(market=market, now=noon(FIRST))

        assert (found.days, found.newest, found.evidence) == (0, None, None)
        assert newest_day(market=market) is None

    def test_in_steps_equals_at_once(self, market: Market) -> None:
        for days in (150, 151, 155, 290, 300):
            refresh_market(market=market, now=asked(market, FIRST + timedelta(days=days)))
        in_steps = stored(market)

        rebuild_market(market=market, now=noon(FIRST + timedelta(days=300)))

        assert len({row["stage"] for row in in_steps[2]}) > 1
        assert stored(market) == in_steps

    def test_stores_what_the_domain_computes(self, market: Market) -> None:
        now = asked(market, FIRST + timedelta(days=240))
        refresh_market(market=market, now=now)
        panel = load_panel(market=market, until=now, params=DEFAULTS)
        assert panel is not None

        last = compute(panel, params=DEFAULTS)[-1]

        day = newest_day(market=market)
        assert day is not None
        for sector in last.sectors:
            score = day.scores[sector.slug]
            assert (score.value, score.coverage) == (sector.score, sector.coverage)
            assert score.details["z_spread"] == sector.z_spread
            assert sum(item["points"] for item in score.contributions) == pytest.approx(score.value - 50.0, abs=1e-9)
        assert (day.stage.stage, day.regime.regime) == (last.stage.state.stage.name, last.regime.state.regime.name)

    def test_a_day_is_computed_shortly_after_its_close(self, market: Market) -> None:
        asked(market, FIRST + timedelta(days=20))
        close = closes_on(FIRST + timedelta(days=9))

        early = refresh_market(market=market, now=close + timedelta(minutes=4))
        late = refresh_market(market=market, now=close + timedelta(minutes=5))

        assert (early.newest, late.newest) == (FIRST + timedelta(days=8), FIRST + timedelta(days=9))

    def test_a_standing_clock_holds_the_present(self, market: Market) -> None:
        asked(market, FIRST + timedelta(days=20))
        market.as_of = noon(FIRST + timedelta(days=10))
        market.save()

        found = refresh_market(market=market, now=noon(FIRST + timedelta(days=400)))

        assert found.newest == FIRST + timedelta(days=9)
        assert found.evidence is not None
        assert found.evidence.payload["freshness"]["close"] == {"age_hours": 12.0, "is_stale": False}


class TestEvidence:
    def test_freezes_the_newest_day_with_its_hash(self, market: Market) -> None:
        found = refresh_market(market=market, now=asked(market, FIRST + timedelta(days=30))).evidence

        assert found is not None
        found.refresh_from_db()
        assert (found.as_of, found.payload["day"]) == (closes_on(FIRST + timedelta(days=29)), "2024-01-30")
        assert found.sha256 == fingerprint(found.payload)
        assert set(found.payload["sectors"]) == {"defi", "ai"}

    def test_measures_freshness_at_the_present(self, market: Market) -> None:
        asked(market, FIRST + timedelta(days=30))

        found = refresh_market(market=market, now=noon(FIRST + timedelta(days=33))).evidence

        assert found is not None
        assert found.payload["freshness"]["close"]["is_stale"]
        assert found.payload["freshness"]["readings"]["stablecoins"]["freshness"] == pytest.approx(0.2)
        assert found.payload["freshness"]["readings"]["fear_greed"]["is_stale"]

    def test_one_a_close_and_it_outlives_a_rebuild(self, market: Market) -> None:
        now = asked(market, FIRST + timedelta(days=30))
        first = refresh_market(market=market, now=now).evidence
        frozen = list(Evidence.objects.order_by("as_of"))

        rebuilt = rebuild_market(market=market, now=now + timedelta(hours=1))

        assert (rebuilt.days, rebuilt.evidence) == (30, first)
        assert list(Evidence.objects.order_by("as_of")) == frozen

    def test_a_back_fill_freezes_every_day_on_which_a_stage_began(self, market: Market) -> None:
        refresh_market(market=market, now=asked(market, FIRST + timedelta(days=30)))

        began = {closes_on(day) for day in StageDay.objects.filter(date=F("since")).values_list("date", flat=True)}
        newest = {closes_on(StageDay.objects.latest("date").date)}
        assert set(Evidence.objects.values_list("as_of", flat=True)) == began | newest


class TestKnowledge:
    def test_what_was_ingested_after_the_decision_does_not_count(self, market: Market) -> None:
        now = asked(market, FIRST + timedelta(days=70))
        before = stored_after_rebuild(market, now)
        day = closes_on(FIRST + timedelta(days=69))
        Reading.objects.create(
            market=market,
            indicator="stablecoins",
            observed_at=day - timedelta(hours=1),
            ingested_at=day + timedelta(minutes=6),
            value=1.0,
            source="late",
        )

        assert stored_after_rebuild(market, now) == before

    def test_a_restatement_counts_from_when_it_was_had(self, market: Market) -> None:
        now = asked(market, FIRST + timedelta(days=20))
        known = Reading.objects.filter(indicator="stablecoins").order_by("observed_at")[10]
        known.pk = None
        known.ingested_at += timedelta(days=3)
        known.value *= 2
        known.save()

        panel = load_panel(market=market, until=now, params=DEFAULTS)

        assert panel is not None
        series = panel.readings["stablecoins", ""]
        assert (series.observed_at == series.observed_at[10]).sum() == 2
        assert series.source == "simulated"

    def test_refuted_news_stops_counting_from_then_on(self, market: Market) -> None:
        asked(market, FIRST + timedelta(days=20))
        Event.objects.all().delete()
        seen = noon(FIRST + timedelta(days=5))
        Event.objects.create(
            market=market,
            sector=Sector.objects.get(slug="ai"),
            type=Event.Type.PARTNERSHIP,
            title="Simulated: a partnership",
            polarity=1.0,
            magnitude=4,
            confidence=0.8,
            published_at=seen,
            first_seen_at=seen,
            status=Event.Status.REFUTED,
            refuted_at=seen + timedelta(days=3),
            source="simulated",
        )

        refresh_market(market=market, now=noon(FIRST + timedelta(days=20)))

        points = {score.date.day: partnership(score) for score in Score.objects.filter(sector__slug="ai")}
        assert [day for day, value in points.items() if value > 0] == [6, 7, 8]

    def test_members_come_and_go_on_their_days(self, market: Market) -> None:
        asked(market, FIRST + timedelta(days=20))
        asset = Asset.objects.get(symbol="FET")
        membership = SectorMembership.objects.filter(market=market, asset=asset)
        membership.update(since_date=FIRST + timedelta(days=3), until_date=FIRST + timedelta(days=7))

        panel = load_panel(market=market, until=noon(FIRST + timedelta(days=20)), params=DEFAULTS)

        assert panel is not None
        share = panel.memberships[:, panel.assets.index("FET"), panel.slugs.index("ai")]
        assert share.nonzero()[0].tolist() == [3, 4, 5, 6]

    def test_amounts_and_scopes_arrive(self, market: Market) -> None:
        asked(market, FIRST + timedelta(days=9))
        Price.objects.filter(asset__symbol="UNI", date=FIRST).update(
            price_usd=Decimal("7.25"), market_cap_usd=None, volume_scope="exchange"
        )

        panel = load_panel(market=market, until=noon(FIRST + timedelta(days=9)), params=DEFAULTS)

        assert panel is not None
        uni, btc = panel.assets.index("UNI"), panel.assets.index("BTC")
        assert panel.closes[0, uni] == 7.25
        assert panel.market_caps[0, uni] != panel.market_caps[0, uni]
        assert panel.volume_scopes[0, uni] != panel.volume_scopes[0, btc] == panel.volume_scopes[1, uni]
        assert [panel.assets[i] for i in panel.is_stable.nonzero()[0]] == ["USDC", "USDT"]


def partnership(score: Score) -> float:
    """Return the points that partnerships brought."""
    return next(item["points"] for item in score.contributions if item["indicator"] == "partnership")


def stored_after_rebuild(market: Market, now: datetime) -> list[list[dict[str, Any]]]:
    """Compute everything again and return it."""
    rebuild_market(market=market, now=now)
    return stored(market)


class TestCoverage:
    def test_a_simulated_market_is_covered_a_day_beyond_its_last_poll(self, market: Market) -> None:
        now = asked(market, FIRST + timedelta(days=10))
        SourcePoll.objects.update(succeeded_at=closes_on(FIRST + timedelta(days=5)))

        panel = load_panel(market=market, until=now, params=DEFAULTS)

        assert panel is not None
        assert panel.event_coverage["PARTNERSHIP"].tolist() == [True] * 6 + [False] * 4

    def test_history_is_covered_where_it_was_declared(self, market: Market) -> None:
        now = asked(market, FIRST + timedelta(days=10))
        SourcePoll.objects.all().delete()
        span = {"first_day": FIRST + timedelta(days=2), "last_day": FIRST + timedelta(days=4)}

        first = declare_events_complete(market=market, types=["REGULATORY"], source="curated", now=now, **span)
        again = declare_events_complete(market=market, types=["REGULATORY"], source="curated", now=now, **span)

        panel = load_panel(market=market, until=now, params=DEFAULTS)
        assert panel is not None
        assert (first, again) == (3, 0)
        assert panel.event_coverage["REGULATORY"].nonzero()[0].tolist() == [2, 3, 4]
        assert not panel.event_coverage["PARTNERSHIP"].any()

    def test_nonsense_is_refused(self, market: Market) -> None:
        now = noon(FIRST)
        with pytest.raises(EmptySpanError):
            declare_events_complete(
                market=market, types=["UNLOCK"], first_day=FIRST, last_day=FIRST - timedelta(days=1), source="", now=now
            )
        with pytest.raises(UnknownEventTypeError, match="GOSSIP"):
            declare_events_complete(
                market=market, types=["GOSSIP"], first_day=FIRST, last_day=FIRST, source="", now=now
            )


class TestQueries:
    def test_loading_takes_as_many_queries_for_a_year_as_for_a_month(self, market: Market) -> None:
        counts = []
        for days in (30, 200):
            now = asked(market, FIRST + timedelta(days=days))
            with CaptureQueriesContext(connection) as queries:
                load_panel(market=market, until=now, params=DEFAULTS)
            counts.append(len(queries))

        assert counts == [9, 9]

    def test_the_state_to_go_on_from_is_the_last_days(self, market: Market) -> None:
        now = asked(market, FIRST + timedelta(days=200))
        refresh_market(market=market, now=now)
        panel = load_panel(market=market, until=now, params=DEFAULTS)
        assert panel is not None

        resume, last = resume_point(market=market), compute(panel, params=DEFAULTS)[-1]

        assert resume is not None
        assert (resume.day, resume.regime, resume.stage) == (last.day, last.regime.state, last.stage.state)
        assert len(resume.regimes) == 200

    def test_the_newest_day_knows_when_it_is_stale(self, market: Market) -> None:
        now = asked(market, FIRST + timedelta(days=20))
        refresh_market(market=market, now=now)

        day = newest_day(market=market)

        assert day is not None
        assert list(day.scores) == ["defi", "ai"]
        assert not day.is_stale(now, params=DEFAULTS)
        assert day.is_stale(day.closes_at + timedelta(hours=37), params=DEFAULTS)
        assert newest_day(market=market, on=FIRST) is not None

    def test_records_are_plain_json(self, market: Market) -> None:
        refresh_market(market=market, now=asked(market, FIRST + timedelta(days=120)))

        for row in Score.objects.values("contributions", "details"):
            json.dumps(row, allow_nan=False)
