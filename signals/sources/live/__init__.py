"""Read the live public sources: one module each, one line each in `registry`."""
