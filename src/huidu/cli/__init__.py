"""The huidu command."""
