"""Compute what the market says and what it suggests: pure, typed, without a clock or a database."""
