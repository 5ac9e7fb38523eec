"""A server that counts and records no call, to be measured beside one that does."""

from __future__ import annotations

import argparse
import sys

from huidu.cli.serve import serve
from huidu.model.call import Call
from huidu.model.sheet import Way
from huidu.observe.counters import Busy
from huidu.observe.recorder import Recorder

NOBODY = Busy()  #: Who is told of every call that ended, and by nobody asked.


class Unrecorded(Recorder):
    """Takes what it is given, and lets it go."""

    def began(self, lane: Way) -> Busy:
        """An instance has a call; so what."""
        return NOBODY

    def take(self, call: Call) -> None:
        """A call has ended; not even its record is made."""


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
    return serve(options, None, Unrecorded)


if __name__ == "__main__":
    sys.exit(main())
