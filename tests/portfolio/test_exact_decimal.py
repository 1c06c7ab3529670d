"""An amount comes back from the database as it went in, and SQL may not compute with it."""

from decimal import Decimal

import pytest
from django.core.exceptions import FieldError, ValidationError
from django.db import connection
from django.db.models import F, Max, Sum
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from portfolio.models import Asset, Instrument, Venue

AMOUNTS = st.decimals(
    min_value=Decimal("1E-18"), max_value=Decimal(10) ** 20 - 1, places=18, allow_nan=False, allow_infinity=False
)


class TestRoundTrip(TestCase):
    """Nothing is lost between Python and the database."""

    @settings(max_examples=200, deadline=None)
    @given(amount=AMOUNTS)
    def test_value_read_equals_value_written(self, amount: Decimal) -> None:
        venue, _ = Venue.objects.get_or_create(slug="v", name="V")
        asset, _ = Asset.objects.get_or_create(symbol="AAA", name="A")
        Instrument.objects.all().delete()
        Instrument.objects.create(venue=venue, asset=asset, lot_step=amount)
        assert Instrument.objects.get().lot_step == amount
        assert Instrument.objects.filter(lot_step=amount).exists()


@pytest.mark.django_db
class TestRefusals:
    """What SQL would do in text or in float is refused on every database."""

    @pytest.mark.parametrize("lookup", ["gt", "gte", "lt", "lte", "range", "contains"])
    def test_ordering_lookups_are_refused(self, lookup: str) -> None:
        with pytest.raises(FieldError):
            list(Instrument.objects.filter(**{f"lot_step__{lookup}": Decimal(1)}))

    def test_order_by_is_refused(self) -> None:
        with pytest.raises(FieldError):
            list(Instrument.objects.order_by("lot_step"))

    @pytest.mark.parametrize("aggregate", [Sum, Max])
    def test_aggregates_are_refused(self, aggregate: type) -> None:
        with pytest.raises(FieldError):
            Instrument.objects.aggregate(x=aggregate("lot_step"))

    def test_arithmetic_is_refused(self) -> None:
        with pytest.raises(FieldError):
            list(Instrument.objects.annotate(x=F("lot_step") + F("min_notional_usd")))

    @pytest.mark.parametrize("value", [0.1, "NaN", "Infinity", "1e1000000", Decimal(10) ** 20, "1_000", True])
    def test_what_is_not_exact_is_refused(self, value: object) -> None:
        field = Instrument._meta.get_field("lot_step")
        with pytest.raises(ValidationError):
            field.get_prep_value(value)

    @pytest.mark.parametrize("text", ["-1", "0", "NaN", "abc", "1e5"])
    def test_the_database_holds_shape_and_sign(self, text: str) -> None:
        from django.db import DataError, IntegrityError, transaction

        venue = Venue.objects.create(slug="v", name="V")
        asset = Asset.objects.create(symbol="AAA", name="A")
        item = Instrument.objects.create(venue=venue, asset=asset, lot_step=1)
        if connection.vendor == "postgresql" and text in {"abc", "1e5"}:
            return
        with pytest.raises((IntegrityError, DataError)), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE portfolio_instrument SET lot_step = %s WHERE id = %s", [text, item.pk])
