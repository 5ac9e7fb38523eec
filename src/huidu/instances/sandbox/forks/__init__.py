"""The platform's side of zygotes: who orders forks of them, and holds what is ordered."""
