"""What is to be done: jobs, periodic slots, idempotency keys."""
