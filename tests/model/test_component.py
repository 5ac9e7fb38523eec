"""A component: who it is, what may be done with it, and what runs leave behind."""

from __future__ import annotations

import pytest

from huidu.model.component import (
    ACTIVE,
    DEPLOYING,
    ERROR,
    INACTIVE,
    REMOVING,
    Component,
    ComponentKey,
    Order,
)
from huidu.model.errors import InUse, InvalidParameter, InvalidValue

KEY = ComponentKey("1250000000", "shop", "dev", "front")
DEPLOY = Order(key=KEY, kind="express", method="deploy", inputs={"token": "a secret"})
REMOVE = Order(key=KEY, kind="express", method="remove", inputs={})


@pytest.mark.parametrize("name", ["", ".", "..", "../a", "a/b", "-a", "a b", "a" * 65, "é", "a\n"])
def test_a_name_that_could_be_a_path_or_an_option_is_refused(name: str) -> None:
    for at, what in enumerate(("org", "app", "stage", "name")):
        parts = ["o", "a", "s", "n"]
        parts[at] = name
        with pytest.raises(InvalidParameter, match=what):
            ComponentKey(*parts)


def test_it_can_be_deployed_and_removed_and_nothing_else() -> None:
    with pytest.raises(InvalidValue, match="deploy and remove can be had here"):
        Order(key=KEY, kind="express", method="logs", inputs={})
    with pytest.raises(InvalidValue, match="at most 80 characters, as in express"):
        Order(key=KEY, kind="x" * 81, method="deploy", inputs={})
    assert "secret" not in repr(DEPLOY)


def test_a_deploy_goes_from_its_beginning_to_its_end() -> None:
    begun = Component(key=KEY).begin(DEPLOY, "run-1", 10.0)
    assert (begun.status, begun.is_busy, begun.run, begun.made_at) == (DEPLOYING, True, "run-1", 10)

    done = begun.deployed('{"lastVersion":"1"}', '{"a":1}', 12.0)
    assert (done.status, done.is_busy, done.deployments, done.deployed_at) == (ACTIVE, False, 1, 12)
    assert begun.noted('{"lastVersion":"2"}').is_busy
    removing = done.begin(REMOVE, "run-2", 20.0)
    assert (removing.status, removing.made_at) == (REMOVING, 10)
    gone = removing.removed(21.0)
    assert (gone.status, gone.state, gone.outputs, gone.removals) == (INACTIVE, "{}", "{}", 1)


def test_while_something_is_under_way_nothing_else_is_begun() -> None:
    begun = Component(key=KEY).begin(DEPLOY, "run-1", 10.0)

    with pytest.raises(InUse, match=r"front \(app shop, stage dev\) is deploying since 5 s"):
        begun.begin(REMOVE, "run-2", 15.0)


def test_what_fails_keeps_the_outputs_of_before_and_can_be_deployed_again() -> None:
    done = Component(key=KEY).begin(DEPLOY, "run-1", 1.0).deployed("{}", '{"a":1}', 2.0)
    failed = done.begin(DEPLOY, "run-2", 3.0).failed("why" * 4000, '{"lastVersion":"2"}', 4.0)

    assert (failed.status, failed.outputs, failed.errors) == (ERROR, '{"a":1}', 1)
    assert (len(failed.error), failed.state) == (4000, '{"lastVersion":"2"}')
    assert failed.begin(DEPLOY, "run-3", 5.0).error == ""
