"""The running copies of versions."""
