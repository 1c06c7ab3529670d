"""Carry amounts as strings both ways, moments in UTC, and refuse what a serializer does not know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from portfolio.domain.money import AmountError, canonical, exact, parse_amount
from portfolio.fields import ExactDecimalField

PATTERN = r"^-?[0-9]{1,20}(\.[0-9]{1,18})?$"
LARGEST_ID = 2**63 - 1
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
)


@extend_schema_field({"type": "string", "pattern": PATTERN, "example": "1234.56"})
class ExactField(serializers.Field[Any, Any, Any, Any]):
    """An amount as plain decimal text; a JSON number is refused, as readers lose its digits (RELIABILITY 0.3)."""

    default_error_messages = {
        "number": 'Send the amount as a string, such as "1234.56": a JSON number loses digits.',
        "sign": "The amount must not be negative.",
        "zero": "The amount must be greater than zero.",
    }

    def __init__(self, *, positive: bool = False, allow_zero: bool = True, **kwargs: Any) -> None:
        """Remember which signs are allowed."""
        self.positive, self.allow_zero = positive, allow_zero
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Decimal:
        """Parse strictly."""
        if not isinstance(data, str):
            self.fail("number")
        try:
            amount = parse_amount(data)
        except AmountError as error:
            raise serializers.ValidationError(str(error), code="amount") from error
        if self.positive and amount < 0:
            self.fail("sign")
        if not self.allow_zero and not amount:
            self.fail("zero")
        return amount

    def to_representation(self, value: Any) -> str:
        """Write canonically."""
        return canonical(exact(value))


class UtcField(serializers.DateTimeField):
    """A moment: written in UTC with a Z whoever asks, read only with its offset."""

    default_error_messages = {"offset": "Write the moment with its offset, such as 2026-11-20T12:00:00Z."}

    def to_internal_value(self, value: Any) -> datetime:
        """Parse strictly."""
        if not isinstance(value, str) or not _MOMENT.fullmatch(value):
            self.fail("offset")
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail("offset")

    def to_representation(self, value: Any) -> str:
        """Write in UTC: the zone a signed-in person reads pages in has no say here."""
        text: str = value.astimezone(UTC).isoformat()
        return text.replace("+00:00", "Z")


class TextField(serializers.CharField):
    """Text; a number is not taken for one."""

    def to_internal_value(self, data: Any) -> str:
        """Refuse what is no string."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class IdField(serializers.IntegerField):
    """An id, as a whole JSON number."""

    def __init__(self, **kwargs: Any) -> None:
        """Bound it to what a column holds."""
        super().__init__(**{"min_value": 1, "max_value": LARGEST_ID, **kwargs})

    def to_internal_value(self, data: Any) -> int:
        """Refuse text, fractions and truth values."""
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


class ProbabilityField(serializers.FloatField):
    """A probability strictly between 0 and 1, as a JSON number."""

    def to_internal_value(self, data: Any) -> float:
        """Refuse what is no number, and certainty."""
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        value = super().to_internal_value(data)
        if not 0 < value < 1:
            raise serializers.ValidationError("Give a probability between 0 and 1, such as 0.6.", code="probability")
        return value


class Strict(serializers.Serializer[Any]):
    """Refuse fields that are not known, so that a misspelt one is not lost."""

    def to_internal_value(self, data: Any) -> Any:
        """Name each unknown field."""
        if isinstance(data, Mapping):
            unknown = sorted(str(name) for name in set(data) - set(self.fields))
            if unknown:
                raise serializers.ValidationError(
                    {name[:100]: [ErrorDetail("This field is not known here.", "unknown")] for name in unknown}
                )
        return super().to_internal_value(data)


class ExactModelSerializer(serializers.ModelSerializer[Any]):
    """A model's columns, to be read only: exact amounts as strings, moments in UTC."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        ExactDecimalField: ExactField,
        models.DateTimeField: UtcField,
    }

    def include_extra_kwargs(self, kwargs: Any, extra_kwargs: Any) -> Any:
        """Make every column read-only, so that no database's bounds show in the schema; writing needs a `Strict`."""
        return super().include_extra_kwargs(kwargs, {**extra_kwargs, "read_only": True})
