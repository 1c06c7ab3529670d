"""The demo is written once; what people did with its accounts afterwards is theirs."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.models import User
from config.demo import ADMIN_EMAIL, load_demo


@pytest.mark.django_db
@pytest.mark.once
def test_a_start_after_the_trader_took_another_address_writes_no_second_demo() -> None:
    User.objects.create_superuser(ADMIN_EMAIL, "correct horse battery")
    User.objects.create_user("me@example.org", "correct horse battery")
    assert not load_demo(now=timezone.now(), password="correct horse battery", say=str)
    assert User.objects.count() == 2
