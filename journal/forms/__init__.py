"""Read rotations, reversals and passes from forms."""
