"""Answer questions about markets, one topic a module."""
