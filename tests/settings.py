"""Settle the project for tests: a fresh secret, a throw-away data folder, one in-process cache and no broker."""

import os
import secrets
import tempfile
from pathlib import Path

_ROOM = tempfile.mkdtemp(prefix="rotabook-tests-")
os.environ["DATA_DIR"] = _ROOM
(Path(_ROOM) / "static").mkdir()
os.environ["SECRET_KEY"] = secrets.token_urlsafe(48)
os.environ.pop("REDIS_URL", None)

from config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CELERY_BROKER_URL = "memory://"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
ACCOUNT_RATE_LIMITS = False  # type: ignore[assignment]
REST_FRAMEWORK = {**REST_FRAMEWORK, "DEFAULT_THROTTLE_CLASSES": []}  # noqa: F405
