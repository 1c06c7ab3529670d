"""Signatures are those of Standard Webhooks, and the schedule is theirs too."""

from __future__ import annotations

from datetime import timedelta

import pytest

from signals.domain.retries import MAX_ATTEMPTS, PAUSES, pause_after
from signals.domain.webhooks import signatures, written


class TestSignature:
    def test_it_is_the_one_of_the_specification(self) -> None:
        secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        message = {
            "message_id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "timestamp": 1614265330,
            "body": b'{"test": 2432232314}',
        }
        assert signatures([secret], **message) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="  # type: ignore[arg-type]

    def test_two_secrets_sign_side_by_side(self) -> None:
        secrets = [written(b"a" * 32), written(b"b" * 32)]
        header = signatures(secrets, message_id="1", timestamp=1, body=b"{}")
        assert [part[:3] for part in header.split(" ")] == ["v1,", "v1,"]


class TestPauses:
    def test_ten_attempts_over_three_days_and_a_bit(self) -> None:
        assert sum(PAUSES, timedelta(0)) > timedelta(days=3)
        assert pause_after(MAX_ATTEMPTS, jitter=0) is None
        assert [pause_after(n, jitter=0) for n in range(1, MAX_ATTEMPTS)] == list(PAUSES)

    @pytest.mark.parametrize(("wanted", "expected"), [(60, 300), (600, 600), (10**7, 86_400)])
    def test_what_the_receiver_asks_for_is_waited_if_longer_up_to_a_day(self, wanted: int, expected: int) -> None:
        assert pause_after(2, jitter=0, wanted=timedelta(seconds=wanted)) == timedelta(seconds=expected)
