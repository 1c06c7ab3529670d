"""Find or start the servers that tests need: a throw-away PostgreSQL cluster, a Redis, Chromium's binary."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = "/dev/shm"
"""Where files are kept in memory, on Linux: truncating sixty tables after a test is a matter of files."""

CARELESS = (
    "-cautovacuum=off",
    "-cfsync=off",
    "-cfull_page_writes=off",
    "-csynchronous_commit=off",
    "-cwal_level=minimal",
    "-cmax_wal_senders=0",
)
"""A cluster that is thrown away need not survive a crash.

Its tables are filled in transactions that never end: a vacuum meanwhile counts nothing, and plans would rest on that.
"""


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def find(name: str) -> str | None:
    """Return a program's path; Debian keeps PostgreSQL's outside PATH."""
    found = shutil.which(name)
    if found:
        return found
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(versions[-1]) if versions else None


@contextmanager
def postgresql() -> Iterator[str | None]:
    """Start a PostgreSQL of our own on loopback; yields its DATABASE_URL, or None where there is none."""
    initdb, server = find("initdb"), find("postgres")
    if not initdb or not server:
        yield None
        return
    room = Path(tempfile.mkdtemp(prefix="rotabook-pg-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
    prefix = _as_postgres(room)
    port, data = free_port(), room / "data"
    subprocess.run([*prefix, initdb, "-D", str(data), "-U", "rotabook", "-A", "trust", "-E", "UTF8", "--no-sync"],
                   check=True, capture_output=True)  # fmt: skip
    settings = [f"-cport={port}", f"-cunix_socket_directories={room}", "-clisten_addresses=127.0.0.1"]
    process = subprocess.Popen([*prefix, server, "-D", str(data), *settings, *CARELESS, "-clog_min_messages=fatal"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        wait_for_port(port)
        yield f"postgres://rotabook@127.0.0.1:{port}/postgres"
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(room, ignore_errors=True)


@contextmanager
def redis_server() -> Iterator[str | None]:
    """Start a Redis of our own on loopback; yields its REDIS_URL, or None where there is none."""
    server = find("redis-server")
    if not server:
        yield None
        return
    room, port = tempfile.mkdtemp(prefix="rotabook-redis-"), free_port()
    command = [server, "--port", str(port), "--bind", "127.0.0.1", "--dir", room, "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(room, ignore_errors=True)


def wait_for_port(port: int, *, seconds: float = 30) -> None:
    """Wait until something answers on a loopback port."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing answers on port {port}")


def _as_postgres(room: Path) -> list[str]:
    """Return how to run as another person where we are root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return []
    person = pwd.getpwnam("postgres")
    os.chown(room, person.pw_uid, person.pw_gid)
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
