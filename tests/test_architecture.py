"""Hold the house in shape: sizes, names, one-way imports, routes that are all named, licences that suit."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from statistics import median, quantiles

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

ROOT = Path(__file__).resolve().parent.parent
APPS = ("config", "accounts", "jobs", "portfolio", "signals", "journal")
RESERVED = {"utils", "helpers", "constants", "managers", "signals"}


def sources() -> list[Path]:
    """Return the modules of the product."""
    return [path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return every function of a module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


class TestSizes:
    def test_files_stay_under_400_lines(self) -> None:
        assert [path.name for path in sources() if path.read_text().count("\n") > 400] == []

    def test_functions_stay_short(self) -> None:
        spans = [(f.end_lineno or 0) - f.lineno + 1 for path in sources() for f in functions(path)]
        assert max(spans) <= 60
        assert quantiles(spans, n=10)[8] <= 25
        assert median(spans) <= 8

    def test_names_say_what_is_inside(self) -> None:
        assert [path for path in sources() if path.stem in RESERVED] == []


class TestImports:
    @pytest.fixture
    def copy(self, tmp_path: Path) -> Path:
        """A copy of the project's code that may be broken."""
        for app in APPS:
            shutil.copytree(
                ROOT / app, tmp_path / app, ignore=shutil.ignore_patterns("static", "templates", "__pycache__")
            )
        shutil.copy(ROOT / "pyproject.toml", tmp_path)
        return tmp_path

    @pytest.mark.parametrize(
        ("module", "line"),
        [
            ("portfolio/models/market.py", "import journal.models"),
            ("portfolio/domain/money.py", "import django"),
            ("signals/models/market.py", "import signals.services"),
        ],
    )
    def test_a_forbidden_import_breaks_its_contract(self, copy: Path, module: str, line: str) -> None:
        path = copy / module
        path.write_text(f"{path.read_text()}\n{line}\n")
        words = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
        result = subprocess.run(words, cwd=copy, capture_output=True, text=True, check=False)
        assert result.returncode == 1, result.stdout
        assert "BROKEN" in result.stdout

    def test_the_domain_imports_the_standard_library_numpy_and_itself_only(self) -> None:
        allowed = sys.stdlib_module_names | {"numpy", "pyxirr"}
        strangers = [
            f"{path.relative_to(ROOT)}: {name}"
            for path in sources()
            if "domain" in path.parts
            for name in imported(path)
            if name.split(".")[0] not in allowed and ".domain" not in name
        ]
        assert strangers == []

    def test_imports_stand_at_the_top_but_for_the_slow_one(self) -> None:
        inside = {
            str(path.relative_to(ROOT))
            for path in sources()
            for f in functions(path)
            if any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(f))
        }
        assert inside <= {"portfolio/charts/drawing.py", "signals/sources/live/venues/gateway.py"}


def imported(path: Path) -> Iterator[str]:
    """Return the names of the modules that a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def routes(resolver: URLResolver) -> Iterator[URLPattern]:
    """Return every route of ours."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from routes(entry)
        else:
            yield entry


class TestRoutes:
    def test_every_route_of_ours_is_named(self) -> None:
        ours = [
            route for route in routes(get_resolver()) if getattr(route.callback, "__module__", "").split(".")[0] in APPS
        ]
        assert ours
        assert [str(route.pattern) for route in ours if not route.name] == []


class TestLicences:
    ALLOWED = re.compile(
        r"\b(MIT|BSD|Apache|PSF|Python Software Foundation|ISC|MPL|LGPL|Unlicense|Zlib|0BSD|Public Domain)",
        re.IGNORECASE,
    )
    FORBIDDEN = re.compile(r"AGPL|Affero|Commons Clause|SSPL|BUSL", re.IGNORECASE)

    def test_runtime_dependencies_suit_us(self) -> None:
        lock = (ROOT / "requirements.lock").read_text()
        names = re.findall(r"^([a-z0-9][a-z0-9._-]*)==[^\s;]+(?: ; (.*?))? ?\\?$", lock, re.MULTILINE)
        assert len(names) > 20
        for name, marker in names:
            if ("win32'" in marker and "!=" not in marker) or ("python_full_version" in marker and "<" not in marker):
                continue
            try:
                data = distribution(name).metadata
            except Exception:  # noqa: BLE001 - a marker left it out on this machine
                assert marker, name
                continue
            words = " ".join(
                [data.get("License-Expression") or "", data.get("License") or "", *data.get_all("Classifier", [])]
            )
            assert self.ALLOWED.search(words), f"{name}: {words[:200]}"
            assert not self.FORBIDDEN.search(words), name

    def test_lock_files_carry_hashes_and_no_address(self) -> None:
        for name in ("requirements.lock", "requirements-dev.lock"):
            text = (ROOT / name).read_text()
            assert "--hash=sha256:" in text
            assert "://" not in text
