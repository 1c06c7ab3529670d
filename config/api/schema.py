"""Describe the API: every operation with its answers and the problems it may answer instead."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS

from config.api.authentication import scope_of
from config.api.errors import MEDIA_TYPE

PROBLEMS = {
    "400": "The request is not valid; `errors` names each field.",
    "401": "No token, or one that is unknown, revoked or expired.",
    "403": "The token lacks the scope of this route.",
    "404": "There is no such thing of yours.",
    "406": "Only JSON is answered.",
    "409": "What is asked for no longer fits what there is.",
    "412": "It changed since you read it.",
    "413": "The body is too large.",
    "415": "Only JSON is read.",
    "422": "The Idempotency-Key was used with another request.",
    "429": "Too many requests; `Retry-After` says when to go on.",
    "503": "Busy; nothing was changed. `Retry-After` says when to try again.",
}
READING = ("400", "401", "403", "404", "406", "429", "503")


class FaultSerializer(serializers.Serializer[Any]):
    """One fault: which field, what kind, and what to do."""

    attr = serializers.CharField(allow_null=True, help_text="Path of the field, such as `legs.0.quantity`.")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """Problem details (RFC 9457)."""

    type = serializers.CharField(help_text="Such as `urn:rotabook:problem:invalid-input`.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    errors = FaultSerializer(many=True)  # type: ignore[assignment]  # DRF's own `errors` is never asked for here


class ProblemSchema(AutoSchema):
    """Add to each operation the problems it may answer."""

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        """Return the described answers and the problems beside them."""
        bodies = super()._get_response_bodies(direction=direction)
        codes = READING if self.method in SAFE_METHODS else PROBLEMS
        for code in codes:
            bodies.setdefault(code, self._problem(code))
        return bodies

    def _problem(self, code: str) -> Any:
        """Describe one problem."""
        found = self._get_response_for_code(ProblemSerializer, code, media_types=[MEDIA_TYPE])  # type: ignore[no-untyped-call]
        return {**found, "description": self._lacking() if code == "403" else PROBLEMS[code]}

    def _lacking(self) -> str:
        """Name the scope that the token must have."""
        return f"The token lacks the scope `{scope_of(self.view, self.method)}`."
