"""The nouns of the platform and the decisions about them; nothing here reads, waits or guesses."""
