"""Route the pages of the journal."""

from django.urls import path

from journal.views import passes, reports, rotation, tickets, timeline

app_name = "journal"
urlpatterns = [
    path("", timeline.timeline, name="timeline"),
    path("new/", tickets.new_rotation, name="new_rotation"),
    path("preview/", tickets.preview, name="preview"),
    path("views/", timeline.keep_view, name="keep_view"),
    path("views/<int:view_id>/forget/", timeline.forget_view, name="forget_view"),
    path("report.pdf", reports.report_of_period, name="report_of_period"),
    path("<int:rotation_id>/report.pdf", reports.report_of_rotation, name="report_of_rotation"),
    path("rotations.csv", timeline.export, name="export"),
    path("pass/<int:recommendation_id>/", passes.pass_recommendation, name="pass_recommendation"),
    path("<int:rotation_id>/", rotation.rotation, name="rotation"),
    path("<int:rotation_id>/reverse/", rotation.reverse, name="reverse"),
]
