"""Lanes: processes beside the server's own that answer calls of function URLs."""
