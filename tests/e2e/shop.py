"""A shop: something for each page of the console to show, with texts as bad as they can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from huidu.console.table import PAGES
from tests.e2e.eventing import send
from tests.e2e.rolling_out import BAD, Release
from tests.e2e.visiting import Visitor
from tests.platform import Platform, zipped

MARK = "window.evil = 1"
HOSTILE = (
    f"<script>{MARK}</script> \x1b[31mred\x1b[0m \u202egnp.exe"
    f" <img src=x onerror='{MARK}'>\"'</title></textarea></script>{{{{7*7}}}}"
)
#: How its beginning is shown, wherever it is.
SHOWN = f"<script>{MARK}</script> ␛[31mred␛[0m ⟨U+202E⟩gnp.exe <img src=x"
#: What no page may hold: markup of somebody else's, and what steers a terminal or turns a line.
NEVER = ("<script>window", "<img src=x", "</textarea></script>", "\x1b", "\u202e")
HIDDEN = {  # Pages that need no sign-in, or are none of the table's.
    "sign-in": "/console/sign-in?reason=wrong",
    "enter": "/console/enter?token=x",
    "nowhere": "/console/nowhere",
}


@dataclass
class Shop:
    """A function with versions, aliases, a rollout and a service; and somebody who looks."""

    release: Release
    visitor: Visitor
    service: str
    rollout: str

    @property
    def platform(self) -> Platform:
        """The server that it is on."""
        return self.release.platform

    @property
    def alias(self) -> str:
        """The page of the alias that a rollout moves."""
        return f"/console/functions/{self.release.name}/aliases/release"

    def paths(self) -> dict[str, str]:
        """Return each page of the table, with what is in the shop."""
        there = {
            "{function}": self.release.name,
            "{alias}": "release",
            "{service}": self.service,
            "{rollout}": self.rollout,
        }
        found = {}
        for page in PAGES:
            path = page.path
            for name, value in there.items():
                path = path.replace(name, value)
            asked = {"compare": "?from=1&to=2", "queue": f"?function={self.release.name}"}
            found[page.path] = f"/console/{path}{asked.get(path.rpartition('/')[2], '')}"
        return found


@contextmanager
def opened(platform: Platform, name: str) -> Iterator[Shop]:
    """Furnish a shop, and clear it with the block: the next may have its name."""
    release = Release.make(platform, name, second=BAD)
    function: dict[str, Any] = {"FunctionName": name}
    platform.call("UpdateFunctionConfiguration", **function, Description="a <b>")
    platform.call("PublishVersion", **function, Description=HOSTILE)
    environment = {"Variables": [{"Key": "WHO", "Value": HOSTILE}]}
    platform.call("UpdateFunctionConfiguration", **function, Environment=environment)
    files: Mapping[str, str] = {"index.py": f"# {HOSTILE}\n{BAD}", "<b>\u202egnp.txt": HOSTILE}
    platform.call("UpdateFunctionCode", **function, ZipFile=zipped(files))
    platform.publish(name)
    platform.invoke(name, Qualifier="2")
    once = {"RetryConfig": [{"RetryNum": 0}]}
    platform.call("UpdateFunctionEventInvokeConfig", **function, AsyncTriggerConfig=once)
    send(platform, name, {"s": HOSTILE}, Qualifier="2")
    rules = [{"Key": "invoke.headers.User", "Method": "exact", "Expression": HOSTILE}]
    platform.call(
        "CreateAlias",
        **function,
        Name="rules",
        FunctionVersion="1",
        Description=HOSTILE,
        RoutingConfig={"AddtionVersionMatchs": [{"Version": "2", **one} for one in rules]},
    )
    platform.call("UpdateAlias", **function, Name="rules", Reason=HOSTILE, FunctionVersion="1")
    service = platform.gateway_call(
        "CreateService", ServiceName="<i>shop</i>", ServiceDesc=HOSTILE, Protocol="http"
    )["ServiceId"]
    rollout = release.start(Plan="50%/1h, 100%", Reason=HOSTILE, Budget={"Failures": 5})
    yield Shop(release, Visitor(platform).sign_in(), service, rollout["RolloutId"])
    release.do("Rollback")
    platform.call("DeleteFunction", **function)
