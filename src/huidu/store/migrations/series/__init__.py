"""The steps of the series."""
