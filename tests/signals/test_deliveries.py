"""At least once, with one id: sending, failing, resting, giving up, and being killed between sending and recording."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any

import pytest
from django.core import mail
from django.db import connections

from accounts.models import User
from jobs.models import Job
from signals.domain.retries import MAX_ATTEMPTS
from signals.domain.webhooks import signatures
from signals.models import Channel, Delivery
from signals.services import deliveries
from signals.services.channels import renew_secret, send_test
from signals.services.deliveries import deliver, requeue_stuck, sweep_deliveries
from signals.services.senders import MOST_BYTES, Outcome, tell_closed, webhook_body
from signals.sources import chat
from tests.conftest import NOW
from tests.signals.alert_scene import channel, due_jobs, send_due, states
from tests.signals.receiver import Receiver, receiving

LOOPBACK = ["127.0.0.0/8"]


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.ALERT_NETWORKS = LOOPBACK
    with receiving(Receiver()) as found:
        yield found


def hook(alice: User, receiver: Receiver, **terms: object) -> Channel:
    """Open a webhook that leads to the receiver."""
    return channel(alice, "webhook", address=receiver.address, now=NOW, **terms)


def message(made: Channel, **terms: object) -> Delivery:
    """Queue a message."""
    found = send_test(channel=made, now=NOW)
    Delivery.objects.filter(pk=found.pk).update(**{"topic": "drift", **terms})
    found.refresh_from_db()
    return found


def failing(_delivery: Delivery, _now: datetime) -> Outcome:
    """Fail as a receiver that is down."""
    return Outcome(error="It answered 500.")


@pytest.mark.django_db
class TestWebhook:
    def test_it_is_posted_signed_and_recorded(self, alice: User, receiver: Receiver) -> None:
        made = hook(alice, receiver)
        told = message(made, payload={"title": "x", "recommendation": 7})

        assert send_due(NOW) == ["Sent."]

        head, body = receiver.heard[0], receiver.bodies[0]
        assert head["webhook-id"] == str(told.public_id)
        assert head["webhook-timestamp"] == str(int(NOW.timestamp()))
        signed = signatures(
            [made.secret], message_id=head["webhook-id"], timestamp=int(head["webhook-timestamp"]), body=body
        )
        assert head["webhook-signature"] == signed
        assert json.loads(body)["data"]["recommendation"] == 7
        assert states() == ["sent"]
        assert deliver(delivery_id=told.pk, now=NOW) == "Nothing was to be sent."
        assert len(receiver.ids) == 1

    def test_while_a_secret_is_replaced_both_sign_and_after_a_day_the_new_one_alone(
        self, alice: User, receiver: Receiver
    ) -> None:
        made = hook(alice, receiver)
        old, new = made.secret, renew_secret(channel=made, now=NOW)
        for moment, secrets in ((NOW, [new, old]), (NOW + timedelta(hours=25), [new])):
            message(made)
            send_due(moment)
            head = receiver.heard[-1]
            stamp, body = int(head["webhook-timestamp"]), receiver.bodies[-1]
            assert head["webhook-signature"] == signatures(
                secrets, message_id=head["webhook-id"], timestamp=stamp, body=body
            )

    @pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 429, 500, 503])
    def test_whatever_is_no_success_is_tried_again_with_the_same_id(
        self, alice: User, receiver: Receiver, status: int
    ) -> None:
        receiver.status, receiver.headers = status, {"Location": receiver.address}
        message(hook(alice, receiver))
        send_due(NOW)
        assert states() == ["waiting"]
        assert send_due(NOW + timedelta(seconds=4)) == []
        receiver.status = 200
        assert send_due(NOW + timedelta(seconds=6)) == ["Sent."]
        assert len(set(receiver.ids)) == 1
        assert len(receiver.ids) == 2

    def test_what_the_receiver_asks_for_is_waited(self, alice: User, receiver: Receiver) -> None:
        receiver.status, receiver.headers = 429, {"Retry-After": "600"}
        message(hook(alice, receiver))
        send_due(NOW)
        assert Delivery.objects.get().due_at == NOW + timedelta(seconds=600)

    def test_410_closes_the_channel(self, alice: User, receiver: Receiver) -> None:
        receiver.status = 410
        message(hook(alice, receiver))
        assert send_due(NOW) == ["The channel was closed."]
        assert states() == ["failed"]
        assert Channel.objects.get().closed_at == NOW

    def test_a_long_message_is_sent_thin(self, alice: User) -> None:
        told = message(channel(alice, "webhook", now=NOW), body="x" * MOST_BYTES)
        assert len(webhook_body(told)) < MOST_BYTES
        assert json.loads(webhook_body(told))["data"]["title"] == told.title


@pytest.mark.django_db
class TestReach:
    @pytest.mark.parametrize("host", ["127.1", "localhost", "2130706433", "0x7f000001", "[::1]", "[::ffff:7f00:1]"])
    def test_a_webhook_does_not_reach_this_machine(
        self, alice: User, receiver: Receiver, host: str, settings: Any
    ) -> None:
        settings.ALERT_NETWORKS = []
        port = receiver.address.rsplit(":", 1)[1]
        message(channel(alice, "webhook", address=f"http://{host}:{port}", now=NOW))
        send_due(NOW)
        assert receiver.heard == []
        assert Delivery.objects.get().error == "The address could not be reached (ConnectError)."

    def test_a_name_that_is_looked_up_twice_is_asked_where_it_was_vetted(
        self, alice: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers = iter([[(2, 1, 6, "", ("93.184.216.34", 80))], [(2, 1, 6, "", ("127.0.0.1", 80))]])
        asked: list[str] = []
        monkeypatch.setattr("signals.sources.pinned.socket.getaddrinfo", lambda *_a, **_t: next(answers))

        def connect(address: tuple[str, int], *_a: object, **_t: object) -> None:
            asked.append(address[0])
            raise OSError("not in a test")

        monkeypatch.setattr("socket.create_connection", connect)
        message(channel(alice, "webhook", address="http://rebinding.example/", now=NOW))
        send_due(NOW)
        assert asked == ["93.184.216.34"]

    def test_a_chat_service_does_not_reach_this_machine_unless_the_operator_allows_it(
        self, receiver: Receiver, settings: Any
    ) -> None:
        address = receiver.address.replace("http://", "json://")
        settings.ALERT_NETWORKS = []
        assert not chat.send(address, title="a", body="b")
        assert receiver.bodies == []
        settings.ALERT_NETWORKS = LOOPBACK
        assert chat.send(address, title="a", body="b")
        assert len(receiver.bodies) == 1

    def test_a_redirect_of_a_chat_service_is_not_followed(self, receiver: Receiver) -> None:
        receiver.status, receiver.headers = 307, {"Location": receiver.address + "/elsewhere"}
        assert not chat.send(receiver.address.replace("http://", "json://"), title="a", body="b")
        assert len(receiver.bodies) == 1


@pytest.mark.django_db
class TestFailing:
    def test_it_is_given_up_after_ten_attempts_over_three_days(self, alice: User, receiver: Receiver) -> None:
        message(hook(alice, receiver))
        moment, tries = NOW, 0
        while states() == ["waiting"]:
            for pk in due_jobs(moment):
                tries += Delivery.objects.get().attempts < MAX_ATTEMPTS
                deliver(delivery_id=pk, now=moment, sender=failing, jitter=lambda: 0.0)
            moment += timedelta(hours=1)
        assert Delivery.objects.get().attempts == MAX_ATTEMPTS
        assert moment - NOW > timedelta(days=3)

    def test_the_fifth_failure_lets_a_channel_rest_and_a_success_wakes_it(
        self, alice: User, receiver: Receiver
    ) -> None:
        made = hook(alice, receiver)
        for _ in range(6):
            message(made)
        send_due(NOW, sender=failing)
        assert sorted(Delivery.objects.values_list("attempts", flat=True)) == [0, 1, 1, 1, 1, 1]
        assert send_due(NOW + timedelta(minutes=29)) != ["Sent."]
        made.refresh_from_db()
        assert made.paused_until is not None
        assert "Sent." in send_due(made.paused_until)
        made.refresh_from_db()
        assert (made.failures, made.paused_until) == (0, None)

    def test_after_five_days_it_is_closed_and_its_owner_told(self, alice: User, receiver: Receiver) -> None:
        made = hook(alice, receiver, failing_since=NOW - timedelta(days=5))
        message(made)
        message(made, state="held", due_at=NOW + timedelta(days=1))
        send_due(NOW, sender=failing)
        assert states() == ["failed", "failed"]
        made.refresh_from_db()
        assert made.close_reason.startswith("Nothing got through since")
        assert Job.objects.filter(task="signals.tell_closed").count() == 1
        tell_closed(made)
        assert made.name in mail.outbox[0].subject
        assert receiver.address not in mail.outbox[0].body

    def test_what_lost_its_job_is_queued_again(self, alice: User, receiver: Receiver) -> None:
        message(hook(alice, receiver))
        assert requeue_stuck(now=NOW + timedelta(hours=1)) == 0
        Job.objects.all().update(state=Job.State.FAILED)
        assert requeue_stuck(now=NOW + timedelta(hours=1)) == 1
        assert send_due(NOW + timedelta(hours=1)) == ["Sent."]

    def test_the_log_is_kept_for_a_month(self, alice: User, receiver: Receiver) -> None:
        message(hook(alice, receiver))
        sweep_deliveries(now=NOW + timedelta(days=31))
        assert states() == ["waiting"]
        send_due(NOW)
        sweep_deliveries(now=NOW + timedelta(days=29))
        assert states() == ["sent"]
        sweep_deliveries(now=NOW + timedelta(days=31))
        assert states() == []


@pytest.mark.django_db
class TestEmail:
    def test_it_goes_to_the_persons_own_address_with_a_lasting_id(self, alice: User) -> None:
        told = message(channel(alice, now=NOW), title="Two\r\nBcc: evil@example.org")
        send_due(NOW)
        letter = mail.outbox[0]
        assert letter.to == [alice.email]
        assert parseaddr(letter.extra_headers["Message-ID"])[1].startswith(str(told.public_id))
        assert "\n" not in letter.subject
        assert letter.recipients() == [alice.email]

    def test_who_was_disabled_is_told_nothing(self, alice: User) -> None:
        message(channel(alice, now=NOW))
        User.objects.update(is_active=False)
        send_due(NOW)
        assert mail.outbox == []
        assert states() == ["failed"]


class TestKilled:
    """Kill the process that sends with SIGKILL, after the receiver has the message and before that is recorded."""

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_killed_between_sending_and_recording_it_is_sent_again_with_the_same_id(
        self, real_database: None, alice: User, receiver: Receiver
    ) -> None:
        told = message(hook(alice, receiver))
        Job.objects.all().update(state=Job.State.PUBLISHED, lease_until=NOW)
        child: list[int] = []

        def kill() -> None:
            while not child:
                time.sleep(0.01)
            os.kill(child[0], signal.SIGKILL)

        receiver.before_answer = kill
        child.append(sent_by_a_child(told.pk))
        _, status = os.waitpid(child[0], 0)
        assert os.WTERMSIG(status) == signal.SIGKILL
        assert states() == ["waiting"]
        assert receiver.ids == [str(told.public_id)]

        receiver.before_answer = lambda: None
        assert deliver(delivery_id=told.pk, now=NOW) == "Sent."
        assert deliver(delivery_id=told.pk, now=NOW) == "Nothing was to be sent."
        assert receiver.ids == [str(told.public_id)] * 2
        assert Delivery.objects.get().attempts == 2

    def test_without_a_crash_it_is_sent_once_however_often_its_message_comes(
        self, real_database: None, alice: User, receiver: Receiver
    ) -> None:
        told = message(hook(alice, receiver))
        for _ in range(5):
            deliver(delivery_id=told.pk, now=NOW)
        assert receiver.ids == [str(told.public_id)]

    def test_one_that_kills_its_worker_each_time_ends(self, transactional_db: None, alice: User) -> None:
        told = message(channel(alice, now=NOW))

        def dying(_delivery: Delivery, _now: datetime) -> Outcome:
            raise KeyboardInterrupt

        for _ in range(MAX_ATTEMPTS):
            with pytest.raises(KeyboardInterrupt):
                deliver(delivery_id=told.pk, now=NOW, sender=dying)
        assert deliver(delivery_id=told.pk, now=NOW, sender=dying) == "Nothing was to be sent."
        assert states() == ["failed"]


def sent_by_a_child(delivery: int) -> int:
    """Deliver in a process of its own, and return its id."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            deliveries.deliver(delivery_id=delivery, now=NOW)
        finally:
            os._exit(0)
    return child
