"""Route the pages of the market and of recommendations."""

from django.urls import path

from signals.views import events, health, indicators, market, recommendations, what_if

app_name = "signals"
urlpatterns = [
    path("market/", market.market, name="market"),
    path("market/refresh/", market.refresh, name="refresh"),
    path("market/health/", health.health, name="health"),
    path("market/indicators/", indicators.indicators, name="indicators"),
    path("market/indicator/", indicators.indicator, name="indicator"),
    path("market/events/", events.events, name="events"),
    path("market/events/judge/", events.judge_event, name="judge_event"),
    path("recommendations/", recommendations.recommendations, name="recommendations"),
    path("recommendations/<int:recommendation_id>/", recommendations.recommendation, name="recommendation"),
    path("recommendations/<int:recommendation_id>/evidence.json", recommendations.evidence, name="evidence"),
    path("portfolio/<int:portfolio_id>/what-if/", what_if.what_if, name="what_if"),
]
