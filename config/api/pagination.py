"""Page through lists by a key, never by an offset: the cost of a page does not grow with history."""

from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """Return the newest rows first; `page_size` up to 500."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 500
    ordering = "-id"
