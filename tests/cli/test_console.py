"""`huidu console`: where a browser finds the server."""

from __future__ import annotations

import pytest

from huidu.cli.console import at


@pytest.mark.parametrize(
    ("endpoint", "there"),
    [
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("https://huidu.example.com/", "https://huidu.example.com"),
        ("http://0.0.0.0:9000", "http://127.0.0.1:9000"),
        ("http://[::]:9000", "http://[::1]:9000"),
    ],
)
def test_a_server_that_listens_everywhere_is_found_here(endpoint: str, there: str) -> None:
    assert at(endpoint) == there
