"""The languages a function may be written in."""
