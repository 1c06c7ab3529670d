"""Read what the journal needs, in a constant number of queries."""
