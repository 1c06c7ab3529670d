"""Route the pages of a person's settings."""

from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("", views.settings, name="settings"),
    path("tokens/", views.new_token, name="new_token"),
    path("tokens/<uuid:public_id>/revoke/", views.drop_token, name="drop_token"),
]
