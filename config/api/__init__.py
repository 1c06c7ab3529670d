"""Hold what every API route shares: authentication, errors, pages, parsing."""
