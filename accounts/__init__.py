"""Who I am: the person, preferences, API tokens."""
