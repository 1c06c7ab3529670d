"""Speak to chat services through apprise: those asked over HTTP, never this machine, its files or its desktop."""

from __future__ import annotations

import sys
import warnings
from functools import lru_cache
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import apprise
import requests
from apprise.common import PersistentStoreMode
from apprise.plugins import NotifyBase

from signals.sources.pinned import pinned_connections

LOCAL = frozenset({"ctypes", "paho", "smtplib", "socket", "ssl", "subprocess"})
"""What a service that is not asked over HTTP imports."""
READING_FILES = frozenset({"fcm", "vapid"})
"""Services whose addresses name files to read or to write here."""
NOT_YOURS = frozenset({"attach", "attach-as", "cto", "file_url", "keyfile", "redirect", "rto", "store", "subfile",
                       "template", "verify"})  # fmt: skip
"""Options that read files, keep some, turn verification off, or change limits."""
SECONDS = 10.0


class ChatAddressError(ValueError):
    """The address of a chat service cannot be used; the message says why."""


def service_of(address: str) -> str:
    """Return the name of the service that an address leads to. Raises `ChatAddressError`."""
    return str(_plugin(address).service_name)


def send(address: str, *, title: str, body: str) -> bool:
    """Send one message; returns whether the service took it. Raises `ChatAddressError`."""
    plugin = _plugin(address)
    with pinned_connections():
        return bool(plugin.notify(body=body, title=title))


def _plugin(address: str) -> Any:
    """Return apprise's plugin for an address. Raises `ChatAddressError`."""
    parts = _parts(address)
    named = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)} & NOT_YOURS
    if named:
        raise ChatAddressError(f"Leave {', '.join(sorted(named))} out of the address: it is not yours to set here.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found = apprise.Apprise.instantiate(address, asset=_asset(), suppress_exceptions=True)
    if found is None:
        raise ChatAddressError("No chat service is known by this address. Copy it as the service's page writes it.")
    if not is_allowed(type(found)):
        raise ChatAddressError("This kind of address reaches the machine that Rotabook runs on. Choose a chat service.")
    found.socket_connect_timeout = found.socket_read_timeout = SECONDS
    return found


def _parts(address: str) -> Any:
    """Split an address."""
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise ChatAddressError("This is no address. It looks like ntfy://topic or tgram://token/chat.") from error
    if not parts.scheme or "://" not in address:
        raise ChatAddressError("This is no address. It looks like ntfy://topic or tgram://token/chat.")
    return parts


def is_allowed(plugin: type[NotifyBase]) -> bool:
    """Tell whether a service is asked over HTTP and by nothing else; what cannot be told is not allowed."""
    modules = [sys.modules[each.__module__] for each in plugin.__mro__ if each.__module__.startswith("apprise.plugins")]
    own = [module for module in modules if module.__name__ != "apprise.plugins.base"]
    if any(READING_FILES & set(module.__name__.split(".")) for module in own):
        return False
    names = {name for module in own for name in _imported(module)}
    return requests.__name__ in names and not names & LOCAL


def _imported(module: ModuleType) -> set[str]:
    """Return the packages that a module has imported whole."""
    return {value.__name__.split(".")[0] for value in vars(module).values() if isinstance(value, ModuleType)}


@lru_cache(maxsize=1)
def _asset() -> apprise.AppriseAsset:
    """Return how apprise is to behave: nothing on disk, no redirects, no templates, no secrets in logs."""
    return apprise.AppriseAsset(
        app_id="Rotabook",
        app_desc="Rotabook",
        storage_mode=PersistentStoreMode.MEMORY,
        async_mode=False,
        secure_logging=True,
        allow_templates=False,
        http_redirects=False,
        pem_autogen=False,
        pgp_autogen=False,
    )
