"""The steps of the catalog."""
