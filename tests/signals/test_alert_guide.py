"""The guide's way to check a signature accepts what is sent and nothing else."""

from __future__ import annotations

import re

from signals.domain.webhooks import signatures, written
from tests.test_architecture import ROOT

SNIPPET = re.findall(r"```python\n(.*?)```", (ROOT / "docs/alerts.md").read_text(), re.DOTALL)[0]


class TestGuide:
    def test_its_check_of_a_signature(self) -> None:
        known: dict[str, object] = {}
        exec(SNIPPET, known)
        is_genuine = known["is_genuine"]
        new, old, body = written(b"n" * 32), written(b"o" * 32), b'{"a": 1}'
        signed = signatures([new, old], message_id="1", timestamp=2, body=body)
        headers = {"webhook-id": "1", "webhook-timestamp": "2", "webhook-signature": signed}
        assert all(is_genuine(secret, headers, body) for secret in (new, old))  # type: ignore[operator]
        assert not is_genuine(new, headers, b'{"a": 2}')  # type: ignore[operator]
        assert not is_genuine(written(b"x" * 32), headers, body)  # type: ignore[operator]
        assert not is_genuine(new, {**headers, "webhook-timestamp": "3"}, body)  # type: ignore[operator]
