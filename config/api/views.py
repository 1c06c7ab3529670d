"""Answer for addresses under /api/v1/ that lead nowhere."""

from __future__ import annotations

from typing import Any

from django.urls import Resolver404, resolve
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

PERMANENT_REDIRECT = 308


class NoSuchRoute(APIView):
    """Send a forgotten last slash on its way, method and body kept; else say that there is nothing here."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    schema = None

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Answer every method alike."""
        path = f"{request.path}/"
        if request.path.endswith("/") or _leads_nowhere(path):
            raise NotFound("There is nothing at this address. /api/v1/docs/ lists what there is.")
        query = request.META.get("QUERY_STRING", "")
        return Response(status=PERMANENT_REDIRECT, headers={"Location": f"{path}?{query}" if query else path})

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Answer OPTIONS alike."""
        return self.http_method_not_allowed(request)


def _leads_nowhere(path: str) -> bool:
    """Return whether no route but this one answers a path."""
    try:
        view = resolve(path).func
    except Resolver404:
        return True
    return getattr(view, "cls", None) is NoSuchRoute
