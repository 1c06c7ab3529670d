"""Serve the bundle that makes a chart interactive, to those who ask for it."""

from __future__ import annotations

from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.http import require_safe

from portfolio.charts.bundle import ENCODINGS, bundle_file, bundle_name

FOR_EVER = "public, max-age=31536000, immutable"


@require_safe
def bundle(request: HttpRequest, name: str) -> FileResponse:
    """Answer the bundle of this version, compressed where the browser can read it."""
    if name != bundle_name():
        raise Http404
    accepted = request.headers.get("Accept-Encoding", "")
    encoding = next((each for each in ENCODINGS if each in accepted), "")
    response = FileResponse(bundle_file(encoding).open("rb"), content_type="text/javascript; charset=utf-8")
    response.headers["Cache-Control"] = FOR_EVER
    response.headers["Vary"] = "Accept-Encoding"
    if encoding:
        response.headers["Content-Encoding"] = encoding
    return response
