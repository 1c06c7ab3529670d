"""Answer the pages of the portfolio, one topic a module."""
