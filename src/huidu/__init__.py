"""Serverless functions that you host yourself, with safe release built in."""

from importlib.metadata import version

__version__ = version("huidu")
