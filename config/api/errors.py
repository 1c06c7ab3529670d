"""Answer errors as problem details (RFC 9457), naming the field."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.db import OperationalError
from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import ExceptionHandler
from drf_standardized_errors.types import Error, ErrorResponse, ExceptionHandlerContext
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.settings import api_settings

MEDIA_TYPE = "application/problem+json"


class ServiceUnavailable(APIException):
    """The database is busy or away; nothing was changed."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_detail = "Rotabook is busy. Nothing was changed; try again in a few seconds."
    default_code = "unavailable"
    wait = 5


class ProblemHandler(ExceptionHandler):
    """Turn every exception into an answer; a busy database is a 503 that says when to come back."""

    def convert_unhandled_exceptions(self, exc: Exception) -> APIException:
        """Return the exception to answer with."""
        if isinstance(exc, OperationalError):
            return ServiceUnavailable()
        converted: APIException = super().convert_unhandled_exceptions(exc)
        return converted


class ProblemFormatter(ExceptionFormatter):
    """Give a problem's type, title, status, detail, instance, and one entry a faulty field."""

    def format_error_response(self, error_response: ErrorResponse) -> dict[str, Any]:
        """Return the problem object."""
        errors = [_entry(error) for error in error_response.errors]
        request = self.context["request"]
        return {
            "type": f"urn:rotabook:problem:{self._kind(error_response)}",
            "title": HTTPStatus(self.exc.status_code).phrase,
            "status": int(self.exc.status_code),
            "detail": _sentence(errors),
            "instance": "" if request is None else request.path,
            "errors": errors,
        }

    def _kind(self, error_response: ErrorResponse) -> str:
        """Name the problem: one name for every invalid input, else the error's own code."""
        if error_response.type == "validation_error":
            return "invalid-input"
        return str(error_response.errors[0].code).replace("_", "-")


def _entry(error: Error) -> dict[str, str | None]:
    """Return one fault; what concerns no single field has no `attr`."""
    name = api_settings.NON_FIELD_ERRORS_KEY
    attr = None if error.attr in (None, name) else str(error.attr).removesuffix(f".{name}")
    return {"attr": attr, "code": str(error.code), "detail": str(error.detail)}


def _sentence(errors: list[dict[str, str | None]]) -> str:
    """Say the first fault in one sentence, naming its field."""
    first = errors[0]
    return str(first["detail"]) if first["attr"] is None else f"{first['attr']}: {first['detail']}"


def exception_handler(exc: Exception, context: ExceptionHandlerContext) -> Response | None:
    """Return the problem with its own media type."""
    response: Response | None = ProblemHandler(exc, context).run()
    if response is not None:
        response.content_type = MEDIA_TYPE
    return response
