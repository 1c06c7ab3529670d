"""Hold the schema history of this app."""
