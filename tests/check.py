"""Run every linter and type check; prints what each says, exits 1 if any has something to say."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent


def main() -> int:
    """Run all checks, even after one failed."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "SECRET_KEY": secrets.token_urlsafe(50)}
    failed = [name for name, words in _checks().items() if not _passes(name, words, environment)]
    print("all checks pass" if not failed else f"failed: {', '.join(failed)}")
    return bool(failed)


def _checks() -> dict[str, list[str]]:
    """Return each check's command."""
    python, manage = sys.executable, [sys.executable, "manage.py"]
    templates = subprocess.run(["git", "ls-files", "*.html"], capture_output=True, text=True, check=True).stdout.split()
    return {
        "ruff": [str(BIN / "ruff"), "check", "."],
        "format": [str(BIN / "ruff"), "format", "--check", "."],
        "imports": [str(BIN / "lint-imports")],
        "types": [python, "-m", "mypy"],
        "templates": [str(BIN / "djlint"), "--lint", "--quiet", *templates],
        "migrations": [*manage, "makemigrations", "--check", "--dry-run"],
        "deploy": [*manage, "check", "--deploy", "--fail-level", "WARNING"],
        "schema": [*manage, "spectacular", "--validate", "--fail-on-warn", "--file", os.devnull],
    }


def _passes(name: str, words: list[str], environment: dict[str, str]) -> bool:
    """Run one check; its words are shown only if it fails."""
    extra = {"HTTPS": "1", "ALLOWED_HOSTS": "rotabook.example"} if name == "deploy" else {}
    result = subprocess.run(words, env={**environment, **extra}, capture_output=True, text=True, check=False)
    print(f"{name}: {'ok' if result.returncode == 0 else 'FAILED'}", flush=True)
    if result.returncode:
        print(result.stdout[-12000:], result.stderr[-4000:], sep="\n", flush=True)
    return result.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
