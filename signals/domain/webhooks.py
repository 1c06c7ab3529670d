"""Sign webhooks as Standard Webhooks says: `v1,` and the HMAC-SHA256 of id, timestamp and body."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence

PREFIX = "whsec_"
SECRET_BYTES = 32


def written(secret: bytes) -> str:
    """Write a secret as it is shown, once."""
    return PREFIX + b64encode(secret).decode()


def signatures(secrets: Sequence[str], *, message_id: str, timestamp: int, body: bytes) -> str:
    """Give the header `webhook-signature`: one signature a secret, so that two are good while one is replaced."""
    content = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{_signature(secret, content)}" for secret in secrets)


def _signature(secret: str, content: bytes) -> str:
    """Give one signature in Base64."""
    key = b64decode(secret.removeprefix(PREFIX))
    return b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
