"""Show money, shares and icons in templates."""
