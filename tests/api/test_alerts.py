"""Channels and deliveries over the API say what the pages say, and nothing secret."""

from __future__ import annotations

import pytest

from accounts.models import User
from signals.models import Delivery
from signals.services.channels import send_test
from tests.api.scene import Caller
from tests.conftest import NOW
from tests.signals.alert_scene import EVERYTHING, channel

pytestmark = pytest.mark.django_db


class TestAlerts:
    def test_channels_with_what_they_tell_and_no_secret(self, caller: Caller, stranger: Caller, alice: User) -> None:
        made = channel(alice, "webhook", now=NOW)
        response = caller.get("/channels/")
        (found,) = response.json()["results"]
        assert (found["name"], found["shown_as"]) == ("My webhook", "https://example.org/…")
        assert found["subscriptions"][0]["topics"] == EVERYTHING
        assert "secret-path" not in response.content.decode()
        assert made.secret not in response.content.decode()
        assert stranger.get("/channels/").json()["results"] == []

    def test_the_log_narrowed(self, caller: Caller, stranger: Caller, alice: User) -> None:
        made, other = channel(alice, now=NOW), channel(alice, now=NOW)
        told = send_test(channel=made, now=NOW)
        send_test(channel=other, now=NOW)
        Delivery.objects.filter(pk=told.pk).update(state="failed", error="It answered 500.")
        for query in (f"channel={made.pk}", "state=failed", "state=failed&state=sent", f"channel={made.pk}&topic=test"):
            (found,) = caller.get(f"/deliveries/?{query}").json()["results"]
            assert found["public_id"] == str(told.public_id)
        assert len(caller.get("/deliveries/").json()["results"]) == 2
        assert stranger.get("/deliveries/").json()["results"] == []
