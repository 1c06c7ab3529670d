"""Keep the interactive chart bundle as a file: written once from the installed wheel, served for ever."""

from __future__ import annotations

import gzip
import os
import tempfile
from importlib.metadata import version
from pathlib import Path

import brotli
from django.conf import settings

from portfolio.charts.drawing import VEGA_LITE, explorer_script

ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""Encodings that are kept beside the plain file, the smallest first."""


def bundle_name() -> str:
    """Return a name that changes with what is inside: the wheel's version and that of Vega-Lite."""
    return f"explore-{version('vl-convert-python')}-{VEGA_LITE}.js"


def bundle_file(encoding: str = "") -> Path:
    """Return the bundle's file, plain or in an encoding of ENCODINGS, and write it on first use (about 2 s)."""
    plain = Path(settings.DATA_DIR) / "charts" / bundle_name()
    wanted = plain.with_name(plain.name + ENCODINGS.get(encoding, ""))
    if not wanted.is_file():
        _write_all(plain)
    return wanted


def _write_all(plain: Path) -> None:
    script = explorer_script().encode()
    plain.parent.mkdir(parents=True, exist_ok=True)
    _write(plain.with_name(plain.name + ".br"), brotli.compress(script, quality=9))
    _write(plain.with_name(plain.name + ".gz"), gzip.compress(script, 9))
    _write(plain, script)


def _write(path: Path, content: bytes) -> None:
    """Write beside the name and move into place, so that nobody reads half a file."""
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)
