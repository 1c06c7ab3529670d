"""Read markets from outside: one module per source, all speaking the observations of `base`."""
