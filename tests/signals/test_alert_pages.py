"""The pages on which a person says how they want to be told, and the feed."""

from __future__ import annotations

import re
from datetime import time
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from jobs.models import Job
from portfolio.models import Sector
from portfolio.services.catalogue import ensure_market
from signals.models import Channel, Delivery
from signals.services.deliveries import deliver
from tests.pages import heading

pytestmark = [pytest.mark.django_db, pytest.mark.once]
SECRET = re.compile(r'<code id="secret" class="secret">([^<]+)</code>')
HOOK = {"kind": "webhook", "name": "My program", "address": "https://example.org/canary"}


def opened(client: Client, **terms: str) -> str:
    """Open a channel by its form; returns the page that shows its secret."""
    response = client.post(reverse("signals:alerts"), {**HOOK, **terms})
    assert response.status_code == 200, response.content
    return response.content.decode()


def page(client: Client) -> str:
    """Return the page of the newest channel."""
    where = reverse("signals:alert_channel", args=[Channel.objects.latest("pk").pk])
    return client.get(where).content.decode()


class TestChannels:
    def test_the_empty_state_says_what_to_do(self, client_of_alice: Client) -> None:
        assert heading(client_of_alice, reverse("signals:alerts")) == "You are told nothing yet"

    def test_a_secret_is_shown_once_and_the_address_never_again(self, client_of_alice: Client) -> None:
        found = SECRET.search(opened(client_of_alice))
        assert found
        assert found[1] == Channel.objects.get().secret
        for text in (page(client_of_alice), client_of_alice.get(reverse("signals:alerts")).content.decode()):
            assert found[1] not in text
            assert "canary" not in text
            assert "https://example.org/…" in text

    def test_a_new_secret_is_shown_once_too(self, client_of_alice: Client) -> None:
        old = SECRET.search(opened(client_of_alice))
        where = reverse("signals:alert_secret", args=[Channel.objects.get().pk])
        new = SECRET.search(client_of_alice.post(where).content.decode())
        assert old
        assert new
        assert old[1] != new[1]
        assert Channel.objects.get().old_secret == old[1]

    @pytest.mark.parametrize(
        ("terms", "field"),
        [({"address": "ftp://x"}, "address"), ({"kind": "chat", "address": "file:///etc/passwd"}, "address"),
         ({"name": ""}, "name"), ({"kind": "pigeon"}, "kind")],
    )  # fmt: skip
    def test_what_is_wrong_is_named_at_its_field(
        self, client_of_alice: Client, terms: dict[str, str], field: str
    ) -> None:
        response = client_of_alice.post(reverse("signals:alerts"), {**HOOK, **terms})
        assert response.status_code == 422
        assert list(response.context["form"].errors) == [field]
        assert not Channel.objects.exists()

    def test_it_can_be_removed(self, client_of_alice: Client) -> None:
        opened(client_of_alice)
        client_of_alice.post(reverse("signals:alert_remove", args=[Channel.objects.get().pk]))
        assert not Channel.objects.exists()


class TestSubscriptions:
    def test_everything_a_portfolio_or_a_narrative(self, client_of_alice: Client) -> None:
        ensure_market("simulated")
        opened(client_of_alice)
        channel, sector = Channel.objects.get(), Sector.objects.get(slug="ai")
        where = reverse("signals:alert_subscribe", args=[channel.pk])
        for subject in ("everything", f"sector:{sector.pk}"):
            client_of_alice.post(where, {"subject": subject, "topics": ["drift", "funding"]})
        assert [str(each) for each in channel.subscriptions.all()] == ["Everything of mine", sector.name]
        assert "Everything of mine" in page(client_of_alice)
        first = channel.subscriptions.first()
        assert first
        client_of_alice.post(reverse("signals:alert_unsubscribe", args=[channel.pk, first.pk]))
        assert channel.subscriptions.count() == 1

    def test_anothers_portfolio_and_no_topic_are_refused(self, client_of_alice: Client) -> None:
        opened(client_of_alice)
        where = reverse("signals:alert_subscribe", args=[Channel.objects.get().pk])
        assert client_of_alice.post(where, {"subject": "portfolio:1", "topics": ["drift"]}).status_code == 422
        assert client_of_alice.post(where, {"subject": "everything"}).status_code == 422
        assert not Channel.objects.get().subscriptions.exists()

    def test_hours_are_kept_and_half_of_them_refused(self, client_of_alice: Client) -> None:
        opened(client_of_alice)
        where = reverse("signals:alert_channel", args=[Channel.objects.get().pk])
        sent = {"quiet_from": "22:00", "quiet_until": "07:30", "digest_at": "08:00"}
        assert client_of_alice.post(where, sent).status_code == 302
        channel = Channel.objects.get()
        assert (channel.quiet_until, channel.digest_at, channel.is_waking) == (time(7, 30), time(8), False)
        assert client_of_alice.post(where, {"quiet_from": "22:00"}).status_code == 422
        assert 'value="22:00"' in page(client_of_alice)


class TestLog:
    def test_a_test_is_queued_sent_and_seen(self, client_of_alice: Client, alice: User) -> None:
        opened(client_of_alice, kind="email", address="")
        client_of_alice.post(reverse("signals:alert_test", args=[Channel.objects.get().pk]))
        told = Delivery.objects.get()
        assert Job.objects.get(task="signals.deliver").args == {"delivery": told.pk}
        deliver(delivery_id=told.pk, now=told.created_at)
        log = client_of_alice.get(reverse("signals:alert_log"), {"state": "sent"}).content.decode()
        assert str(told.public_id) in log
        assert str(told.public_id) in page(client_of_alice)

    def test_a_closed_channel_says_why_and_is_opened_again(self, client_of_alice: Client) -> None:
        opened(client_of_alice)
        channel = Channel.objects.get()
        Channel.objects.update(closed_at=channel.created_at, close_reason="It answered 410.")
        assert "It answered 410." in page(client_of_alice)
        client_of_alice.post(reverse("signals:alert_reopen", args=[channel.pk]))
        assert Channel.objects.get().closed_at is None


class TestFeed:
    def feed(self, client: Client) -> str:
        found = SECRET.search(opened(client, kind="feed", address=""))
        assert found
        return found[1].removeprefix("http://testserver")

    def test_it_is_read_without_an_account_until_it_has_a_new_address(
        self, client_of_alice: Client, client: Client
    ) -> None:
        where = self.feed(client_of_alice)
        client_of_alice.post(reverse("signals:alert_test", args=[Channel.objects.get().pk]))
        told = Delivery.objects.get()
        deliver(delivery_id=told.pk, now=told.created_at)

        response = client.get(where)
        assert response.headers["Content-Type"].startswith("application/atom+xml")
        tree = ElementTree.fromstring(response.content)
        ids = [each.text for each in tree.iter("{http://www.w3.org/2005/Atom}id")]
        assert f"urn:uuid:{told.public_id}" in ids
        known = {"If-Modified-Since": response.headers["Last-Modified"]}
        assert client.get(where, headers=known).status_code == 304

        client_of_alice.post(reverse("signals:alert_secret", args=[Channel.objects.get().pk]))
        assert client.get(where).status_code == 404

    def test_a_guess_leads_nowhere(self, client_of_alice: Client, client: Client) -> None:
        self.feed(client_of_alice)
        assert client.get("/feed/guess/alerts.atom").status_code == 404
        assert client.get(f"/feed/{Channel.objects.get().token_digest}/alerts.atom").status_code == 404
