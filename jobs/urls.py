"""Route health checks and progress."""

from django.urls import path

from jobs import views

urlpatterns = [
    path("health/live", views.live, name="health_live"),
    path("health/ready", views.ready, name="health_ready"),
    path("jobs/<uuid:public_id>/", views.progress, name="job_progress"),
]
