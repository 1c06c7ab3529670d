"""Take in what the market says and work out what it suggests, one topic a module."""
