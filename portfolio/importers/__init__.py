"""Read what venues export into what the ledger records."""
