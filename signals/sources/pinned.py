"""Reach what people name, and nothing else: an address is looked up once, vetted, and the vetted one is connected to.

A name that leads to this machine, to its neighbours or to a cloud's metadata is refused, and so is one that leads there
the second time it is asked for (RELIABILITY 0.11, 4.15). Redirects are not followed; size and time are limited.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

import httpx2
from django.conf import settings
from urllib3.util import connection as urllib3_connection

from signals.domain.addresses import Network, is_reachable

TIMEOUT = httpx2.Timeout(10.0, connect=5.0)


class UnreachableAddressError(OSError):
    """The name leads nowhere, or to a place that nobody may ask from here."""


def vetted(host: str, port: int) -> str:
    """Return the address to connect to; raise `UnreachableAddressError` unless all that a name leads to are allowed."""
    try:
        answers = socket.getaddrinfo(_dotted(host), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnreachableAddressError("This name leads nowhere.") from error
    found = [ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers]
    if not found or not all(is_reachable(each, allowed=_allowed()) for each in found):
        raise UnreachableAddressError("This address is not public, and is not asked from here.")
    return str(found[0])


class PinnedTransport(httpx2.HTTPTransport):
    """Connect to the vetted address; the name still stands in the Host header and in the TLS handshake."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Vet, pin and send."""
        url = request.url
        try:
            address = vetted(url.host, url.port or (443 if url.scheme == "https" else 80))
        except UnreachableAddressError as error:
            raise httpx2.ConnectError(str(error), request=request) from error
        request.extensions = {**request.extensions, "sni_hostname": url.host}
        request.url = url.copy_with(host=address)
        return super().handle_request(request)


def client() -> httpx2.Client:
    """Return a client for addresses that people gave: pinned, without redirects, proxies or cookies."""
    return httpx2.Client(transport=PinnedTransport(), timeout=TIMEOUT, follow_redirects=False, trust_env=False)


@contextmanager
def pinned_connections() -> Iterator[None]:
    """Vet every connection that `requests` makes in this process until the block ends, redirects included."""
    with _Guard.lock:
        _Guard.depth += 1
        urllib3_connection.create_connection = _pinned
    try:
        yield
    finally:
        with _Guard.lock:
            _Guard.depth -= 1
            if not _Guard.depth:
                urllib3_connection.create_connection = _Guard.usual


class _Guard:
    """Count the blocks in which connections are vetted, in whatever thread they are made."""

    lock = threading.Lock()
    depth = 0
    usual = staticmethod(urllib3_connection.create_connection)


def _pinned(address: tuple[str, int], *arguments: Any, **terms: Any) -> Any:
    """Connect to the vetted address."""
    host, port = address
    return _Guard.usual((vetted(host.strip("[]"), port), port), *arguments, **terms)


def _dotted(host: str) -> str:
    """Return a name that the resolver takes as it stands, without trying our own domain after it."""
    is_plain_name = "." in host and not host.endswith(".") and not host.replace(".", "").isdigit()
    return f"{host}." if is_plain_name and ":" not in host else host


def _allowed() -> Sequence[Network]:
    """Return the networks that the operator allows though they are not public."""
    return _networks(tuple(settings.ALERT_NETWORKS))


@lru_cache(maxsize=8)
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """Read networks."""
    return tuple(ip_network(text) for text in texts)
