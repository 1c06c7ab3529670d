"""What I did, why, and how it turned out."""
