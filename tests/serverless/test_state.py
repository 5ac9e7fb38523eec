"""What is printed of a component, from what there is."""

from __future__ import annotations

import pytest

from huidu.model.function import Configuration
from huidu.project.there import AliasThere, FunctionThere
from huidu.serverless.state import _traffic


def function(main: str, *weights: tuple[str, float]) -> FunctionThere:
    alias = AliasThere(name="$DEFAULT", version=main, revision=1, weights=weights)
    configuration = Configuration(handler="index.main_handler", runtime="Python3.11")
    return FunctionThere(configuration=configuration, code_sha256="", digest="", aliases=(alias,))


@pytest.mark.parametrize(
    ("there", "share", "second"),
    [
        (None, 1, ""),
        (function("$LATEST"), 1, ""),
        (function("$LATEST", ("3", 0.9)), 0.1, "3"),
        (function("$LATEST", ("3", 0.3), ("2", 0.6)), 0.1, "3"),
        (function("$LATEST", ("3", 0.0)), 1, "3"),
        (function("$LATEST", ("3", 1.0)), 0, "3"),
        (function("4"), 0, "4"),
        (function("4", ("$LATEST", 0.25)), 0.25, "4"),
    ],
)
def test_traffic_is_the_share_of_latest_whoever_has_the_rest(
    there: FunctionThere | None, share: float, second: str
) -> None:
    assert _traffic(there) == (share, second)
    assert isinstance(_traffic(there)[0], int) == (share in (0, 1))
