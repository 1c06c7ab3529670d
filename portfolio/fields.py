"""Store amounts exactly on every database (DECISIONS: ExactDecimalField)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core import exceptions
from django.core.exceptions import FieldError
from django.db import models
from django.db.models.expressions import Col
from django.db.models.lookups import In, IsNull

from portfolio.domain.money import INTEGER_DIGITS, PLACES, AmountError, canonical, exact, parse_amount

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

    AnyField = models.Field[Any, Any]
else:
    AnyField = models.Field

SHORT = 19
"""Text of this length has neither more than 20 integer digits nor more than 18 places."""
ALLOWED_LOOKUPS = ("exact", "isnull", "in")


class ExactCol(Col):
    """A column that may be read and compared for equality, but not ordered: its text does not sort as a number."""

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        """Allow the lookups that resolve with the query alone; refuse ordering, which resolves with joins."""
        if len(args) <= 1 and not kwargs:
            return self
        raise FieldError(f"{self.target.name} is an exact amount: order and add amounts in Python, not in SQL.")


class ExactDecimalField(AnyField):
    """An amount of up to 20 integer digits and 18 places: canonical text on SQLite, NUMERIC(38,18) on PostgreSQL.

    Takes `Decimal`, `int` or a plain decimal string; a float, NaN or infinity is refused. Allows the lookups exact, in
    and isnull; every other lookup, ordering, aggregate or F() arithmetic raises `FieldError`, on both databases alike.
    """

    description = "Exact decimal amount"
    empty_strings_allowed = False

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """Return the column type."""
        return "numeric(38, 18)" if connection.vendor == "postgresql" else "text"

    def get_internal_type(self) -> str:
        """Keep Django's own decimal converters away."""
        return "ExactDecimalField"

    def to_python(self, value: Any) -> Decimal | None:
        """Return the exact amount, or raise a ValidationError that says what is wrong."""
        if value is None:
            return None
        try:
            return parse_amount(value) if isinstance(value, str) else exact(value)
        except (AmountError, TypeError) as error:
            raise exceptions.ValidationError(f"{value!r} is not an exact amount: {error}") from error

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Decimal | None:
        """Return the stored amount; refuse what SQL computed."""
        if not isinstance(expression, Col):
            raise FieldError("Amounts are computed in Python: aggregates and expressions over them are not exact.")
        return None if value is None else Decimal(value)

    def get_prep_value(self, value: Any) -> Decimal | None:
        """Return the amount to be stored."""
        return self.to_python(super().get_prep_value(value))

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        """Return canonical text for SQLite, a Decimal for PostgreSQL."""
        amount = value if prepared else self.get_prep_value(value)
        if amount is None or connection.vendor == "postgresql":
            return amount
        return canonical(amount)

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        """Return what the column stores."""
        return self.get_db_prep_value(value, connection) if connection.vendor == "postgresql" else self.as_text(value)

    def as_text(self, value: Any) -> str | None:
        """Return SQLite's canonical text; a short amount without an exponent is in its digits already."""
        if type(value) is Decimal:
            text = str(value)
            if "E" not in text and (len(text) <= SHORT or _fits(text)):
                last = text[-1]
                if "0" < last <= "9":
                    return text
                if last == "0":
                    text = text.rstrip("0").rstrip(".") if "." in text else text
                    return "0" if text == "-0" else text
        amount = self.get_prep_value(value)
        return None if amount is None else canonical(amount)

    def as_texts(self, values: Sequence[Any]) -> list[str | None]:
        """Return the canonical texts of a column; an amount that many rows share is written out once."""
        keys = list(map(id, values))
        distinct = dict(zip(keys, values, strict=True))
        if len(distinct) * 2 > len(values):
            return list(map(self.as_text, values))
        texts = {key: self.as_text(value) for key, value in distinct.items()}
        return [texts[key] for key in keys]

    def get_lookup(self, lookup_name: str) -> Any:
        """Return a lookup that is exact on text, or refuse."""
        if lookup_name not in ALLOWED_LOOKUPS:
            raise FieldError(f"{self.name} is an exact amount: {lookup_name!r} would compare text; compare in Python.")
        return {"exact": models.lookups.Exact, "isnull": IsNull, "in": In}[lookup_name]

    def get_col(self, alias: str, output_field: Any = None) -> Col:
        """Return a column that cannot be ordered."""
        return ExactCol(alias, self, output_field or self)

    def formfield(self, **kwargs: Any) -> Any:
        """Return no default form field: forms parse amounts at their edge."""
        return None

    def value_to_string(self, obj: models.Model) -> str:
        """Serialise canonically."""
        value = self.value_from_object(obj)
        return "" if value is None else canonical(value)


def _fits(text: str) -> bool:
    """Tell whether plain digits have neither more than 20 before the point nor more than 18 after it."""
    whole, _, places = text.partition(".")
    return len(whole) <= INTEGER_DIGITS and len(places) <= PLACES and text[-1] <= "9"


class PositiveAmount(models.CheckConstraint):
    """Hold one amount column above zero, or at least zero, in shape and sign; NaN never passes."""

    def __init__(self, *, field: str, name: str, is_zero_allowed: bool = False) -> None:
        """Remember which column, and whether zero is allowed."""
        self.field, self.is_zero_allowed = field, is_zero_allowed
        super().__init__(condition=models.Q(**{f"{field}__isnull": False}), name=name)

    def _get_check_sql(self, model: type[models.Model], schema_editor: Any) -> str:
        """Return the check in the database's own words."""
        column = schema_editor.quote_name(model._meta.get_field(self.field).column)  # type: ignore[union-attr]
        if schema_editor.connection.vendor == "postgresql":
            sign = ">=" if self.is_zero_allowed else ">"
            return f"{column} {sign} 0 AND {column} <> 'NaN'"
        shape = f"{column} NOT GLOB '*[^0-9.]*' AND {column} GLOB '[0-9]*'"
        return shape if self.is_zero_allowed else f"{shape} AND {column} <> '0'"

    def validate(self, model: Any, instance: Any, exclude: Any = None, using: str = "default") -> None:
        """Leave the explanation to the service: the database holds the line."""

    def deconstruct(self) -> Any:
        """Describe the constraint for migrations."""
        return (
            "portfolio.fields.PositiveAmount",
            (),
            {"field": self.field, "name": self.name, "is_zero_allowed": self.is_zero_allowed},
        )

    def __eq__(self, other: object) -> bool:
        """Compare by what is held."""
        return isinstance(other, PositiveAmount) and self.deconstruct() == other.deconstruct()

    __hash__ = models.CheckConstraint.__hash__
