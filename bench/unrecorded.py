"""A server that counts and records no call, to be measured beside one that does."""

from __future__ import annotations

import argparse
import sys

from huidu.cli.serve import serve
from huidu.invoke.invoker import Invoker
from huidu.model.function import FunctionName
from huidu.model.invocation import Invocation, Record
from huidu.model.tally import Lane
from huidu.observe.recorder import Recorder

NOTHING = Record(request_id="", function=FunctionName("", ""), qualifier="")


class Unrecorded(Recorder):
    """Takes what it is given, and lets it go."""

    def began(self, lane: Lane) -> None:
        """An instance has a call; so what."""

    def ended(self, lane: Lane) -> None:
        """It has it no more."""

    def record(self, record: Record) -> None:
        """A call has ended."""


def _nothing(invoker: Invoker, invocation: Invocation, call: object) -> Record:
    return NOTHING


def main() -> int:
    """Serve as `huidu serve` does."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("serve", choices=("serve",))
    for name in ("data", "api", "gateway"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--set", action="append", default=[])
    given = parser.parse_args()
    options = {"data": given.data, "api": given.api, "gateway": given.gateway}
    options |= dict(one.split("=", 1) for one in given.set)
    setattr(Invoker, "_record", _nothing)  # noqa: B010 - no record is even made
    return serve(options, None, Unrecorded)


if __name__ == "__main__":
    sys.exit(main())
