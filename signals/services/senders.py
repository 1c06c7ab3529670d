"""Send one message by one channel, and say how it went in words that give nothing away."""

from __future__ import annotations

import json
import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any

import httpx2
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.mail import EmailMessage

from signals.domain.webhooks import signatures
from signals.models import Channel, Delivery
from signals.sources import chat, pinned

MOST_BYTES = 20_000
READ_BYTES = 2_000
GONE = 410
AGENT = "rotabook (webhooks)"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Tell whether a message was taken, why not, how long to wait before the next try, and whether to try at all."""

    is_sent: bool = False
    error: str = ""
    wait: timedelta | None = None
    is_gone: bool = False


Sender = Callable[[Delivery, datetime], Outcome]


def send(delivery: Delivery, now: datetime) -> Outcome:
    """Send by whatever channel it is; its channel and owner came with it."""
    if delivery.channel.kind in (Channel.Kind.CHAT, Channel.Kind.WEBHOOK) and not delivery.channel.address:
        return Outcome(error="The address can no longer be read. Enter it again.", is_gone=True)
    return SENDERS[delivery.channel.kind](delivery, now)


def send_email(delivery: Delivery, _now: datetime) -> Outcome:
    """Send it to the person's own address; a repeat carries the same Message-ID."""
    headers = {"Message-ID": f"<{delivery.public_id}@{_mail_domain()}>", "Auto-Submitted": "auto-generated"}
    subject = " ".join(delivery.title.split())
    message = EmailMessage(subject, letter(delivery), to=[delivery.channel.owner.email], headers=headers)
    try:
        message.send()
    except (OSError, smtplib.SMTPException) as error:
        return Outcome(error=f"The mail server did not take it ({type(error).__name__}).")
    return Outcome(is_sent=True)


def send_chat(delivery: Delivery, _now: datetime) -> Outcome:
    """Send it to a chat service."""
    try:
        is_sent = chat.send(delivery.channel.address, title=delivery.title, body=letter(delivery))
    except chat.ChatAddressError as error:
        return Outcome(error=str(error)[:300], is_gone=True)
    except Exception as error:  # noqa: BLE001 - whatever a service's plugin raises, the message was not sent
        return Outcome(error=f"The service could not be asked ({type(error).__name__}).")
    return Outcome(is_sent=True) if is_sent else Outcome(error="The service did not take it.")


def send_webhook(delivery: Delivery, now: datetime) -> Outcome:
    """Post it, signed (Standard Webhooks): the id stays, the timestamp is this attempt's."""
    body = webhook_body(delivery)
    stamp, message_id = int(now.timestamp()), str(delivery.public_id)
    secrets = delivery.channel.secrets(now)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": signatures(secrets, message_id=message_id, timestamp=stamp, body=body),
    }
    try:
        with (
            pinned.client() as client,
            client.stream("POST", delivery.channel.address, content=body, headers=headers) as response,
        ):
            next(response.iter_raw(READ_BYTES), b"")
            return _judged(response)
    except SoftTimeLimitExceeded:
        return Outcome(error="The receiver took too long.")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return Outcome(error=f"The address could not be reached ({type(error).__name__}).")


def send_feed(_delivery: Delivery, _now: datetime) -> Outcome:
    """Leave it in the log, from which the feed is read."""
    return Outcome(is_sent=True)


SENDERS: dict[str, Sender] = {
    Channel.Kind.EMAIL: send_email,
    Channel.Kind.CHAT: send_chat,
    Channel.Kind.WEBHOOK: send_webhook,
    Channel.Kind.FEED: send_feed,
}


def letter(delivery: Delivery) -> str:
    """Return a message as a person reads it, with where to go on and what every reader must know."""
    disclaimer = str(delivery.payload.get("disclaimer", ""))
    return "\n\n".join(filter(None, (delivery.body, link(delivery.path), disclaimer)))


def link(path: str) -> str:
    """Return a page's whole address."""
    return f"{settings.PUBLIC_URL}{path}"


def tell_closed(channel: Channel) -> None:
    """Mail the owner of a channel that it was closed, why, and what to do."""
    body = (
        f"{channel.name} ({channel.get_kind_display()}) was closed: {channel.close_reason}\n\n"
        f"What waited for it was given up. Mend the receiver, then open it again: {link('/settings/alerts/')}"
    )
    EmailMessage(f"Rotabook closed {channel.name}", body, to=[channel.owner.email]).send()


def webhook_body(delivery: Delivery) -> bytes:
    """Return the JSON that is signed and posted, the same at every attempt."""
    content: dict[str, Any] = {
        "type": f"alert.{delivery.topic}",
        "timestamp": delivery.created_at.isoformat(),
        "data": {**delivery.payload, "url": link(delivery.path), "text": delivery.body},
    }
    body = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    if len(body) > MOST_BYTES:
        content["data"] = {"title": delivery.title, "url": link(delivery.path)}
        body = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    return body


def _mail_domain() -> str:
    """Return the domain that our mails come from."""
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].partition("@")[2] or "rotabook.invalid"


def _judged(response: httpx2.Response) -> Outcome:
    """Say what a status means: only 2xx is success, a redirect is not followed, 410 ends it."""
    status = response.status_code
    if 200 <= status < 300:
        return Outcome(is_sent=True)
    if 300 <= status < 400:
        return Outcome(error=f"It answered {status}; redirects are not followed.")
    text = response.headers.get("retry-after", "")
    wait = timedelta(seconds=int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else None
    return Outcome(error=f"It answered {status}.", wait=wait, is_gone=status == GONE)
