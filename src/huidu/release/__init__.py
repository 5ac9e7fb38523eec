"""Release: new versions on their way to all calls, and what would become of them."""
