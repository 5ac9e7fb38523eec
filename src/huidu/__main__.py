"""Lets `python -m huidu` be the huidu command."""

from huidu.cli.main import main

main()
