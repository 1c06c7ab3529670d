"""Route the interactive chart bundle."""

from django.urls import path

from portfolio.charts import views

app_name = "charts"
urlpatterns = [path("<str:name>", views.bundle, name="bundle")]
