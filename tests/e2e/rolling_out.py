"""What tests of rollouts have in common: a function with versions behind a URL, and callers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from tests.e2e.calling import at_once
from tests.platform import Platform, zipped

GOOD = "def main_handler(event, context):\n    return {'version': context['function_version']}\n"
BAD = "def main_handler(event, context):\n    print('about to')\n    raise RuntimeError('broken')\n"


@dataclass
class Release:
    """A function with two versions; its alias `release` leads to the first, and has a URL."""

    platform: Platform
    name: str
    path: str

    @classmethod
    def make(
        cls, platform: Platform, name: str, first: str = GOOD, second: str = GOOD, **changed: Any
    ) -> Release:
        """Publish both versions; `changed` is what the second is configured with beside."""
        platform.make(name, first)
        platform.publish(name)
        platform.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion="1")
        platform.call("UpdateFunctionCode", FunctionName=name, ZipFile=zipped(second))
        if changed:
            platform.call("UpdateFunctionConfiguration", FunctionName=name, **changed)
        platform.publish(name)
        platform.call(
            "CreateTrigger",
            FunctionName=name,
            TriggerName="url",
            Type="http",
            Qualifier="release",
            TriggerDesc=json.dumps({"AuthType": "NONE", "NetConfig": {"EnableExtranet": True}}),
        )
        desc = platform.call("ListTriggers", FunctionName=name)["Triggers"][0]["TriggerDesc"]
        url = json.loads(desc)["NetConfig"]["ExtranetUrl"]
        return cls(platform, name, url.removeprefix(platform.gateway))

    @property
    def url(self) -> str:
        """Where callers call the alias."""
        return self.platform.gateway + self.path

    def start(self, **more: Any) -> dict[str, Any]:
        """Begin a rollout to version 2."""
        asked = {"FunctionName": self.name, "Name": "release", "FunctionVersion": "2"}
        return self.platform.ours("StartRollout", **asked | more)

    def do(self, action: str, **more: Any) -> dict[str, Any]:
        """Carry out an action upon the latest rollout."""
        asked = {"FunctionName": self.name, "Name": "release"}
        return self.platform.ours(f"{action}Rollout", **asked | more)

    def get(self) -> dict[str, Any]:
        """See how it stands."""
        return self.do("Get")

    def stands(self) -> tuple[str, float]:
        """Return its state and the candidate's share."""
        seen = self.get()
        return seen["State"], seen["Weight"]

    def events(self) -> list[str]:
        """Return the events of its rollouts, in their order."""
        return [step["Event"] for step in self.get()["Steps"]]

    def weight(self) -> float:
        """Return the share of version 2 as the alias has it."""
        alias = self.platform.call("GetAlias", FunctionName=self.name, Name="release")
        if alias["FunctionVersion"] == "2":
            return 1.0
        shares = alias["RoutingConfig"]["AdditionalVersionWeights"]
        return float(sum(share["Weight"] for share in shares if share["Version"] == "2"))

    def everything(self) -> tuple[object, ...]:
        """Return all that a rollout stands by."""
        return self.stands(), self.weight(), self.events(), self.moves()

    def moves(self) -> list[str]:
        """Return the actions in the history of the alias, the first one first."""
        asked = {"FunctionName": self.name, "Name": "release", "Limit": 100}
        changes = self.platform.ours("ListAliasHistory", **asked)["Changes"]
        return [change["Action"] for change in reversed(changes)]


@dataclass
class Load:
    """Callers that call a URL until they are told to stop."""

    release: Release
    callers: int = 4
    pause_s: float = 0.0
    stopping: threading.Event = field(default_factory=threading.Event)
    answers: list[tuple[int, str]] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[Load]:
        """Call, until the end of the block."""
        with at_once(self._call, self.callers, self.stopping):
            yield self

    def _call(self) -> None:
        while not self.stopping.wait(self.pause_s):
            try:
                with urlopen(self.release.url, timeout=20) as answer:  # noqa: S310 - our server
                    self.answers.append((answer.status, answer.headers["X-Scf-Version"]))
            except HTTPError as error:
                with suppress(OSError), error:
                    self.answers.append((error.code, error.headers["X-Scf-Version"]))
            except OSError:  # The server is being killed.
                self.answers.append((0, ""))

    def count(self, version: str) -> int:
        """Return how many answers a version gave."""
        return sum(1 for _, one in self.answers if one == version)
