"""Route the pages of the journal."""

from django.urls import path

from journal.views import calendar, feed, passes, reports, rotation, takeout, tickets, timeline

app_name = "journal"
urlpatterns = [
    path("", timeline.timeline, name="timeline"),
    path("new/", tickets.new_rotation, name="new_rotation"),
    path("preview/", tickets.preview, name="preview"),
    path("views/", timeline.keep_view, name="keep_view"),
    path("views/<int:view_id>/forget/", timeline.forget_view, name="forget_view"),
    path("calendar/", calendar.calendar, name="calendar"),
    path("take-along/", takeout.take_along, name="take_along"),
    path("take-along/table/", takeout.table, name="take_table"),
    path("take-along/everything.zip", takeout.everything, name="everything"),
    path("feed/", takeout.change_feed, name="change_feed"),
    path("feed/<str:token>.atom", feed.feed, name="feed"),
    path("report.pdf", reports.report_of_period, name="report_of_period"),
    path("<int:rotation_id>/report.pdf", reports.report_of_rotation, name="report_of_rotation"),
    path("rotations.csv", timeline.export, name="export"),
    path("pass/<int:recommendation_id>/", passes.pass_recommendation, name="pass_recommendation"),
    path("<int:rotation_id>/", rotation.rotation, name="rotation"),
    path("<int:rotation_id>/reverse/", rotation.reverse, name="reverse"),
]
