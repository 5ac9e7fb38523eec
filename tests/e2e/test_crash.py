"""What was acknowledged survives `kill -9`, and nothing is half there."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from requests.exceptions import RequestException
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.platform import Platform, zipped
from tests.serverless.asking import Sls

ROUNDS = 4
WRITES = 200
WRITERS = 4


@dataclass
class State:
    """What a writer knows of its function: code by version, and where its aliases point."""

    code: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, tuple[str, float]] = field(default_factory=dict)

    def after(self, write: Write) -> State:
        """Return the state once a write is done."""
        then = State(dict(self.code), dict(self.aliases))
        write.change(then)
        return then


@dataclass
class Write:
    """A call of the API, and what it does to the state."""

    action: str
    parameters: dict[str, Any]
    change: Callable[[State], None]


class Writer(threading.Thread):
    """Writes at random, one write after the other, until the server is gone."""

    def __init__(self, platform: Platform, name: str, state: State, seed: int) -> None:
        super().__init__()
        self.platform = platform
        self.function = name
        self.sure = state  # everything that was acknowledged
        self.pending: Write | None = None  # sent, and not answered
        self.acknowledged = 0
        self.problem: TencentCloudSDKException | None = None
        self.dice = random.Random(seed)

    def run(self) -> None:
        for _ in range(WRITES):
            write = self.write()
            self.pending = write
            try:
                self.platform.call(write.action, FunctionName=self.function, **write.parameters)
            except RequestException:  # The SDK lets it pass where an answer breaks off.
                return
            except TencentCloudSDKException as error:
                if error.get_code() not in ("ClientNetworkError", "ServerNetworkError"):
                    self.problem = error
                return
            self.sure = self.sure.after(write)
            self.pending = None
            self.acknowledged += 1

    def write(self) -> Write:
        if not self.sure.code:
            return self.create()
        kinds = [self.edit, self.publish, self.alias, self.alias, self.alias]
        return self.dice.choice(kinds)()

    def create(self) -> Write:
        text = zipped(f"# {self.dice.random()}\n")
        return Write(
            "CreateFunction",
            {"Code": {"ZipFile": text}, "Runtime": "Python3.10"},
            lambda state: state.code.update({"$LATEST": text}),
        )

    def edit(self) -> Write:
        text = zipped(f"# {self.dice.random()}\n")
        return Write(
            "UpdateFunctionCode", {"ZipFile": text}, lambda s: s.code.update({"$LATEST": text})
        )

    def publish(self) -> Write:
        number = str(len(self.sure.code))
        return Write(
            "PublishVersion", {}, lambda state: state.code.update({number: state.code["$LATEST"]})
        )

    def alias(self) -> Write:
        name = f"alias-{self.dice.randrange(5)}"
        version = self.dice.choice(list(self.sure.code))
        others = [other for other in self.sure.code if other != version]
        weight, routing = 0.0, {}
        if others:
            weight = self.dice.randrange(1, 10000) / 10000
            shares = [{"Version": self.dice.choice(others), "Weight": weight}]
            routing = {"RoutingConfig": {"AdditionalVersionWeights": shares}}
        return Write(
            "UpdateAlias" if name in self.sure.aliases else "CreateAlias",
            {"Name": name, "FunctionVersion": version, **routing},
            lambda state: state.aliases.update({name: (version, weight)}),
        )


def seen(platform: Platform, name: str) -> State:
    """Read back what a server says of a function."""
    try:
        numbers = every_version(platform, name)
    except TencentCloudSDKException as error:
        if error.get_code() != "ResourceNotFound.FunctionName":
            raise
        return State()
    state = State()
    for number in numbers:
        found = platform.call("GetFunction", FunctionName=name, Qualifier=number)
        state.code[number] = found["CodeSha256"]
    for alias in platform.call("ListAliases", FunctionName=name, Limit="100")["Aliases"]:
        if alias["Name"] != "$DEFAULT":
            shares = alias["RoutingConfig"]["AdditionalVersionWeights"]
            weight = shares[0]["Weight"] if shares else 0.0
            state.aliases[alias["Name"]] = (alias["FunctionVersion"], weight)
    return state


def every_version(platform: Platform, name: str) -> list[str]:
    """Read all pages of the list."""
    numbers: list[str] = []
    while True:
        page = platform.call(
            "ListVersionByFunction", FunctionName=name, Limit=100, Offset=len(numbers)
        )
        numbers += page["FunctionVersion"]
        if len(numbers) >= page["TotalCount"]:
            return numbers


def as_seen(state: State) -> State:
    """A state as a server would tell it: code by its digest."""
    return State(
        {number: _sha256(text) for number, text in state.code.items()}, dict(state.aliases)
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(base64.b64decode(text)).hexdigest()


@pytest.mark.timeout(240)
def test_a_killed_server_has_kept_every_write_that_it_acknowledged_and_no_half_one(
    start: Callable[..., Platform],
) -> None:
    still = ("--set", "warm_s=0")  # none of these versions can start
    platform = start(*still)
    states = {f"crash-{n}": State() for n in range(WRITERS)}
    acknowledged = 0
    for turn in range(ROUNDS):
        writers = [
            Writer(platform, name, state, seed=turn * 100 + n)
            for n, (name, state) in enumerate(states.items())
        ]
        for writer in writers:
            writer.start()
        deploying = Sls(platform, f"cut-off-{turn}")
        deploying.begin()
        threading.Event().wait(0.6 + turn * 0.35)
        assert platform.stop(signal.SIGKILL) == -signal.SIGKILL
        for writer in writers:
            writer.join()
            assert writer.problem is None
        platform = start(*still, data=platform.data)
        cut_off = Sls(platform, deploying.name).get() or {}
        assert cut_off["instanceStatus"] == "error"
        assert "the server ended while it was deploying; deploy again" in cut_off["deploymentError"]
        for writer in writers:
            acknowledged += writer.acknowledged
            there = seen(platform, writer.function)
            possible = [writer.sure]
            if writer.pending is not None:
                possible.append(writer.sure.after(writer.pending))
            told = [as_seen(state) for state in possible]
            assert there in told, json.dumps([vars(there), *map(vars, told)], indent=1)
            states[writer.function] = possible[told.index(there)]
    assert acknowledged > 100
    for name, state in states.items():
        for number in state.code:  # and every version still loads
            answer = platform.invoke(name, Qualifier=number)
            assert answer["StatusCode"] == 437, answer  # the code is a comment, whole and readable
    assert not list(platform.data.glob("**/*.tmp"))
