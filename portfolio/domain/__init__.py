"""Hold the pure arithmetic of the portfolio: no Django, no clock, no input or output."""
