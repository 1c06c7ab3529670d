"""Channels: what they may lead to, what of them is shown and stored, and how their secrets change."""

from __future__ import annotations

import logging
import sys
from datetime import time, timedelta
from pathlib import Path

import pytest
from apprise.manager_plugins import NotificationManager
from django.db import connection

from accounts.models import User
from signals.models import Channel, Subscription
from signals.services.channels import (
    MAX_CHANNELS,
    ChannelError,
    Hours,
    digest_of,
    open_channel,
    renew_secret,
    reopen_channel,
    set_hours,
    subscribe,
)
from signals.sources import chat
from tests.conftest import NOW

TELEGRAM = "tgram://123456789:canary_canary_canary_canary_canary0/12315544/"


class TestChatAddresses:
    @pytest.mark.parametrize(
        ("address", "name"),
        [("ntfy://topic", "ntfy"), (TELEGRAM, "Telegram"), ("discord://1234/abcd", "Discord")],
    )
    def test_chat_services_are_known(self, address: str, name: str) -> None:
        assert chat.service_of(address) == name

    @pytest.mark.parametrize(
        "address",
        ["file:///etc/passwd", "syslog://", "rsyslog://localhost", "dbus://", "qt://", "gnome://", "glib://", "macosx://",
         "windows://", "exec://id", "blink1://", "mailto://a:b@gmail.com", "mqtt://localhost/topic", "irc://localhost/#a",
         "xmpp://a:b@localhost", "amqp://localhost/q", "growl://localhost", "aprs://a:b@c", "vapid://a@b.c/d",
         "fcm://project/?keyfile=/etc/passwd", "nonsense", "", "json://[", "http://", "ntfy://a?verify=no",
         "slack://TokenA/TokenB/TokenC?template=/etc/passwd", "discord://1/a?template=/etc/passwd",
         "ntfy://a?attach=file:///etc/passwd", "ntfy://a?store=yes", "json://localhost?rto=9999"],
    )  # fmt: skip
    def test_what_reaches_this_machine_or_its_files_is_refused(self, address: str) -> None:
        with pytest.raises(chat.ChatAddressError):
            chat.service_of(address)

    def test_of_all_services_only_those_asked_over_http_and_nothing_else_are_allowed(self) -> None:
        manager = NotificationManager()
        chat.service_of("ntfy://a")
        allowed = [plugin for plugin in manager.plugins() if chat.is_allowed(plugin)]
        assert len(allowed) > 100
        for plugin in allowed:
            source = Path(str(sys.modules[plugin.__module__].__file__)).read_text()
            for word in ("import subprocess", "import smtplib", "import socket", "import ctypes", "import dbus"):
                assert word not in source, plugin

    def test_refusals_log_no_address(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO), pytest.raises(chat.ChatAddressError):
            chat.service_of("file:///canary")
        assert "canary" not in caplog.text


@pytest.mark.django_db
class TestChannels:
    @pytest.mark.parametrize(
        "address",
        ["", "example.org", "ftp://example.org/", "https://", "https://a:b@example.org/", "https://example.org/#x",
         "https://example.org:99999/", "http://[", "https://exämple.org/", "https://example.org/a b", "x" * 2000],
    )  # fmt: skip
    def test_a_webhook_needs_a_whole_address_without_a_password(self, alice: User, address: str) -> None:
        with pytest.raises(ChannelError) as refusal:
            open_channel(owner=alice, kind="webhook", name="x", address=address, now=NOW)
        assert refusal.value.field == "address"

    def test_addresses_and_secrets_are_sealed_in_the_database_and_never_shown(self, alice: User) -> None:
        made, secret = open_channel(
            owner=alice, kind="webhook", name="Mine", address="https://example.org/canary", now=NOW
        )
        open_channel(owner=alice, kind="chat", name="Chat", address=TELEGRAM, now=NOW)
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM signals_channel")
            stored = repr(cursor.fetchall())
        assert secret.startswith("whsec_")
        for word in ("canary", secret, secret.removeprefix("whsec_")):
            assert word not in stored
        assert Channel.objects.get(pk=made.pk).secret == secret
        assert [each.shown_as for each in Channel.objects.all()] == ["https://example.org/…", "Telegram"]
        assert "canary" not in repr(list(Channel.objects.all()))

    def test_another_installations_secret_opens_nothing(self, alice: User, settings: pytest.FixtureRequest) -> None:
        made, _ = open_channel(owner=alice, kind="chat", name="Chat", address=TELEGRAM, now=NOW)
        settings.SECRET_KEY = "another " * 8  # type: ignore[attr-defined]
        assert Channel.objects.get(pk=made.pk).address == ""

    def test_a_feeds_new_address_ends_the_old_one(self, alice: User) -> None:
        made, old = open_channel(owner=alice, kind="feed", name="Feed", now=NOW)
        new = renew_secret(channel=made, now=NOW)
        assert len({old, new, made.token_digest}) == 3
        assert made.token_digest == digest_of(new)

    def test_email_and_chat_have_no_secret_of_their_own(self, alice: User) -> None:
        made, secret = open_channel(owner=alice, kind="email", name="Mail", now=NOW)
        assert secret == ""
        with pytest.raises(ChannelError):
            renew_secret(channel=made, now=NOW)

    def test_there_is_a_limit(self, alice: User) -> None:
        for _ in range(MAX_CHANNELS):
            open_channel(owner=alice, kind="email", name="Mail", now=NOW)
        with pytest.raises(ChannelError):
            open_channel(owner=alice, kind="email", name="Mail", now=NOW)

    def test_quiet_hours_need_both_ends(self, alice: User) -> None:
        made, _ = open_channel(owner=alice, kind="email", name="Mail", now=NOW)
        with pytest.raises(ChannelError) as refusal:
            set_hours(channel=made, hours=Hours(quiet_from=time(22)))
        assert refusal.value.field == "quiet_until"

    def test_subscribing_again_changes_the_topics(self, alice: User) -> None:
        made, _ = open_channel(owner=alice, kind="email", name="Mail", now=NOW)
        for topics in (["drift"], ["expiry", "drift"]):
            subscribe(channel=made, topics=topics, now=NOW)
        assert Subscription.objects.get().topics == ["expiry", "drift"]

    def test_a_closed_channel_is_opened_again(self, alice: User) -> None:
        made, _ = open_channel(owner=alice, kind="email", name="Mail", now=NOW)
        Channel.objects.update(closed_at=NOW, close_reason="x", failures=9, failing_since=NOW - timedelta(days=9))
        reopen_channel(channel=made)
        made.refresh_from_db()
        assert (made.closed_at, made.failures, made.failing_since) == (None, 0, None)
