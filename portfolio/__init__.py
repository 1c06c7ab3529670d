"""What I own, and what I aim for."""
