"""Route the API: each app's viewsets, the schema and its page."""

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.routers import SimpleRouter

from config.api.views import NoSuchRoute
from journal.api.fees import FeesViewSet
from journal.api.learning import LearningViewSet, LessonViewSet
from journal.api.plans import PlanViewSet, QuestionViewSet, UndocumentedViewSet
from journal.api.shadows import ShadowsViewSet
from journal.api.viewsets import PassViewSet, RotationViewSet
from portfolio.api.futures import FuturesViewSet
from portfolio.api.transfers import TransferViewSet
from portfolio.api.viewsets import FillViewSet, InstrumentViewSet, MarketViewSet, PortfolioViewSet, SectorViewSet
from signals.api.alerts import ChannelViewSet, DeliveryViewSet
from signals.api.viewsets import RecommendationViewSet, SignalsViewSet
from signals.api.what_if import WhatIfViewSet

router = SimpleRouter()
router.register("portfolios", PortfolioViewSet, basename="api-portfolio")
router.register("portfolios", WhatIfViewSet, basename="api-what-if")
router.register("fills", FillViewSet, basename="api-fill")
router.register("transfers", TransferViewSet, basename="api-transfer")
router.register("futures", FuturesViewSet, basename="api-futures")
router.register("instruments", InstrumentViewSet, basename="api-instrument")
router.register("markets", MarketViewSet, basename="api-market")
router.register("sectors", SectorViewSet, basename="api-sector")
router.register("signals", SignalsViewSet, basename="api-signals")
router.register("recommendations", RecommendationViewSet, basename="api-recommendation")
router.register("channels", ChannelViewSet, basename="api-channel")
router.register("deliveries", DeliveryViewSet, basename="api-delivery")
router.register("rotations", RotationViewSet, basename="api-rotation")
router.register("passes", PassViewSet, basename="api-pass")
router.register("plans", PlanViewSet, basename="api-plan")
router.register("undocumented", UndocumentedViewSet, basename="api-undocumented")
router.register("questions", QuestionViewSet, basename="api-question")
router.register("learning", LearningViewSet, basename="api-learning")
router.register("fees", FeesViewSet, basename="api-fees")
router.register("shadows", ShadowsViewSet, basename="api-shadows")
router.register("lessons", LessonViewSet, basename="api-lesson")

OPEN = {"authentication_classes": [], "permission_classes": [AllowAny]}

urlpatterns = [
    path("", include(router.urls)),
    path("schema/", SpectacularAPIView.as_view(**OPEN), name="api-schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema", **OPEN), name="api-docs"),
    re_path("", NoSuchRoute.as_view(), name="api-nowhere"),
]
