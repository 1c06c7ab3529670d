"""Run every test on SQLite, then those that touch the database on PostgreSQL too; words are handed to pytest."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.servers import find, postgresql, redis_server

IS_CI = os.environ.get("CI") == "true"


def main(words: list[str]) -> int:
    """Run both passes; the worse exit code counts."""
    chosen = words or ["-n", "2", "--dist", "loadgroup"]
    missing = [what for what, program in _needs().items() if not find(program)]
    for what in missing:
        print(f"{what} was not found: its tests are reported as skipped.", flush=True)
    if missing and IS_CI:
        print("In CI nothing may be skipped.", file=sys.stderr)
        return 1
    with redis_server() as redis_url:
        environment = {**os.environ, "TEST_REDIS_URL": redis_url or ""}
        print("== SQLite", flush=True)
        follows = "1" if find("initdb") else ""
        first = _pytest(chosen, {**environment, "DATABASE_URL": "", "POSTGRESQL_FOLLOWS": follows})
        with postgresql() as url:
            if url is None:
                return first
            print("== PostgreSQL (the tests that touch the database)", flush=True)
            second = _pytest(chosen, {**environment, "DATABASE_URL": url, "ONLY_DATABASE_TESTS": "1"})
    nothing_chosen = 5
    return first or (0 if second == nothing_chosen and words else second)


def _needs() -> dict[str, str]:
    """Return the programs that some tests look for."""
    return {"PostgreSQL": "initdb", "Redis": "redis-server", "Chromium": "chromium"}


def _pytest(words: list[str], environment: dict[str, str]) -> int:
    """Run pytest once."""
    kept = {name: value for name, value in environment.items() if value or name != "DATABASE_URL"}
    return subprocess.run([sys.executable, "-m", "pytest", *words], env=kept, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
