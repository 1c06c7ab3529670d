"""What the market says, and what it suggests."""
