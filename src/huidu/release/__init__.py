"""Release: moves the rollouts under way, a step at a time."""
