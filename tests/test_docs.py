"""What is written down is true: settings, commands, words, links between documents."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from django.conf import settings
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parent.parent


def documents() -> list[Path]:
    """Return every document."""
    return [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


class TestSettings:
    def test_the_example_lists_every_variable_in_the_same_order(self) -> None:
        read = re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "config/settings.py").read_text())
        listed = re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
        assert list(dict.fromkeys(read)) == listed

    def test_no_periodic_job_lacks_its_task(self) -> None:
        names = set()
        for app in ("jobs", "portfolio", "signals", "journal"):
            names |= set(re.findall(r'(?:job_task\(|name=)"([a-z_.]+)"', (ROOT / app / "tasks.py").read_text()))
        assert set(settings.PERIODIC_JOBS) <= names
        assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= names

    def test_hard_limit_is_well_below_the_visibility_timeout(self) -> None:
        assert settings.CELERY_TASK_TIME_LIMIT < settings.VISIBILITY_TIMEOUT / 2


class TestDocuments:
    def test_every_file_that_is_named_exists(self) -> None:
        missing = []
        for document in documents():
            named = re.findall(
                r"`?((?:docs|tests|config|benchmarks)/[\w./-]+\.(?:py|md|yaml|sh|png|css|js))`?", document.read_text()
            )
            missing += [f"{document.name}: {name}" for name in named if not (ROOT / name).exists()]
        assert missing == []

    def test_every_command_that_is_named_exists(self) -> None:
        known = set(get_commands())
        named = {name for document in documents() for name in re.findall(r"manage\.py ([a-z_]+)", document.read_text())}
        assert named <= known

    def test_every_make_target_that_is_named_exists(self) -> None:
        targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        named = {name for document in documents() for name in re.findall(r"`make ([a-z]+)", document.read_text())}
        assert named <= targets


class TestTree:
    FORBIDDEN = re.compile(
        r"https?://[^/\s\"']*(pypi|pythonhosted|npmjs|deb\.debian)[^/\s\"']*|(?<![\w.])/(home|Users|mnt)/\w|https?://(cdn\.|unpkg)"
    )

    def test_nothing_names_a_registry_or_a_machine(self) -> None:
        names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
        found = []
        for name in names:
            path = ROOT / name
            if (
                path.suffix in {".py", ".md", ".toml", ".yml", ".yaml", ".lock", ".html", ".css", ".js", ".sh", ""}
                and path.is_file()
            ):
                found += [f"{name}: {match[0]}" for match in self.FORBIDDEN.finditer(path.read_text(errors="replace"))]
        assert [line for line in found if not line.startswith("tests/test_docs.py")] == []
