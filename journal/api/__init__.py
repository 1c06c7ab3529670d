"""Answer /api/v1/ for this app."""
