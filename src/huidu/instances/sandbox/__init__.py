"""The sandbox: instances as forks of a zygote, each in walls of its own (tier `sandbox`)."""
