"""Receive webhooks on loopback: what came, and what to answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """Keep what was posted; `status` and `headers` are answered, after `before_answer` was called."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    before_answer: Callable[[], None] = lambda: None
    heard: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    address: str = ""

    @property
    def ids(self) -> list[str]:
        """Return the ids of what came, in order."""
        return [each["webhook-id"] for each in self.heard]


@contextmanager
def receiving(receiver: Receiver) -> Iterator[Receiver]:
    """Receive until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    receiver.address = f"http://127.0.0.1:{server.server_address[1]}/hook"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    """Return a handler that fills a receiver."""

    class Handler(BaseHTTPRequestHandler):
        """Take POSTs, and say nothing about them."""

        def do_POST(self) -> None:
            """Take one."""
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            receiver.bodies.append(body)
            receiver.heard.append({name.lower(): value for name, value in self.headers.items()})
            receiver.before_answer()
            try:
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, *_args: Any) -> None:
            """Stay silent."""

    return Handler
