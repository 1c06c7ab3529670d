"""Route the pages one learns from: the blind reviews, and what they add up to."""

from django.urls import path

from journal.views import fees, learning, review_queue, shadows

app_name = "learning"
urlpatterns = [
    path("analytics/", learning.learning, name="learning"),
    path("analytics/fees/", fees.fees, name="fees"),
    path("analytics/shadows/", shadows.shadows, name="shadows"),
    path("reviews/", review_queue.review_queue, name="review_queue"),
    path("reviews/rotation/<int:rotation_id>/", review_queue.review_rotation, name="review_rotation"),
    path("reviews/rotation/<int:rotation_id>/expect/", review_queue.expect_rotation, name="expect_rotation"),
    path("reviews/rotation/<int:rotation_id>/learn/", review_queue.learn_rotation, name="learn_rotation"),
    path("reviews/pass/<int:pass_id>/", review_queue.review_pass, name="review_pass"),
    path("reviews/pass/<int:pass_id>/expect/", review_queue.expect_pass, name="expect_pass"),
    path("reviews/pass/<int:pass_id>/learn/", review_queue.learn_pass, name="learn_pass"),
]
