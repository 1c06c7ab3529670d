"""Answer what tells a person what, and what they were told; addresses and secrets are never among it."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework import mixins, serializers

from portfolio.api.fields import ExactModelSerializer
from portfolio.api.filters import IdFilter, MomentFilter, StrictViewSet
from signals.models import Channel, Delivery, Subscription, Topic
from signals.queries.channels import channels_of


class SubscriptionSerializer(ExactModelSerializer):
    """What a channel tells of: topics of one portfolio, of one narrative, or of everything where both are null."""

    sector = serializers.SlugRelatedField[Any]("slug", read_only=True, allow_null=True)
    topics = serializers.ListField(child=serializers.ChoiceField(choices=Topic.choices))

    class Meta:
        model = Subscription
        fields = ("id", "portfolio", "sector", "topics", "created_at")


class ChannelSerializer(ExactModelSerializer):
    """A way to be told, how it stands, and what it tells."""

    subscriptions = SubscriptionSerializer(many=True, read_only=True)

    class Meta:
        model = Channel
        fields = (
            "id", "kind", "name", "shown_as", "quiet_from", "quiet_until", "digest_at", "is_waking", "failures",
            "failing_since", "paused_until", "closed_at", "close_reason", "created_at", "subscriptions",
        )  # fmt: skip


class DeliverySerializer(ExactModelSerializer):
    """A message and what became of it; `public_id` is the id that it carries however often it is sent."""

    class Meta:
        model = Delivery
        fields = (
            "id", "public_id", "channel", "topic", "title", "body", "path", "state", "attempts", "error", "created_at",
            "due_at", "attempted_at", "sent_at", "digest",
        )  # fmt: skip


class ChannelViewSet(mixins.ListModelMixin, StrictViewSet[Channel]):
    """My channels."""

    resource = "alerts"
    queryset = Channel.objects.none()
    serializer_class = ChannelSerializer

    def get_queryset(self) -> QuerySet[Channel]:
        """Start at the person."""
        return channels_of(self.request.user)  # type: ignore[arg-type]


class DeliveryFilter(filters.FilterSet):  # type: ignore[misc]
    """Narrow the log."""

    channel = IdFilter(field_name="channel_id")
    state = filters.MultipleChoiceFilter(choices=Delivery.State.choices)
    topic = filters.CharFilter()
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Delivery
        fields = ("channel", "state", "topic")


class DeliveryViewSet(mixins.ListModelMixin, StrictViewSet[Delivery]):
    """What I was told, newest first, for a month."""

    resource = "alerts"
    queryset = Delivery.objects.none()
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilter
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[Delivery]:
        """Start at the person."""
        return Delivery.objects.filter(channel__owner_id=self.request.user.pk)
