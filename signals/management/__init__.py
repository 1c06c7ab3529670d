"""Hold the commands of signals."""
