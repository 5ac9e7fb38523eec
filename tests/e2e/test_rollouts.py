"""Rollouts, through a real server: moved by evidence, taken back before people notice."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.platform import Platform, until, zipped

GOOD = "def main_handler(event, context):\n    return {'version': context['function_version']}\n"
BAD = "def main_handler(event, context):\n    raise RuntimeError('broken')\n"


@dataclass
class Versions:
    """A function with two versions, the first of which has the alias `release`, and its URL."""

    platform: Platform
    name: str
    url: str

    @classmethod
    def make(cls, platform: Platform, name: str, first: str, second: str) -> Versions:
        """Publish both."""
        platform.make(name, first)
        platform.publish(name)
        platform.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion="1")
        platform.call("UpdateFunctionCode", FunctionName=name, ZipFile=zipped(second))
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
        return cls(platform, name, json.loads(desc)["NetConfig"]["ExtranetUrl"])

    def start(self, **more: Any) -> dict[str, Any]:
        asked = {"FunctionName": self.name, "Name": "release", "FunctionVersion": "2"}
        return self.platform.ours("StartRollout", **asked | more)

    def get(self) -> dict[str, Any]:
        return self.platform.ours("GetRollout", FunctionName=self.name, Name="release")

    def alias(self) -> dict[str, Any]:
        return self.platform.call("GetAlias", FunctionName=self.name, Name="release")


@dataclass
class Load:
    """Callers that call a URL until they are told to stop."""

    url: str
    callers: int = 4
    stopping: threading.Event = field(default_factory=threading.Event)
    answers: list[tuple[int, str]] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[Load]:
        threads = [threading.Thread(target=self._call) for _ in range(self.callers)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self.stopping.set()
            for thread in threads:
                thread.join()

    def _call(self) -> None:
        while not self.stopping.is_set():
            try:
                with urlopen(self.url, timeout=20) as answer:  # noqa: S310 - our own server
                    self.answers.append((answer.status, answer.headers["X-Scf-Version"]))
            except HTTPError as error:
                self.answers.append((error.code, error.headers["X-Scf-Version"]))

    def count(self, version: str) -> int:
        return sum(1 for _, one in self.answers if one == version)


@pytest.mark.timeout(90)
def test_a_version_that_always_fails_is_taken_back_after_a_handful_of_calls(
    platform: Platform, name: str
) -> None:
    versions = Versions.make(platform, name, GOOD, BAD)
    with Load(versions.url).running() as load:
        until(lambda: load.count("1") >= 50, 30)
        versions.start(Reason="a try")
        until(lambda: versions.get()["State"] == "rolled back", 30)
        seen = len(load.answers)
        until(lambda: len(load.answers) >= seen + 50, 30)
        assert all(version == "1" for _, version in load.answers[seen + 4 :])

    failed = [version for status, version in load.answers if status != 200]
    assert set(failed) == {"2"}
    assert 3 <= len(failed) <= 3 + load.callers
    rollout = versions.get()
    assert rollout["Said"] == "worse than version 1: errors"
    assert versions.alias()["FunctionVersion"] == "1"
