"""Serve a small internet on loopback: recorded shapes of every source, and a fault for any request."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit


class Reply(NamedTuple):
    """What the server says."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = {}
    pause: float = 0.0


Page = Callable[[dict[str, str]], Any]
Fault = Callable[[Reply], Reply]


@dataclass
class Internet:
    """Pages by path, faults by path ("*" for all), and what was asked."""

    pages: dict[str, Page] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    heard: list[dict[str, str]] = field(default_factory=list)
    address: str = ""
    name: str = ""

    def reply(self, target: str, headers: dict[str, str]) -> Reply:
        """Answer one request."""
        parts = urlsplit(target)
        self.asked.append(target)
        self.heard.append(headers)
        page = self.pages.get(parts.path)
        if page is None:
            return Reply(404, b'{"error":"not found"}')
        found = page(dict(parse_qsl(parts.query)))
        body = found if isinstance(found, bytes) else json.dumps(found).encode()
        tag = f'"{hash(body) & 0xFFFFFFFF:x}"'
        sound = Reply(200, body, {"Content-Type": "application/json", "ETag": tag})
        fault = self.faults.get(parts.path) or self.faults.get("*")
        if fault is not None:
            return fault(sound)
        return Reply(304, b"", {"ETag": tag}) if headers.get("if-none-match") == tag else sound


def status(code: int, body: bytes = b"{}", **headers: str) -> Fault:
    """Answer with a status."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _reply: Reply(code, body, named)


def body(text: bytes, kind: str = "application/json") -> Fault:
    """Answer 200 with something else."""
    return lambda _reply: Reply(200, text, {"Content-Type": kind})


def truncated(reply: Reply) -> Reply:
    """Cut the body in half."""
    return reply._replace(body=reply.body[: len(reply.body) // 2])


def replaced(old: str, new: str) -> Fault:
    """Write something else into the body."""
    return lambda reply: reply._replace(body=reply.body.replace(old.encode(), new.encode()))


def both(one: Fault, other: Fault) -> Fault:
    """Do one thing after the other."""
    return lambda reply: other(one(reply))


def bomb(_reply: Reply) -> Reply:
    """Send little that unpacks to very much."""
    return Reply(200, gzip.compress(b" " * 20_000_000, 9), {"Content-Encoding": "gzip"})


@contextmanager
def serving(internet: Internet) -> Iterator[Internet]:
    """Serve an internet until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(internet))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    internet.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield internet
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(internet: Internet) -> type[BaseHTTPRequestHandler]:
    """Return a handler over an internet."""

    class Handler(BaseHTTPRequestHandler):
        """Answer GET, and say nothing about it."""

        def do_GET(self) -> None:
            """Answer one request, dripping it where it is to take long."""
            reply = internet.reply(self.path, {name.lower(): value for name, value in self.headers.items()})
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            try:
                self._drip(reply) if reply.pause else self.wfile.write(reply.body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def _drip(self, reply: Reply) -> None:
            """Send a byte at a time."""
            for byte in reply.body:
                self.wfile.write(bytes([byte]))
                time.sleep(reply.pause)

        def log_message(self, *_args: Any) -> None:
            """Stay silent."""

    return Handler
