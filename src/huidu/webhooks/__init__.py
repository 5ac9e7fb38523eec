"""The way out: what happened is posted to those who asked for it."""
