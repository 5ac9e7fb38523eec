"""`huidu rollout`: have a version take over an alias, watch it, and take it back."""
