"""Hold the commands that run the whole project."""
