"""Narrow lists strictly: a parameter that is unknown, empty, doubled or malformed is named, never ignored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from django import forms
from django.db.models import Model
from django_filters import MultipleChoiceFilter
from django_filters import rest_framework as filters
from rest_framework import serializers, viewsets
from rest_framework.request import Request

from portfolio.api.access import number
from portfolio.api.fields import UtcField

PAGE = frozenset({"cursor", "page_size"})
EVERYWHERE = frozenset({"format"})

AnyModel_co = TypeVar("AnyModel_co", bound=Model, covariant=True)


class _MomentField(forms.Field):
    """A moment with its offset."""

    def to_python(self, value: Any) -> Any:
        """Parse like a body's moment."""
        if value in self.empty_values:
            return None
        try:
            return UtcField().to_internal_value(value)
        except serializers.ValidationError as error:
            raise forms.ValidationError(str(UtcField.default_error_messages["offset"]), "offset") from error


class _IdField(forms.Field):
    """An id in plain digits."""

    def to_python(self, value: Any) -> Any:
        """Parse strictly."""
        if value in self.empty_values:
            return None
        if not number(value):
            raise forms.ValidationError("Give an id in plain digits.", "invalid")
        return number(value)


class MomentFilter(filters.Filter):  # type: ignore[misc]
    """Compare a moment."""

    field_class = _MomentField


class IdFilter(filters.Filter):  # type: ignore[misc]
    """Compare an id."""

    field_class = _IdField


class StrictViewSet(viewsets.GenericViewSet[AnyModel_co]):
    """Refuse query parameters that the action does not know; `parameters` names those besides filters and pages."""

    parameters: ClassVar[Mapping[str, frozenset[str]]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the parameters once the person is known."""
        super().initial(request, *args, **kwargs)
        refuse_stray(request, known=self._known(), many=self._many())

    def _known(self) -> frozenset[str]:
        """Return the parameters of this action."""
        own = EVERYWHERE | self.parameters.get(self.action or "", frozenset())
        return own | PAGE | set(self._filters()) if self.action == "list" else own

    def _many(self) -> frozenset[str]:
        """Return the parameters that may stand more than once."""
        return frozenset(name for name, each in self._filters().items() if isinstance(each, MultipleChoiceFilter))

    def _filters(self) -> Mapping[str, Any]:
        """Return the filters of the list."""
        found: Mapping[str, Any] = getattr(getattr(self, "filterset_class", None), "base_filters", {})
        return found


def refuse_stray(request: Request, *, known: frozenset[str], many: frozenset[str] = frozenset()) -> None:
    """Name each parameter that is unknown, empty, or stands twice."""
    faults: dict[str, list[str]] = {}
    for name, values in request.query_params.lists():
        if name not in known:
            faults[name[:100]] = ["This parameter is not known here."]
        elif "" in values:
            faults[name] = ["Give a value, or leave the parameter out."]
        elif len(values) > 1 and name not in many:
            faults[name] = ["Give this parameter once."]
    if faults:
        raise serializers.ValidationError(faults)
