"""Answer errors as problem details (RFC 9457), naming the field."""

from __future__ import annotations

from typing import Any

from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import exception_handler as standard_handler
from drf_standardized_errors.types import ErrorResponse
from rest_framework.response import Response

MEDIA_TYPE = "application/problem+json"


class ProblemFormatter(ExceptionFormatter):  # type: ignore[misc]
    """Give a problem's type, title, status, detail, instance, and one entry a faulty field."""

    def format_error_response(self, error_response: ErrorResponse) -> dict[str, Any]:
        """Return the problem object."""
        response = self.context["request"]
        errors = [{"attr": error.attr, "code": error.code, "detail": error.detail} for error in error_response.errors]
        first = error_response.errors[0]
        return {
            "type": f"urn:rotabook:problem:{first.code}",
            "title": str(error_response.type.value).replace("_", " "),
            "status": getattr(self.exc, "status_code", 500),
            "detail": first.detail if first.attr is None else f"{first.attr}: {first.detail}",
            "instance": response.path,
            "errors": errors,
        }


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Return the problem with its own media type."""
    response: Response | None = standard_handler(exc, context)
    if response is not None:
        response.content_type = MEDIA_TYPE
    return response
