"""Read what people write on the pages of this app."""
