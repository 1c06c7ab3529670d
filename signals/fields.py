"""Keep what nobody may read in a copy of the database: sealed with a key made of the installation's secret."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import models


class SealedField(models.TextField):  # type: ignore[type-arg]
    """Seal text on its way into the database; one that another secret sealed is read as empty."""

    def get_prep_value(self, value: Any) -> str:
        """Seal it."""
        return _box().encrypt(str(value).encode()).decode() if value else ""

    def from_db_value(self, value: str | None, _expression: Any, _connection: Any) -> str:
        """Open it."""
        if not value:
            return ""
        try:
            return _box().decrypt(value.encode()).decode()
        except InvalidToken:
            return ""


def _box() -> Fernet:
    """Return the box that this installation's secret opens."""
    return Fernet(urlsafe_b64encode(hashlib.sha256(b"rotabook.sealed." + settings.SECRET_KEY.encode()).digest()))
