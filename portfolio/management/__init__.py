"""Commands of the portfolio app."""
