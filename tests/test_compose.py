"""The commands of docker-compose.yml, run as they stand on PostgreSQL and Redis until their health checks are green."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers import find, free_port, postgresql, redis_server

ROOT = Path(__file__).resolve().parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = ("web", "worker", "beat")


class TestFile:
    def test_every_service_has_a_health_check(self) -> None:
        assert set(SERVICES) == {"postgres", "redis", "prepare", *OURS}
        assert all("healthcheck" in SERVICES[name] for name in ("postgres", "redis", *OURS))

    def test_no_secret_has_a_default(self) -> None:
        for service in SERVICES.values():
            for name, value in service.get("environment", {}).items():
                if "SECRET" in name or name == "POSTGRES_PASSWORD":
                    assert ":?" in value
                if name == "DATABASE_URL":
                    assert "${POSTGRES_PASSWORD:?" in value

    def test_web_is_published_on_loopback_only(self) -> None:
        assert all(port.startswith("127.0.0.1:") for port in SERVICES["web"]["ports"])


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """PostgreSQL, Redis and the environment that compose would give, on loopback."""
    if not (find("initdb") and find("redis-server")):
        pytest.skip("PostgreSQL or Redis was not found")
    with postgresql() as database, redis_server() as redis:
        values = dict.fromkeys(SERVICES["web"]["environment"], "")
        values |= {"SECRET_KEY": secrets.token_urlsafe(48), "DATABASE_URL": database, "REDIS_URL": redis}
        values |= {"GRANIAN_HOST": "127.0.0.1", "GRANIAN_PORT": str(free_port()), "ALLOWED_HOSTS": "127.0.0.1"}
        values |= {"TRUSTED_PROXY_COUNT": "0", "HTTPS": "false", "DATA_DIR": str(tmp_path_factory.mktemp("data"))}
        kept = {name: value for name, value in values.items() if value}
        yield {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": os.environ.get("HOME", "/"),
            **kept,
        }


@pytest.mark.postgres
@pytest.mark.redis
class TestCommands:
    def test_every_service_becomes_healthy(self, environment: dict[str, str]) -> None:
        run(SERVICES["prepare"]["command"], environment)
        processes = [start(SERVICES[name]["command"], environment) for name in OURS]
        try:
            for name in OURS:
                assert wait_until_healthy(SERVICES[name]["healthcheck"]["test"], environment), name
        finally:
            for process in processes:
                process.send_signal(signal.SIGTERM)
            for process in processes:
                process.wait(30)


def run(words: list[str], environment: dict[str, str]) -> None:
    """Run a command to its end."""
    subprocess.run(words, cwd=ROOT, env=environment, check=True, timeout=120)


def start(words: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a command."""
    return subprocess.Popen(words, cwd=ROOT, env=environment, start_new_session=True)


def wait_until_healthy(test: list[str], environment: dict[str, str]) -> bool:
    """Run a health check again and again until it is green."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        result = subprocess.run(test[1:], cwd=ROOT, env=environment, capture_output=True, check=False, timeout=60)
        if result.returncode == 0:
            return True
        time.sleep(0.5)
    return False
