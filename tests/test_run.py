"""`make run`, as a person meets it: first start, a page, health, Ctrl-C, a second start with everything still there."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from tests.servers import free_port

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 400


class House:
    """One run of everything, in a data folder of its own."""

    def __init__(self, data: Path, port: int) -> None:
        """Start it."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environment = {**kept, "DATA_DIR": str(data), "PORT": str(port)}
        self.url = f"http://127.0.0.1:{port}"
        self.log = data.parent / f"{data.name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "config.up"],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self, path: str, *, seconds: float = START_SECONDS) -> str:
        """Wait until a page answers 200, and return it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urlopen(self.url + path, timeout=5) as response:
                    return str(response.read().decode())
            except (HTTPError, URLError, OSError):
                time.sleep(0.5)
        pytest.fail(f"{path} did not answer:\n{self.log.read_text()[-4000:]}")

    def interrupt(self) -> int:
        """Press Ctrl-C and wait for the end."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of both starts."""
    return tmp_path_factory.mktemp("house") / "data"


@pytest.fixture(scope="module")
def first(data: Path) -> Iterator[House]:
    """The first start."""
    house = House(data, free_port())
    yield house
    if house.process.poll() is None:
        house.interrupt()


def processes_of(data: Path) -> list[str]:
    """Return the command lines of what still runs for a data folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"DATA_DIR={data}".encode() in entry.read_bytes().split(b"\0"):
                found.append(entry.with_name("cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


@pytest.mark.xdist_group("house")
class TestHouse:
    def test_it_starts_is_ready_stops_and_starts_again(self, first: House, data: Path) -> None:
        first.wait("/")
        first.wait("/health/ready", seconds=60)
        text = first.log.read_text()
        assert re.search(r"Rotabook is at\s+http://127\.0\.0\.1:\d+/", text)
        password = re.search(r"demo@\S+\s+(\S{12,})", text)
        assert password
        secrets_file = data / "secrets.env"
        assert stat.S_IMODE(secrets_file.stat().st_mode) == 0o600
        before = secrets_file.read_text()
        assert first.interrupt() == 0
        assert processes_of(data) == []

        second = House(data, free_port())
        try:
            second.wait("/")
            assert secrets_file.read_text() == before
            assert password[1] in second.log.read_text()
        finally:
            second.process.kill()
            second.process.wait(30)
        if sys.platform == "linux":
            assert all_gone(data, seconds=40)


def all_gone(data: Path, *, seconds: float) -> bool:
    """Wait until nothing runs for a data folder any more."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and processes_of(data):
        time.sleep(0.5)
    return not processes_of(data)


KILLED = """
import os, signal, sys
from pathlib import Path
from config import up
if sys.argv[2] == "killed":
    up.os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
print(up._write_secrets(Path(sys.argv[1])))
"""


STARTED = """
import os, time
from config import up
up._start(["sleep", "600"], dict(os.environ))
print("started", flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent is gone")
def test_nothing_outlives_a_start_that_is_killed(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", STARTED], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "started\n"
        assert len(processes_of(tmp_path)) == 2
        starter.kill()
        starter.wait(10)
    assert all_gone(tmp_path, seconds=10)


class TestSecrets:
    def write(self, path: Path, how: str) -> subprocess.CompletedProcess[str]:
        """Write secrets in a process of its own."""
        words = [sys.executable, "-c", KILLED, str(path), how]
        return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)

    def test_a_start_that_is_killed_while_writing_leaves_nothing_half(self, tmp_path: Path) -> None:
        path = tmp_path / "secrets.env"
        assert self.write(path, "killed").returncode == -signal.SIGKILL
        assert not path.exists()
        assert self.write(path, "whole").stdout == "True\n"
        assert re.fullmatch(r"SECRET_KEY=\S{64}\nDEMO_PASSWORD=\S{16}\n", path.read_text())
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [each.name for each in tmp_path.iterdir()] == ["secrets.env"]

    def test_an_empty_file_of_a_start_that_was_killed_is_written_anew(self, tmp_path: Path) -> None:
        path = tmp_path / "secrets.env"
        path.touch(0o600)
        assert self.write(path, "whole").stdout == "True\n"
        assert self.write(path, "whole").stdout == "False\n"


class TestRefusals:
    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Start with a broken environment and return what was said."""
        words = [sys.executable, "-m", "config.up"]
        kept = {"PATH": os.environ["PATH"], **environment}
        return subprocess.run(words, cwd=ROOT, env=kept, capture_output=True, text=True, check=False, timeout=30)

    def test_a_taken_port_is_one_clear_line(self, tmp_path: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            result = self.run(PORT=str(port), DATA_DIR=str(tmp_path / "data"))
        assert result.returncode == 1
        assert f"port {port} is taken" in result.stderr
        assert result.stderr.count("\n") == 1

    @pytest.mark.parametrize("port", ["eight", "²"])
    def test_a_port_that_is_none_is_one_clear_line(self, tmp_path: Path, port: str) -> None:
        result = self.run(PORT=port, DATA_DIR=str(tmp_path))
        assert result.returncode == 1
        assert result.stderr.count("\n") == 1

    def test_an_unwritable_folder_is_one_clear_line(self, tmp_path: Path) -> None:
        blocked = tmp_path / "file"
        blocked.touch()
        result = self.run(PORT=str(free_port()), DATA_DIR=str(blocked / "data"))
        assert result.returncode == 1
        assert "not writable" in result.stderr
        assert result.stderr.count("\n") == 1


class TestBootstrap:
    def test_a_missing_python_is_one_clear_line(self, tmp_path: Path) -> None:
        for name in ("sh", "basename", "cat"):
            (tmp_path / name).symlink_to(f"/bin/{name}" if Path(f"/bin/{name}").exists() else f"/usr/bin/{name}")
        words = ["/bin/sh", str(ROOT / "config/bootstrap.sh"), "requirements.lock"]
        result = subprocess.run(
            words, cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
        )
        assert result.returncode == 1
        assert "Python 3.11 or newer is needed" in result.stderr
        assert result.stderr.count("\n") == 1

    def test_a_python_without_venv_is_one_clear_line(self, tmp_path: Path) -> None:
        fake = tmp_path / "bin" / "python3"
        fake.parent.mkdir()
        fake.write_text(f'#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\nexec {sys.executable} "$@"\n')
        fake.chmod(0o755)
        (tmp_path / "requirements.lock").write_text("")
        words = ["/bin/sh", str(ROOT / "config/bootstrap.sh"), "requirements.lock"]
        environment = {"PATH": f"{fake.parent}:{os.environ['PATH']}"}
        result = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert result.returncode == 1
        assert "has no venv module" in result.stderr
        assert result.stderr.count("\n") == 1
