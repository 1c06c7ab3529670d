"""Route every page; each app names its own."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from journal.views.today import today

admin.autodiscover()
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", include("jobs.urls")),
    path("accounts/", include("allauth.urls")),
    path("settings/", include("accounts.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("config.api_router")),
    path("charts/", include("portfolio.charts.urls")),
    path("portfolio/", include("portfolio.urls")),
    path("journal/", include("journal.urls")),
    path("", include("journal.learning_urls")),
    path("", today, name="today"),
    path("", include("signals.urls")),
]
