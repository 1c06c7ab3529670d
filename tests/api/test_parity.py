"""The number on the API is the number from the queries that the pages read, and amounts are strings, moments UTC."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import User
from journal.models import Rotation
from journal.services.reviews import measure_reviews
from journal.services.rotations import log_rotation
from portfolio.api.fields import ExactField
from portfolio.domain.money import canonical
from portfolio.fields import ExactDecimalField
from portfolio.models import Fill, Portfolio
from portfolio.queries.holdings import snapshot
from portfolio.templatetags.money import usd
from portfolio.views.standing import sector_rows, sleeve_rows
from signals.models import Recommendation, Score, SourcePoll
from signals.queries.recommendations import detail
from signals.queries.standing import stage_now
from tests.api.scene import Caller
from tests.journal.scene import moment, scenario_a
from tests.pages import said
from tests.signals import scene
from tests.test_ownership import make_portfolio

pytestmark = pytest.mark.django_db
MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?Z")
AMOUNT = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,18})?")


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Return every value with the name of its field; evidence and details are what they were."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in {"evidence", "details", "explanation", "contributions", "components"}:
                yield from leaves(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, name)
    else:
        yield name, value


def exact_names(*models: type[Any]) -> set[str]:
    """Return the names of the models' exact columns."""
    return {field.name for model in models for field in model._meta.fields if isinstance(field, ExactDecimalField)}


@pytest.fixture
def rotated(portfolio: Portfolio) -> Rotation:
    """Scenario A, logged and measured."""
    found = log_rotation(portfolio=portfolio, draft=scenario_a(), now=moment(11)).rotation
    measure_reviews(now=moment(11))
    return found


@pytest.fixture
def answered(alice: User) -> Recommendation:
    """A recommendation that stands."""
    make_portfolio(alice)
    still = timezone.now() + timedelta(days=1)
    Recommendation.objects.update(state=Recommendation.State.ISSUED, closed_at=None, expires_at=still)
    return Recommendation.objects.get()


class TestPortfolio:
    def test_it_stands_where_the_page_says(self, caller: Caller, portfolio: Portfolio, rotated: Rotation) -> None:
        shown = caller.get(f"/portfolios/{portfolio.pk}/").json()
        found = snapshot(portfolio=portfolio, now=timezone.now())
        stage = stage_now(market=portfolio.market, now=timezone.now())

        assert shown["equity"] == {
            "value": canonical(found.sleeves.equity.value),
            **{name: getattr(found.sleeves.equity, name) for name in ("priced", "stale", "unpriced", "assumed")},
        }
        rows = {row["name"]: (D(row["value_usd"]), D(row["drift"])) for row in shown["sleeves"]}
        assert rows == {name: (each.value, each.drift) for name, each in found.sleeve_drifts.items()}
        assert [(D(row["actual"]), D(row["target"]), row["is_outside"]) for row in shown["sleeves"][:3]] == [
            (row.actual, row.target, row.is_outside) for row in sleeve_rows(found)[:3]
        ]
        asked = {D(row["actual"]): D(row["target"]) for row in shown["sectors"]}
        sectors = [belonging.sector for belonging in portfolio.policies.get().sectors.all()]
        assert asked == {row.actual: row.target for row in sector_rows(found, sectors=sectors, stage=stage)}
        for name in ("realized", "unrealized", "spot_realized", "futures_realized", "futures_fees", "funding"):
            assert D(shown["totals"][name]) == getattr(found.totals, name), name

    def test_its_equity_is_the_one_on_the_overview(
        self, caller: Caller, client_of_alice: Client, portfolio: Portfolio, rotated: Rotation
    ) -> None:
        equity = D(caller.get(f"/portfolios/{portfolio.pk}/").json()["equity"]["value"])
        assert usd(equity) in said(client_of_alice, "/portfolio/")

    def test_holdings_and_positions(self, caller: Caller, portfolio: Portfolio, rotated: Rotation) -> None:
        found = snapshot(portfolio=portfolio, now=timezone.now())
        held = caller.get(f"/portfolios/{portfolio.pk}/holdings/").json()
        assert [(row["asset"], D(row["quantity"]), D(row["value_usd"]), D(row["cost_usd"])) for row in held] == [
            (line.asset.symbol, line.quantity, line.worth.value, line.cost_usd) for line in found.holdings
        ]
        open_now = caller.get(f"/portfolios/{portfolio.pk}/positions/").json()
        assert [(row["instrument"], D(row["margin"]), D(row["liquidation_price"])) for row in open_now] == [
            (line.instrument.name, line.margin, line.liquidation_price) for line in found.positions
        ]
        assert [row["side"] for row in open_now] == ["LONG"]

    def test_fills(self, caller: Caller, portfolio: Portfolio, rotated: Rotation) -> None:
        shown = caller.get(f"/fills/?portfolio={portfolio.pk}").json()["results"]
        rows = Fill.objects.filter(portfolio=portfolio).order_by("-executed_at", "-id")
        assert [(row["id"], D(row["quantity"]), D(row["fee_usd"])) for row in shown] == [
            (row.pk, row.quantity, row.fee_usd) for row in rows
        ]

    def test_an_answer_is_repeated_only_when_something_changed(
        self, caller: Caller, portfolio: Portfolio, rotated: Rotation
    ) -> None:
        for path in ("/portfolios/", f"/portfolios/{portfolio.pk}/", f"/rotations/{rotated.pk}/"):
            tag = caller.get(path).headers["ETag"]
            assert caller.get(path, **{"If-None-Match": tag}).status_code == 304
            assert caller.get(path, **{"If-None-Match": f'"x", W/{tag}'}).status_code == 304
            assert caller.get(path, **{"If-None-Match": '"x"'}).status_code == 200
        tags = [caller.get(path).headers["ETag"] for path in ("/portfolios/", f"/portfolios/{portfolio.pk}/")]
        caller.post(f"/rotations/{rotated.pk}/reverse/", {"reason": "x"})
        for path, tag in zip(("/portfolios/", f"/portfolios/{portfolio.pk}/"), tags, strict=True):
            assert caller.get(path, **{"If-None-Match": tag}).status_code == 200

    def test_moments_bound_the_fills(self, caller: Caller, portfolio: Portfolio, rotated: Rotation) -> None:
        path, at = f"/fills/?portfolio={portfolio.pk}", "2026-01-11T13:00:00%2B01:00"
        assert len(caller.get(f"{path}&executed_after={at}").json()["results"]) == 3
        assert caller.get(f"{path}&executed_before={at}").json()["results"] == []


class TestJournal:
    def test_a_rotation_is_what_is_stored(self, caller: Caller, rotated: Rotation) -> None:
        shown = caller.get(f"/rotations/{rotated.pk}/").json()
        for name in exact_names(Rotation):
            assert D(shown[name]) == getattr(rotated, name), name
        reviews = {row["horizon_days"]: row for row in shown["reviews"]}
        for review in rotated.reviews.all():
            alpha = reviews[review.horizon_days]["total_alpha_usd"]
            assert (None if alpha is None else D(alpha)) == review.total_alpha_usd
        assert shown["evidence_sha256"] == rotated.evidence_sha256

    def test_filters(self, caller: Caller, portfolio: Portfolio, rotated: Rotation) -> None:
        assert (rotated.source_sector.slug, rotated.destination_sector.slug) == ("defi", "ai")  # type: ignore[union-attr]
        for query, count in (
            (f"portfolio={portfolio.pk}", 1),
            ("sector=ai", 1),
            ("sector=defi", 1),
            ("sector=core", 0),
            ("state=reversed", 0),
            ("executed_before=2026-01-11T12:00:00Z", 0),
            ("executed_after=2026-01-11T12:00:00Z&kind=rotation", 1),
        ):
            assert len(caller.get(f"/rotations/?{query}").json()["results"]) == count, query


class TestSignals:
    def test_a_recommendation_is_what_the_page_reads(
        self, caller: Caller, alice: User, answered: Recommendation
    ) -> None:
        shown = caller.get(f"/recommendations/{answered.pk}/").json()
        found = detail(user=alice, pk=answered.pk)
        assert found is not None
        assert [(leg["action"], D(leg["quantity"]), D(leg["fee_usd"])) for leg in shown["legs"]] == [
            (leg.action, leg.quantity, leg.fee_usd) for leg in found.legs.all()
        ]
        assert (D(shown["moved_usd"]), D(shown["cost_usd"])) == (found.moved_usd, found.cost_usd)
        assert (shown["hurdle"], shown["alpha"]) == (found.hurdle, found.alpha)
        assert shown["explanation"] == found.explanation
        assert shown["evidence"] == found.evidence.payload

    def test_a_silent_worker_makes_everything_stale(self, caller: Caller, answered: Recommendation) -> None:
        where = answered.portfolio.market
        path = f"/recommendations/current/?portfolio={answered.portfolio_id}"
        tag = caller.get(path).headers["ETag"]
        shown = caller.get(path).json()
        assert shown["is_stale"] is True
        assert shown["stale_reason"]
        assert caller.get(f"/signals/{where.slug}/").json()["stale_reason"] == shown["stale_reason"]
        where.as_of = scene.after()
        where.save()
        again = caller.get(path, **{"If-None-Match": tag})
        assert again.status_code == 200
        assert again.json()["is_stale"] is False

    def test_scores_of_a_day_and_of_a_moment(self, caller: Caller, answered: Recommendation) -> None:
        path = f"/signals/{answered.portfolio.market.slug}/"
        SourcePoll.objects.all().delete()
        shown = caller.get(f"{path}?as_of={scene.DAY}").json()
        scores = Score.objects.filter(date=scene.DAY).select_related("sector")
        assert {row["sector"]: row["value"] for row in shown["scores"]} == {
            row.sector.slug: row.value for row in scores
        }
        assert shown["as_of"] == "2026-03-02T00:00:00Z"
        for when in ("2026-03-02T00:00:00Z", "2026-03-02T23:59:59Z", "2026-03-03T08:00:00%2B09:00"):
            assert caller.get(f"{path}?as_of={when}").json() == shown
        assert caller.get(f"{path}?as_of=2026-03-01T23:59:59Z").status_code == 404


class TestShapes:
    def test_amounts_are_strings_and_moments_utc(self, caller: Caller, portfolio: Portfolio, rotated: Rotation) -> None:
        amounts = exact_names(Fill, Rotation) | {
            "value_usd",
            "price_usd",
            "actual",
            "target",
            "drift",
            "band",
            "margin",
        }
        for path in (
            "/portfolios/",
            f"/portfolios/{portfolio.pk}/",
            f"/portfolios/{portfolio.pk}/holdings/",
            f"/portfolios/{portfolio.pk}/positions/",
            f"/fills/?portfolio={portfolio.pk}",
            f"/instruments/?portfolio={portfolio.pk}",
            "/rotations/",
            f"/rotations/{rotated.pk}/",
        ):
            for name, value in leaves(caller.get(path).json()):
                if value is not None and name in amounts:
                    assert isinstance(value, str), (path, name)
                    assert AMOUNT.fullmatch(value), (path, name, value)
                if value is not None and name.endswith(("_at", "as_of")):
                    assert MOMENT.fullmatch(value), (path, name, value)

    def test_a_signed_in_persons_zone_has_no_say(self, caller: Caller, alice: User, rotated: Rotation) -> None:
        plain = caller.get(f"/rotations/{rotated.pk}/").json()
        alice.time_zone = "Pacific/Kiritimati"
        alice.save()
        caller.client.force_login(alice)
        assert caller.get(f"/rotations/{rotated.pk}/").json() == plain
        assert plain["executed_at"] == "2026-01-11T12:00:00Z"

    @pytest.mark.parametrize("text", ["0", "-0.000000000000000001", "99999999999999999999.999999999999999999", "0.1"])
    def test_an_amount_goes_in_and_out_unchanged(self, text: str) -> None:
        field = ExactField()
        assert field.to_representation(field.run_validation(text)) == text

    def test_an_offset_is_read_and_utc_is_written(self, caller: Caller, portfolio: Portfolio) -> None:
        body = {
            "portfolio": portfolio.pk,
            "thesis": "x",
            "executed_at": "2026-01-11T21:00:00.25+09:00",
            "legs": [{"action": "SELL_SPOT", "instrument": "UNI", "quantity": "1", "price": "25"}],
        }
        assert caller.post("/rotations/", body).json()["executed_at"] == "2026-01-11T12:00:00.250000Z"
        assert Rotation.objects.get().executed_at == datetime(2026, 1, 11, 12, 0, 0, 250_000, tzinfo=UTC)

    def test_privacy_of_answers(self, caller: Caller) -> None:
        assert caller.get("/rotations/").headers["Cache-Control"] == "no-store"
        assert caller.get("/portfolios/").headers["Cache-Control"] == "private, no-cache"
        assert settings.REST_FRAMEWORK["DEFAULT_RENDERER_CLASSES"] == ["rest_framework.renderers.JSONRenderer"]
