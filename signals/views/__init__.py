"""Answer the pages of the market and of recommendations, one topic a module."""
