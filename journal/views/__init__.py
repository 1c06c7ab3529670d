"""Answer the pages of the journal and Today, one topic a module."""
