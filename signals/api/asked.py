"""Read what a request about a market names: the market, the moment, a span of time, a sector."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, TypeVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request

from portfolio.api.fields import UtcField
from portfolio.models import Market, Sector
from signals.forms.as_of import NotAMomentError, asked_moment

Value = TypeVar("Value")

LONGEST = 60

AS_OF = OpenApiParameter(
    "as_of",
    str,
    description="A day (its close is meant) or a moment with its offset; else now. Nothing known later counts.",
)


def parameter(name: str, description: str, kind: Any = str) -> OpenApiParameter:
    """Describe a parameter."""
    return OpenApiParameter(name, kind, description=description)


def market_of(slug: str) -> Market:
    """Return a market by its slug. Raises NotFound."""
    found = Market.objects.filter(slug=slug).first()
    if found is None:
        raise NotFound("There is no such market.")
    return found


def asked_as_of(request: Request) -> datetime | None:
    """Read `as_of`, None where it is left out."""
    try:
        return read(request, "as_of", asked_moment)
    except NotAMomentError as error:
        raise ValidationError({"as_of": [str(error)]}) from error


def moment_of(request: Request, market: Market) -> datetime:
    """Return the moment a market is looked at: its present, or the earlier one that was asked for."""
    asked, present = asked_as_of(request), market.clock(timezone.now())
    return present if asked is None else min(asked, present)


def asked_day(request: Request, name: str) -> date | None:
    """Read a day."""
    try:
        return read(request, name, date.fromisoformat)
    except ValueError as error:
        raise ValidationError({name: ["Write a day as YYYY-MM-DD."]}) from error


def asked_time(request: Request, name: str) -> datetime | None:
    """Read a moment with its offset."""
    try:
        return read(request, name, UtcField().to_internal_value)
    except ValidationError as error:
        raise ValidationError({name: error.detail}) from error


def asked_text(request: Request, name: str) -> str | None:
    """Read a word, None where it is left out."""
    text = request.query_params.get(name)
    if text is not None and ("\x00" in text or len(text) > LONGEST):
        raise ValidationError({name: [f"Give a word of at most {LONGEST} characters."]})
    return text


def asked_choice(request: Request, name: str, choices: Any) -> str:
    """Read one of some words, empty where it is left out."""
    text: str = request.query_params.get(name, "")
    if text and text not in choices:
        raise ValidationError({name: ["Choose one of: " + ", ".join(sorted(choices)) + "."]})
    return text


def asked_narrative(request: Request) -> Sector | None:
    """Read a narrative by its slug, None where it is left out."""
    text = request.query_params.get("sector")
    if text is None:
        return None
    narratives = {sector.slug: sector for sector in Sector.objects.filter(kind=Sector.Kind.NARRATIVE)}
    return narratives[asked_choice(request, "sector", narratives)]


def read(request: Request, name: str, parse: Callable[[str], Value]) -> Value | None:
    """Parse a parameter, None where it is left out."""
    text = request.query_params.get(name)
    return None if text is None else parse(text)
