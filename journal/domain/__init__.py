"""Compute what a decision was worth: plain arithmetic over amounts."""
