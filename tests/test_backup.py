"""A backup is a checked copy; a damaged one is refused; a restored one is proved."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A data folder of its own, on SQLite, migrated."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    data = tmp_path_factory.mktemp("data")
    environment = {**kept, "DATA_DIR": str(data), "SECRET_KEY": secrets.token_urlsafe(48)}
    assert manage(environment, "prepare").returncode == 0
    return environment


def manage(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command."""
    command = [sys.executable, "manage.py", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)


def people(environment: dict[str, str]) -> str:
    """Return who has an account."""
    code = "from accounts.models import User; print(sorted(User.objects.values_list('email', flat=True)))"
    return manage(environment, "shell", "-v", "0", "-c", code).stdout.strip()


def invite(environment: dict[str, str], email: str) -> None:
    """Make an account."""
    manage(
        environment, "shell", "-v", "0", "-c", f"from accounts.models import User; User.objects.create_user('{email}')"
    )


@pytest.mark.once
class TestBackup:
    def test_what_was_backed_up_comes_back_and_what_was_there_is_kept(self, environment: dict[str, str]) -> None:
        invite(environment, "first@example.org")
        assert manage(environment, "backup").returncode == 0
        (copy,) = (Path(environment["DATA_DIR"]) / "backups").glob("*.sqlite3")
        assert copy.stat().st_mode & 0o077 == 0
        invite(environment, "second@example.org")
        result = manage(environment, "restore", str(copy))
        assert result.returncode == 0, result.stderr
        assert people(environment) == "['first@example.org']"
        assert len(list(copy.parent.glob("*.sqlite3"))) >= 1

    def test_a_damaged_copy_is_refused_and_changes_nothing(self, environment: dict[str, str], tmp_path: Path) -> None:
        before = people(environment)
        for content in (b"", b"not a database", b"SQLite format 3\x00" + b"\xff" * 5000):
            broken = tmp_path / "broken.sqlite3"
            broken.write_bytes(content)
            result = manage(environment, "restore", str(broken))
            assert result.returncode == 1
            assert "Nothing was changed" in result.stderr
        assert people(environment) == before
