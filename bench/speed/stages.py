"""Stages: servers of ours as `huidu serve` starts them, with the functions that are called."""

from __future__ import annotations

import base64
import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import filled, serving
from bench.functions import PROGRAMS, PYTHON_NAME
from bench.serving import Served
from bench.speed import worker
from bench.speed.places import Opener, Place
from bench.speed.wrk import Ask
from demo.load import Caller
from huidu.actions.table import BY_NAME

SCF = "2018-04-16"
PYTHON = "def main_handler(event, context):\n    return 'ok'\n"
SLOW = (
    "import time\ndef main_handler(event, context):\n    time.sleep({seconds})\n    return 'ok'\n"
)
NODE = 'exports.main_handler = async () => "ok";\n'
START = "#!/bin/sh\ncd /var/user 2>/dev/null\nexec python3 server.py 9000\n"
USER = {"User": "Bob"}
MEGABYTE = 1_000_000
#: Bodies that are posted to the function's URL, in bytes, by the name of the way.
BODIES: Mapping[str, int] = {
    "body-1kb": 1000,
    "body-100kb": MEGABYTE // 10,
    "body-5mb": 5 * MEGABYTE,
}
#: Aliases beside `plain`, by the name of the way. Versions 1 and 2 are of the same code, so that
#: the same instances answer for both: what differs is the choice alone.
TENTH = {"RoutingConfig": {"AdditionalVersionWeights": [{"Version": "2", "Weight": 0.1}]}}
RULE = {"Version": "2", "Key": "invoke.headers.User", "Method": "exact", "Expression": "Bob"}
ALIASES: Mapping[str, Mapping[str, object]] = {
    "weight": TENTH,
    "rule": {"RoutingConfig": {"AddtionVersionMatchs": [RULE]}},
    "sticky": {**TENTH, "Sticky": "invoke.headers.User"},
}


def zipped(files: Mapping[str, str]) -> str:
    """Return a package, in base64."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o100755 if name in PROGRAMS else 0o100644) << 16
            archive.writestr(info, text)
    return base64.b64encode(out.getvalue()).decode()


class Workshop:
    """Makes functions on a server."""

    def __init__(self, served: Served) -> None:
        self._client = served.client
        self._gateway = served.gateway

    def call(self, action: str, name: str, **parameters: object) -> Mapping[str, object]:
        """Ask for something to be done with a function."""
        asked = {"FunctionName": name, **parameters}
        return self._client.call(BY_NAME[SCF, action], asked)

    def make(self, name: str, files: Mapping[str, str], **parameters: object) -> None:
        """Make a function with a version of what it is made of."""
        given = {"Runtime": PYTHON_NAME, "Timeout": 60, **parameters}
        self.call("CreateFunction", name, Code={"ZipFile": zipped(files)}, **given)
        self.call("PublishVersion", name)

    def url(self, name: str, alias: str, **routing: object) -> str:
        """Return the URL that leads to a new alias of a function."""
        self.call("CreateAlias", name, Name=alias, FunctionVersion="1", **routing)
        made = self.call("CreateTrigger", name, TriggerName=alias, Type="http", Qualifier=alias)
        info = made["TriggerInfo"]
        if not isinstance(info, dict):
            raise TypeError(made)
        return f"{self._gateway}/url/{info['ResourceId']}/"


def signed(served: Served, name: str, qualifier: str) -> Ask:
    """Return an `InvokeFunction`, signed now: it is good for five minutes."""
    caller = Caller(
        endpoint=served.client.endpoint,
        secret_id=serving.PAIR.secret_id,
        secret_key=serving.PAIR.secret_key,
        function=name,
        qualifier=qualifier,
    )
    headers, body = caller.request(time.time(), json.dumps({"key": "value"}))
    return Ask(
        url=f"{served.client.endpoint}/",
        method="POST",
        headers={name: value for name, value in headers.items() if name != "host"},
        body=body,
        good='"InvokeResult":0',
    )


def _asking(url: str, body: bytes = b"", headers: Mapping[str, str] = USER) -> Callable[[], Ask]:
    """Return what makes a request for a URL; all have the header, so that all cost as much."""
    ask = Ask(url=url, method="POST" if body else "GET", headers=headers, body=body)
    return lambda: ask


def _plainly(served: Served, names: Sequence[str]) -> Place:
    """Make the trivial function; it is all that is called, by its URL and with events."""
    shop = Workshop(served)
    shop.make("plain", {"index.py": PYTHON})
    by_url = _asking(shop.url("plain", "plain"))
    by_event = partial(signed, served, "plain", "plain")
    asks = {name: by_event if name.startswith("invoke") else by_url for name in names}
    return Place(pids=[served.pid], asks=asks)


def _all(served: Served, names: Sequence[str]) -> Place:
    """Make the trivial function, all kinds of aliases of it, and it in other languages."""
    plain = _plainly(served, names)
    shop = Workshop(served)
    shop.call("PublishVersion", "plain")
    asks = dict(plain.asks)
    for name, routing in ALIASES.items():
        asks[name] = _asking(shop.url("plain", name, **routing))
    for name, size in BODIES.items():
        url = plain.asks["url"]().url
        asks[name] = _asking(url, b"x" * size, {**USER, "Content-Type": "text/plain"})
    shop.make("node", {"index.js": NODE}, Runtime="Nodejs18.15")
    asks["node"] = _asking(shop.url("node", "plain"))
    server = Path(worker.__file__).read_text()
    shop.make("web", {"scf_bootstrap": START, "server.py": server}, Type="HTTP")
    asks["web"] = _asking(shop.url("web", "plain"))
    return Place(pids=plain.pids, asks=asks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A server: with how many instances, functions and so on."""

    ways: Sequence[str]
    prepare: Callable[[Served, Sequence[str]], Place] = _plainly
    instances: int = 2
    functions: int = 0  #: That are there beside those that are called.
    program: str = "huidu"

    @contextmanager
    def up(self, folder: Path) -> Iterator[Place]:
        """Have it up."""
        if self.functions:
            filled.fill(folder / "data", self.functions, real=0)
        options = settings(max_instances=self.instances, max_functions=self.functions + 10)
        with serving.over(folder, *options, program=self.program) as served:
            yield self.prepare(served, self.ways)


def settings(**given: int) -> list[str]:
    """Return options of a server that is measured."""
    wanted = {"log_level": "error", **given}
    return [word for name, value in wanted.items() for word in ("--set", f"{name}={value}")]


def stages(functions: int) -> Mapping[str, Opener]:
    """Return the openers; the largest has so many functions."""
    every = {
        "two": Stage(ways=("url", "url-1000", "invoke"), prepare=_all),
        "one": Stage(ways=("url-one", "invoke-one"), instances=1),
        "unrecorded": Stage(ways=("unrecorded",), program="bench.unrecorded"),
        "hundred": Stage(ways=("functions-100",), functions=100),
        "many": Stage(ways=("functions-many",), functions=functions),
    }
    return {name: stage.up for name, stage in every.items()}
