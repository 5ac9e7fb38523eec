"""Reading: from a project's file, the command line and the environment to a `Project`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from huidu.model.names import DEFAULT
from huidu.project.aside import AT_THE_TOP, aside
from huidu.project.declared import (
    COMPONENTS,
    EXPRESS,
    FLASK,
    HTTP,
    KOA,
    SCF,
    Alias,
    Gateway,
    Notice,
    Project,
    Timer,
    Traffic,
    Url,
)
from huidu.project.entrances import gateway_of, triggers_of
from huidu.project.fields import Fields
from huidu.project.flaw import Flaw, instead
from huidu.project.functions import Says, function_of, source_of
from huidu.project.releases import aliases_of, rollout_of, traffic_of
from huidu.project.tree import Node, node_of, tree_of
from huidu.project.variables import environment_file, read_environment, resolve

FILES = ("serverless.yml", "serverless.yaml", "serverless.json")
STAGE = "dev"
REGION = re.compile(r"(ap|eu|na|sa)-[a-z]+(-[a-z0-9]+)?")
MOST_DIGITS = 40
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)


def find(folder: Path) -> Path:
    """Return the project's file of a folder, or raise `Flaw`."""
    for name in FILES:
        if (folder / name).is_file():
            return folder / name
    if not folder.is_dir():
        raise Flaw(f"there is no folder {folder}")
    near = sorted(one.name for one in folder.glob("*.y*ml"))
    hint = f"; there is {near[0]}" if near else "; huidu init makes one"
    raise Flaw(f"no {FILES[0]} in {folder}{hint}")


def read(
    folder: Path,
    environment: Mapping[str, str],
    *,
    stage: str = "",
    inputs: Mapping[str, str] | None = None,
) -> Project:
    """Read the project of a folder, or raise `Flaw`.

    `stage` and `inputs` are what the command line says and win over the file: `inputs` by the
    path below inputs, as in `{"traffic": "0.1"}`. `environment` is that of the process; it wins
    over the file `.env`.
    """
    file = find(folder)
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as wrong:
        raise Flaw(f"cannot be read: {wrong}", file=file.name) from None
    root = _with_inputs(tree_of(text, file.name), inputs or {})
    first = Fields(root)
    said = stage or first.text("stage", STAGE)
    try:
        of_file = environment_file(folder, said)
        variables = {**(read_environment(of_file) if of_file else {}), **environment}
        own = _own(first, variables, stage)
        own["app"] = _app_above(folder) or own["app"]
        return _project(Fields(resolve(root, "", variables, own)), file, own)
    except (OSError, RuntimeError) as wrong:  # A name that is too long, links in a circle.
        raise Flaw(f"names what cannot be looked for: {wrong}", file=file.name) from None


def told(
    inputs: Mapping[str, object], component: str, own: Mapping[str, str], folder: Path
) -> Project:
    """Return the project that somebody else has read, whose code is in a folder; raise `Flaw`.

    `inputs` are as in the file, with the variables of the environment replaced; `own` is what the
    file says of itself: name, app, stage and org. No file outside of the folder is looked at, since
    it was read on another machine than this one.
    """
    said = {"component": component, "inputs": {**inputs, "src": "."}}
    root = resolve(node_of(said, FILES[0]), "", {}, own)
    return _project(Fields(root), folder / FILES[0], own, alone=True)


def _app_above(folder: Path) -> str:
    """Return the application that a project's file one folder above names, which holds for all."""
    file = next((above for name in FILES if (above := folder.parent / name).is_file()), None)
    if file is None:
        return ""
    try:
        root = tree_of(file.read_text("utf-8-sig"), str(file))
    except (OSError, UnicodeDecodeError):
        return ""
    return Fields(root).text("app")


def _own(first: Fields, variables: Mapping[str, str], stage: str) -> dict[str, str]:
    """Return what the file says of itself: these may hold variables of the environment only."""
    own: dict[str, str] = {}
    name = first.needed("name", "my-project")
    for key, default in (("name", name), ("app", ""), ("stage", STAGE), ("org", "")):
        node = first.take(key)
        found = resolve(node, key, variables, own) if node else None
        own[key] = str(found.value) if found else default
    own["app"] = own["app"] or own["name"]
    own["stage"] = stage or own["stage"]
    return own


def _project(root: Fields, file: Path, own: Mapping[str, str], *, alone: bool = False) -> Project:
    component = _component(root)
    for key in own:
        root.take(key)
    inputs = root.block("inputs") or Fields(Node({}, file.name, root.node.line), "inputs")
    conf = _conf(component, inputs, "faas", "functionConf")
    of_server = _of_server(component, conf)
    notices = [*aside(root, AT_THE_TOP), *_of_regions(inputs), *aside(inputs)]
    notices += aside(conf) if conf else []
    function = function_of(
        Says(of_server, inputs, conf, None if alone else file.parent),
        f"{own['name']}-{own['stage']}-{own['app']}",
        f"This is a function in {own['app']} application",
    )
    source = source_of(inputs, file.parent, alone=alone)
    entrances = _entrances(component, inputs, own, notices)
    aliases = aliases_of(root)
    project = Project(
        file=file,
        component=of_server,
        **own,
        source=source,
        function=function,
        gateway=next((one for one in entrances if isinstance(one, Gateway)), None),
        timers=tuple(one for one in entrances if isinstance(one, Timer)),
        urls=tuple(one for one in entrances if isinstance(one, Url)),
        traffic=_traffic(inputs, function.name, aliases),
        aliases=aliases,
        rollout=rollout_of(root, aliases),
        notices=tuple(notices),
    )
    for fields in (conf, inputs, root):
        if fields is not None:
            fields.done()
    return project


def _of_server(component: str, conf: Fields | None) -> str:
    """Return the component that knows the framework of the component http."""
    framework = conf.text("framework") if conf and component == HTTP else ""
    # Any other one brings its scf_bootstrap.
    return framework if framework in {EXPRESS, KOA, FLASK} else component


def _traffic(inputs: Fields, function: str, aliases: Sequence[Alias]) -> Traffic:
    traffic = traffic_of(inputs, function)
    if traffic.latest is not None and any(alias.name == DEFAULT for alias in aliases):
        raise inputs.flaw("traffic", f"moves {DEFAULT}, and so do the aliases; keep one of them")
    return traffic


def _conf(component: str, inputs: Fields, of_http: str, of_others: str) -> Fields | None:
    """Take a block that has another name in the component http, which takes both here."""
    found = inputs.block(of_http) if component == HTTP else None
    return found or inputs.block(of_others)


def _of_regions(inputs: Fields) -> list[Notice]:
    """Take the region, and tell of what is said for one alone: here is one server."""
    inputs.take("region")
    named = [name for name in inputs.each() if REGION.fullmatch(name)]
    why = "has no effect here: there are no regions"
    nodes = ((name, inputs.take(name)) for name in named)
    return [Notice(node.line, inputs.under(name), why) for name, node in nodes if node]


def _component(root: Fields) -> str:
    said = root.needed("component", "scf")
    # `express@0.3.0` names a version of the component; ours is its latest.
    component = said.partition("@")[0].removeprefix("tencent-")
    if component not in COMPONENTS:
        near = instead(component, COMPONENTS)
        why = f"{said[:60]!r} is no component to be had here; {near}; for any other web framework "
        raise root.flaw("component", why + "say http and add a file scf_bootstrap")
    return component


def _entrances(
    component: str, inputs: Fields, own: Mapping[str, str], notices: list[Notice]
) -> list[Gateway | Timer | Url]:
    if component == SCF:
        found = list(triggers_of(inputs, own["stage"], own["name"], notices))
        gateways = [one for one in found if isinstance(one, Gateway)]
        if len(gateways) > 1:
            raise inputs.flaw("events", "two of apigw; put their endpoints into one")
        return found
    conf = _conf(component, inputs, "apigw", "apigatewayConf")
    if conf is not None:
        notices += aside(conf)
    gateway = gateway_of(conf, inputs)
    if conf is not None:
        conf.done()
    return [] if gateway is None else [gateway]


def _with_inputs(root: Node, inputs: Mapping[str, str]) -> Node:
    for path, text in inputs.items():
        root = _put(root, ("inputs", *path.split(".")), text, f"--inputs.{path}")
    return root


def _put(node: Node, path: tuple[str, ...], text: str, option: str) -> Node:
    """Return the tree with one value replaced, as `--inputs.a.b=value` asks."""
    if not path:
        return Node(_said(text), option, 0)
    members = node.value if isinstance(node.value, Mapping) else {}
    below = members.get(path[0], Node({}, option, 0))
    return replace(node, value={**members, path[0]: _put(below, path[1:], text, option)})


def _said(text: str) -> str | float | bool:
    """Read a value of the command line as the official one does: numbers, true, false, text."""
    if text in {"true", "false", ""}:
        return text != "false"
    if not NUMBER.fullmatch(text) or len(text) > MOST_DIGITS:
        return text
    return int(text) if text.lstrip("+-").isdigit() else float(text)
