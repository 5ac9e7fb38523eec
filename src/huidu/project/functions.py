"""Functions: what a project's file says of its code and of the function it becomes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from huidu.model import names
from huidu.model.function import (
    EVENT,
    WEB,
    Configuration,
    Layer,
    check_handler,
    environment_of,
)
from huidu.project.declared import (
    BUILT,
    ELSEWHERE,
    EXPRESS,
    FLASK,
    HTTP,
    KOA,
    SCF,
    Function,
    Source,
)
from huidu.project.fields import Fields
from huidu.project.flaw import instead

RUNTIME = re.compile(r"Python3\.[0-9]{1,2}|Nodejs[1-9][0-9]?\.[0-9]{1,2}|CustomRuntime")
RUNTIMES = (
    *("Python3.6", "Python3.7", "Python3.9", "Python3.10"),
    *("Nodejs10.15", "Nodejs12.16", "Nodejs14.18", "Nodejs16.13", "Nodejs18.15", "CustomRuntime"),
)
#: What the components take where a file does not say: runtime, seconds, MB, entry file.
#: (docs/configure.md of tencent-scf, tencent-express, tencent-koa, tencent-flask, tencent-http)
USUAL: Mapping[str, tuple[str, int, int, str]] = {
    SCF: ("Nodejs10.15", 3, 128, ""),
    EXPRESS: ("Nodejs10.15", 3, 128, "sls.js"),
    KOA: ("Nodejs10.15", 3, 128, "sls.js"),
    FLASK: ("Python3.6", 3, 128, "app.py"),
    HTTP: ("Nodejs12.16", 10, 512, ""),
}
INIT_TIMEOUT_S = 65
TYPES = {"event": EVENT, "web": WEB, "Event": EVENT, "HTTP": WEB}
HANDLER = "index.main_handler"
SERVED = "sl_handler.handler"  #: What the components call that start a server.
MOST_NAME = 60
BESIDE = "what lies beside the code is not sent along"


@dataclass(frozen=True, slots=True)
class Says:
    """Where a component looks for what concerns the function: the first place that has it."""

    component: str
    inputs: Fields
    conf: Fields | None = None
    folder: Path | None = Path()  #: Where other folders are looked for; None where there are none.

    def where(self, *spelled: str) -> tuple[Fields, str]:
        """Return the place that has a key, under any of its names, and the name."""
        places = [place for place in (self.conf, self.inputs) if place is not None]
        # Each place is asked, so that each knows that it may be asked.
        there = [(place, name) for place in places for name in spelled if place.has(name)]
        return there[0] if there else (places[0], spelled[0])


def source_of(inputs: Fields, folder: Path, *, alone: bool = False) -> Source:
    """Read which files are packed: `src` as a folder, or as a mapping.

    `alone`: no file but those below the folder is anybody's business.
    """
    node = inputs.take("src")
    within = inputs.block("src") if node is not None and isinstance(node.value, Mapping) else None
    text = within.text("src", ".") if within else inputs.text("src", ".")
    exclude = (*inputs.texts("exclude"), *(within.texts("exclude") if within else ()))
    include = (*inputs.texts("include"), *(within.texts("include") if within else ()))
    if include and alone:
        raise inputs.flaw("include", f"{BESIDE}; say it within src, which sends the files")
    if within:
        for key in ("bucket", "object", "key"):
            if within.has(key):
                raise within.flaw(key, "code is packed from a folder here; say src: ./src")
        within.done()
    place = (folder / text).resolve()
    if not place.is_dir():
        what = "is a file; name the folder that it is in" if place.exists() else "is not there"
        where, key = (within, "src") if within else (inputs, "src")
        raise where.flaw(key, f"the folder {text[:80]!r} {what} (looked from {folder})")
    for one in include:
        if not (folder / one).is_file():
            raise (within or inputs).flaw("include", f"the file {one[:80]!r} is not there")
    return Source(
        folder=place,
        exclude=exclude,
        include=tuple(folder / one for one in include),
        install=inputs.flag("installDependency", default=True),
    )


def function_of(says: Says, named: str, stage_text: str) -> Function:
    """Read what the function is to be; `named` is its name where the file does not say."""
    _, timeout_s, memory_mb, entry = USUAL[says.component]
    spelled = ("functionName", "name")
    place, key = says.where(*(spelled[::-1] if says.component in {SCF, HTTP} else spelled))
    name = place.text(key) or named
    _check_name(place, key, name)
    namespace = _text(says, "namespace", names.DEFAULT_NAMESPACE)
    place, key = says.where("namespace")
    place.checked(key, lambda: names.check_namespace(namespace))
    place, key = says.where("description")
    description = place.text(key, stage_text)
    place.checked(key, lambda: names.check_description(description))
    place, key = says.where("tags", "tag")
    return Function(
        name=name,
        namespace=namespace,
        configuration=_configuration(says, timeout_s, memory_mb),
        description=description,
        tags=place.pairs(key),
        built=_built(says),
        entry_file=_text(says, "entryFile", entry),
    )


def _text(says: Says, key: str, default: str = "") -> str:
    place, spelled = says.where(key)
    return place.text(spelled, default)


def _check_name(place: Fields, key: str, name: str) -> None:
    if len(name) > MOST_NAME and not place.has(key):
        why = f"is missing, and {name!r} is longer than {MOST_NAME} characters; say a shorter one"
        raise place.flaw(key, why)
    place.checked(key, lambda: names.check_function(name))


def _configuration(says: Says, timeout_s: int, memory_mb: int) -> Configuration:
    kind = _type(says)
    runtime = _runtime(says)
    numbers = {
        "memorySize": memory_mb,
        "timeout": timeout_s,
        "initTimeout": INIT_TIMEOUT_S,
    }
    read = {}
    for key, usual in numbers.items():
        place, spelled = says.where(key)
        read[key] = place.whole(spelled, usual)
    # One by one, so that a refusal is told of the key that it is about.
    place, spelled = says.where("memorySize")
    memory = place.checked(spelled, lambda: _only(memory_mb=read["memorySize"]))
    place, spelled = says.where("timeout")
    timeout = place.checked(spelled, lambda: _only(timeout_s=read["timeout"]))
    place, spelled = says.where("initTimeout")
    begins = place.checked(spelled, lambda: _only(init_timeout_s=read["initTimeout"]))
    return Configuration(
        handler=_handler(says, runtime, kind),
        runtime=runtime,
        memory_mb=memory.memory_mb,
        timeout_s=timeout.timeout_s,
        init_timeout_s=begins.init_timeout_s,
        environment=_environment(says),
        layers=_layers(says),
        type=kind,
        role=_text(says, "role"),
        settings=_settings(says),
    )


def _only(
    *, memory_mb: int = 128, timeout_s: int = 3, init_timeout_s: int = INIT_TIMEOUT_S
) -> Configuration:
    return Configuration(
        handler=HANDLER,
        runtime="",
        memory_mb=memory_mb,
        timeout_s=timeout_s,
        init_timeout_s=init_timeout_s,
    )


def _type(says: Says) -> str:
    usual = "web" if says.component == HTTP else "event"
    place, key = says.where("type")
    return TYPES[place.choice(key, tuple(TYPES), usual)]


def _runtime(says: Says) -> str:
    place, key = says.where("runtime")
    runtime = place.text(key, USUAL[says.component][0])
    if not RUNTIME.fullmatch(runtime):
        raise place.flaw(key, f"{runtime[:60]!r} is no runtime; {instead(runtime, RUNTIMES)}")
    return runtime


def _handler(says: Says, runtime: str, kind: str) -> str:
    place, key = says.where("handler")
    if kind == WEB:
        return place.text(key, SERVED)
    handler = place.text(key, HANDLER if says.component in {SCF, HTTP} else SERVED)
    if runtime != "CustomRuntime":
        place.checked(key, lambda: check_handler(handler))
    return handler


def _environment(says: Says) -> tuple[tuple[str, str], ...]:
    place, key = says.where("environment", "environments")
    node = place.take(key)
    entry = _text(says, "entryFile", USUAL[says.component][3])
    usual = {"SERVERLESS": "1", "SLS_ENTRY_FILE": entry} if entry else {}
    if node is None:
        return environment_of(usual)
    if isinstance(node.value, tuple):
        pairs = place.pairs(key)
    else:
        inner = Fields(node, place.under(key))
        pairs = inner.pairs("variables")
        inner.done()
    environment = environment_of(usual | dict(pairs))
    place.checked(key, lambda: Configuration(handler=HANDLER, runtime="", environment=environment))
    return environment


def _layers(says: Says) -> tuple[Layer, ...]:
    place, key = says.where("layers")
    layers = []
    for row in place.blocks(key):
        name = row.needed("name", "my-layer")
        if row.has("version") == row.has("src"):
            why = "say version: 1 or, of a folder, src: ./layer"
            raise row.flaw("version", why)
        layers.append(Layer(name, row.whole("version", BUILT), ELSEWHERE))
        row.done()
    return tuple(layers)


def _built(says: Says) -> tuple[tuple[str, Path], ...]:
    place, key = says.where("layers")
    found = []
    for row in place.blocks(key):
        text = row.text("src")
        if not text:
            continue
        if says.folder is None:
            raise row.flaw("src", f"{BESIDE}; publish the layer, and say which version: 1")
        folder = (says.folder / text).resolve()
        if not folder.is_dir():
            raise row.flaw("src", f"the folder {text[:80]!r} is not there")
        found.append((row.text("name"), folder))
    return tuple(found)


def _settings(says: Says) -> tuple[tuple[str, str], ...]:
    """Read what the server keeps and gives back, in the API's words."""
    found: dict[str, object] = {}
    for key, field, members in KEPT:
        place, spelled = says.where(*key)
        block = place.block(spelled)
        if block is not None:
            said = {theirs: block.text(ours) for ours, theirs in members.items()}
            block.done()
            found[field] = {name: value for name, value in said.items() if value}
    place, key_of_public = says.where("publicAccess")
    if not place.flag(key_of_public, default=True):
        found["public_net_config"] = {"PublicNetStatus": "DISABLE"}
    return tuple(sorted((name, json.dumps(value)) for name, value in found.items() if value))


KEPT = (
    (("vpcConfig", "vpc"), "vpc_config", {"vpcId": "VpcId", "subnetId": "SubnetId"}),
    (
        ("deadLetter",),
        "dead_letter_config",
        {"type": "Type", "name": "Name", "filterType": "FilterType"},
    ),
)
