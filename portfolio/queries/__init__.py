"""Answer questions about portfolios, one topic a module."""
