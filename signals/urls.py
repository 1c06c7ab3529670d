"""Route the pages of the market and of recommendations."""

from django.urls import path

from signals.views import alerts, events, feed, health, indicators, market, narratives, recommendations, what_if

app_name = "signals"
urlpatterns = [
    path("market/", market.market, name="market"),
    path("market/refresh/", market.refresh, name="refresh"),
    path("market/health/", health.health, name="health"),
    path("market/health/ask/", health.ask, name="ask_sources"),
    path("market/indicators/", indicators.indicators, name="indicators"),
    path("market/indicator/", indicators.indicator, name="indicator"),
    path("market/narratives/", narratives.narratives, name="narratives"),
    path("market/events/", events.events, name="events"),
    path("market/events/judge/", events.judge_event, name="judge_event"),
    path("recommendations/", recommendations.recommendations, name="recommendations"),
    path("recommendations/<int:recommendation_id>/", recommendations.recommendation, name="recommendation"),
    path("recommendations/<int:recommendation_id>/evidence.json", recommendations.evidence, name="evidence"),
    path("portfolio/<int:portfolio_id>/what-if/", what_if.what_if, name="what_if"),
    path("settings/alerts/", alerts.alerts, name="alerts"),
    path("settings/alerts/log/", alerts.alert_log, name="alert_log"),
    path("settings/alerts/<int:channel_id>/", alerts.alert_channel, name="alert_channel"),
    path("settings/alerts/<int:channel_id>/subscribe/", alerts.alert_subscribe, name="alert_subscribe"),
    path(
        "settings/alerts/<int:channel_id>/unsubscribe/<int:subscription_id>/",
        alerts.alert_unsubscribe,
        name="alert_unsubscribe",
    ),
    path("settings/alerts/<int:channel_id>/secret/", alerts.alert_secret, name="alert_secret"),
    path("settings/alerts/<int:channel_id>/test/", alerts.alert_test, name="alert_test"),
    path("settings/alerts/<int:channel_id>/reopen/", alerts.alert_reopen, name="alert_reopen"),
    path("settings/alerts/<int:channel_id>/remove/", alerts.alert_remove, name="alert_remove"),
    path("feed/<str:token>/alerts.atom", feed.alert_feed, name="alert_feed"),
]
