"""What happened, counted and kept."""
