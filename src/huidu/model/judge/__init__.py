"""Whether a new version is worse than the one before: tests that hold at any moment."""
