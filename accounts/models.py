"""Who I am: the person, their preferences and their API tokens."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import available_timezones

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models
from knox.models import AbstractAuthToken


class UserManager(BaseUserManager["User"]):
    """Create people by their e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a person who signs in with an e-mail address."""
        if not email:
            raise ValueError("A person needs an e-mail address.")
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create an administrator."""
        return self.create_user(email, password, **{**fields, "is_staff": True, "is_superuser": True})


def reading_scopes() -> list[str]:
    """Return the scopes that change nothing."""
    return [scope.value for scope in ApiToken.Scope if scope.value.startswith("read:")]


def is_time_zone(name: str) -> None:
    """Refuse a time zone that the system does not know."""
    if name not in available_timezones():
        raise ValidationError("Choose a time zone from the list, such as Europe/Berlin.")


class User(AbstractUser):  # type: ignore[django-manager-missing]
    """A person: signs in with an e-mail address, sees times in their own zone."""

    class Theme(models.TextChoices):
        """How pages are coloured."""

        SYSTEM = "system", "As my system"
        LIGHT = "light", "Light"
        DARK = "dark", "Dark"

    class Experience(models.TextChoices):
        """How much risk the engine may propose (DOMAIN F05)."""

        BEGINNER = "beginner", "Beginner"
        INTERMEDIATE = "intermediate", "Intermediate"
        ADVANCED = "advanced", "Advanced"

    username = None  # type: ignore[assignment]
    email = models.EmailField("e-mail address", unique=True)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[is_time_zone])
    theme = models.CharField(max_length=10, choices=Theme.choices, default=Theme.SYSTEM)
    experience = models.CharField(max_length=12, choices=Experience.choices, default=Experience.BEGINNER)
    has_overlay = models.BooleanField(
        "futures overlay",
        default=False,
        help_text="Let recommendations include a futures leg. Off until you ask for it.",
    )

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    def __str__(self) -> str:
        """Show the address."""
        return self.email


class ApiToken(AbstractAuthToken):  # type: ignore[misc]
    """A personal API token: shown once, stored as a digest, named, scoped, expiring, revocable."""

    class Scope(models.TextChoices):
        """What a token may do: read or write one kind of thing."""

        READ_PORTFOLIO = "read:portfolio", "Read your portfolios, fills, positions and returns"
        READ_MARKET = "read:market", "Read markets, narratives and signals"
        READ_RECOMMENDATIONS = "read:recommendations", "Read your recommendations, and ask what if"
        READ_ROTATIONS = "read:rotations", "Read your rotations, passes, lessons and what you learned"
        READ_ALERTS = "read:alerts", "Read your channels and what you were told"
        WRITE_PORTFOLIO = "write:portfolio", "Enter executions, rolls and other changes to your portfolios"
        WRITE_MARKET = "write:market", "Ask for the market to be read again, and enter events"
        WRITE_RECOMMENDATIONS = "write:recommendations", "Acknowledge your recommendations"
        WRITE_ROTATIONS = "write:rotations", "Log and reverse rotations, and pass on recommendations"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=80)
    scopes = models.JSONField(default=list)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        """Show the name and the visible beginning of the token."""
        return f"{self.name} ({self.token_key[:8]}…)"

    @property
    def may(self) -> list[str]:
        """Return in words what the token may do."""
        return [scope.label for scope in self.Scope if scope in self.scopes]

    def allows(self, scope: str) -> bool:
        """Return whether the token has a scope; that it may write one thing does not let it read it."""
        return scope in self.scopes

    def is_expired(self, now: datetime) -> bool:
        """Return whether its time is over."""
        return self.expiry is not None and self.expiry <= now

    def touch(self, now: datetime) -> None:
        """Note that the token was used, at most once a minute."""
        if self.last_used_at is None or now - self.last_used_at > timedelta(minutes=1):
            type(self).objects.filter(pk=self.pk).update(last_used_at=now)
