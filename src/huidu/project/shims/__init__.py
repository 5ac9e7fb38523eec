"""Shims: what is put into a package to call an application that knows nothing of events."""
