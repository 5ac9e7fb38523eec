"""The one way from a call to its outcome."""
