"""Draw scores in templates."""
