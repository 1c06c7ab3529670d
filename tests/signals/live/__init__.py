"""Ask live sources on a fake internet."""
