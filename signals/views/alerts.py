"""Show and change how a person is told what is new: channels, what each tells, its hours, and the log."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portfolio.views.access import person_of
from signals.forms.alerts import ChannelForm, HoursForm, SubscriptionForm
from signals.models import Channel, Delivery, Subscription
from signals.queries.channels import channel_of, channels_of, latest_of, log_of
from signals.services.channels import (
    ChannelError,
    open_channel,
    remove_channel,
    renew_secret,
    reopen_channel,
    send_test,
    set_hours,
    subscribe,
)

UNPROCESSABLE = 422
TONES = {Delivery.State.SENT: "good", Delivery.State.FAILED: "bad", Delivery.State.WAITING: "warn"}
NAMES = ("quiet_from", "quiet_until", "digest_at", "is_waking")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def alerts(request: HttpRequest) -> HttpResponse:
    """List my channels; open one, and show its secret this once."""
    user, now = person_of(request), timezone.now()
    form = ChannelForm(request.POST or None)
    if form.is_bound and form.is_valid():
        try:
            channel, secret = open_channel(owner=user, now=now, **form.cleaned_data)
        except ChannelError as refusal:
            form.add_error(refusal.field, str(refusal))
        else:
            return _page(request, channel, secret=_shown(request, channel, secret), is_new=True)
    context = {"channels": channels_of(user), "form": form, "now": now}
    return render(request, "signals/alerts.html", context, status=UNPROCESSABLE if form.is_bound else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def alert_channel(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Show one channel; keep its hours."""
    channel = _mine(request, channel_id)
    form = HoursForm(request.POST or None, initial=_hours(channel))
    if form.is_bound and form.is_valid():
        try:
            set_hours(channel=channel, hours=form.hours)
        except ChannelError as refusal:
            form.add_error(refusal.field, str(refusal))
        else:
            messages.success(request, "These hours count from now on.")
            return redirect("signals:alert_channel", channel_id=channel.pk)
    return _page(request, channel, hours_form=form, status=UNPROCESSABLE if form.is_bound else 200)


@login_required
@require_POST
def alert_subscribe(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Let a channel tell me of something."""
    channel = _mine(request, channel_id)
    form = SubscriptionForm(request.POST, user=person_of(request))
    if form.is_valid():
        subject, topics = form.chosen, form.cleaned_data["topics"]
        try:
            subscribe(channel=channel, topics=topics, now=timezone.now(), **subject._asdict())
        except ChannelError as refusal:
            form.add_error(refusal.field, str(refusal))
        else:
            messages.success(request, f"{channel.name} tells you of it from now on.")
            return redirect("signals:alert_channel", channel_id=channel.pk)
    return _page(request, channel, subscription_form=form, status=UNPROCESSABLE)


@login_required
@require_POST
def alert_unsubscribe(request: HttpRequest, channel_id: int, subscription_id: int) -> HttpResponse:
    """Let a channel stop telling me of something."""
    channel = _mine(request, channel_id)
    if not Subscription.objects.filter(channel=channel, pk=subscription_id).delete()[0]:
        raise Http404
    messages.success(request, f"{channel.name} no longer tells you of it.")
    return redirect("signals:alert_channel", channel_id=channel.pk)


@login_required
@require_POST
def alert_secret(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Give a channel a new secret, shown this once."""
    channel = _mine(request, channel_id)
    try:
        secret = renew_secret(channel=channel, now=timezone.now())
    except ChannelError as refusal:
        messages.error(request, str(refusal))
        return redirect("signals:alert_channel", channel_id=channel.pk)
    return _page(request, channel, secret=_shown(request, channel, secret))


@login_required
@require_POST
def alert_test(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Queue a test."""
    channel = _mine(request, channel_id)
    send_test(channel=channel, now=timezone.now())
    messages.success(request, "The test is on its way. Look at the log below in a moment.")
    return redirect("signals:alert_channel", channel_id=channel.pk)


@login_required
@require_POST
def alert_reopen(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Try a channel again that was closed or rests."""
    channel = _mine(request, channel_id)
    reopen_channel(channel=channel)
    messages.success(request, f"{channel.name} is open again. Send a test to see whether it works.")
    return redirect("signals:alert_channel", channel_id=channel.pk)


@login_required
@require_POST
def alert_remove(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Forget a channel."""
    channel = _mine(request, channel_id)
    remove_channel(channel=channel)
    messages.success(request, f"{channel.name} is removed, its secret and its log with it.")
    return redirect("signals:alerts")


@login_required
@require_safe
def alert_log(request: HttpRequest) -> HttpResponse:
    """Show what I was told, by which channel, and what became of it."""
    user, state = person_of(request), request.GET.get("state", "")
    chosen = state if state in Delivery.State.values else ""
    page = log_of(user, state=chosen, cursor=request.GET.get("before", ""))
    filters = [("", "All"), *Delivery.State.choices]
    rows = [_line(row) for row in page.rows]
    context = {"rows": rows, "next_cursor": page.next_cursor, "chosen": chosen, "filters": filters}
    return render(request, "signals/alert_log.html", context)


def _page(request: HttpRequest, channel: Channel, *, status: int = 200, **more: Any) -> HttpResponse:
    """Show a channel."""
    context = {
        "channel": channel,
        "subscriptions": channel.subscriptions.select_related("portfolio", "sector"),
        "hours_form": HoursForm(initial=_hours(channel)),
        "subscription_form": SubscriptionForm(user=person_of(request)),
        "rows": [_line(row) for row in latest_of(channel)],
        "has_secret": channel.kind in (Channel.Kind.WEBHOOK, Channel.Kind.FEED),
        "now": timezone.now(),
        **more,
    }
    return render(request, "signals/alert_channel.html", context, status=status)


def _mine(request: HttpRequest, channel_id: int) -> Channel:
    """Return one of my channels; another's is a 404."""
    found = channel_of(person_of(request), channel_id)
    if found is None:
        raise Http404
    return found


def _hours(channel: Channel) -> dict[str, Any]:
    """Return a channel's hours as its form takes them."""
    return {name: getattr(channel, name) for name in NAMES}


def _line(row: Delivery) -> dict[str, Any]:
    """Return a message as the log shows it."""
    return {"it": row, "tone": TONES.get(Delivery.State(row.state), "")}


def _shown(request: HttpRequest, channel: Channel, secret: str) -> str:
    """Return a secret as it is to be copied: a feed's is its address."""
    if channel.kind != Channel.Kind.FEED:
        return secret
    return request.build_absolute_uri(reverse("signals:alert_feed", args=[secret]))
