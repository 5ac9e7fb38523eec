"""Other ways to be called."""
