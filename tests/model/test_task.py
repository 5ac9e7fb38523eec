"""What a function is told of its call."""

from __future__ import annotations

import json

from huidu.model.task import Task
from tests.fakes_store import invocation, version


def test_a_copy_looks_like_the_call_itself_but_says_that_it_is_one() -> None:
    call = Task(invocation=invocation(), version=version("1"), alias="release")
    copy = Task(
        invocation=invocation(qualifier="2", trigger="mirror", copied_from="release"),
        version=version("2"),
    )
    told = json.loads(call.context())

    assert json.loads(copy.context()) == told | {"mirror": True}
    assert "mirror" not in told
