"""Change what a portfolio holds and aims for, one topic a module."""
