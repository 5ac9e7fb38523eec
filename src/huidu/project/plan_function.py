"""Plan, the function: its code, its configuration and the triggers of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from huidu.model.function import Configuration
from huidu.project.declared import Function, Project, Timer, Url
from huidu.project.flaw import Flaw
from huidu.project.steps import CHANGED, MADE, NEW, PACKAGE, VERSION, Difference, Later, Step
from huidu.project.there import FunctionThere, TriggerThere

SHORT = 12  #: Characters of a digest that are shown.
OTHER = "(changed)"  #: The values of variables are nobody's business on a terminal.
ALWAYS_PUBLIC = json.dumps({"PublicNetStatus": "ENABLE"})
PUBLIC = "public_net_config"
NO_VARIABLES = [{"Key": "", "Value": ""}]  #: How the API is told that there are none,
NO_LAYERS = [{"LayerName": "", "LayerVersion": 0}]  #: and here.
NEXT = "the new version"
PUBLISHED_BY = "Published by huidu deploy"
OPEN, CLOSED = "OPEN", "CLOSE"


@dataclass(frozen=True, slots=True)
class Asks:
    """What every request for a function begins with."""

    function: Function

    def of(self, **more: object) -> dict[str, object]:
        """Return parameters that name the function, and hold these beside."""
        return {
            "FunctionName": self.function.name,
            "Namespace": self.function.namespace,
            **more,
        }

    @property
    def called(self) -> str:
        """The function as a person names it."""
        namespace = self.function.namespace
        return self.function.name if namespace == "default" else f"{namespace}/{self.function.name}"


def function_steps(project: Project, sha256: str, there: FunctionThere | None) -> list[Step]:
    """Return how `$LATEST` becomes what the project says; raise `Flaw` where it cannot."""
    if there is None:
        return [_create(project.function, sha256)]
    _check_what_stays(project, there.configuration)
    return [*_code(project.function, sha256, there), *_configure(project.function, there)]


def layer_version(name: str) -> Later:
    """Return what stands for the version of a layer that is published on the way."""
    return Later(f"version of layer {name}")


def publish_step(function: Function) -> Step:
    """Return the step by which `$LATEST` becomes a version, whose number later steps know."""
    asks = Asks(function)
    return Step(
        action="PublishVersion",
        parameters=asks.of(Description=PUBLISHED_BY),
        mark=MADE,
        what=f"publish $LATEST of {asks.called} as a new version",
        gives={VERSION.name: ("FunctionVersion",)},
    )


def _create(function: Function, sha256: str) -> Step:
    asks, configuration = Asks(function), function.configuration
    parameters = asks.of(
        Code={"ZipFile": PACKAGE},
        Runtime=configuration.runtime,
        Type=configuration.type,
        Handler=configuration.handler,
        Tags=[{"Key": key, "Value": value} for key, value in function.tags],
        **_said(configuration, function.description),
    )
    shown = {"code": sha256[:SHORT], **_shown(configuration, "")}
    differences = tuple(Difference(name, "", value) for name, value in shown.items() if value)
    return Step(
        action="CreateFunction",
        parameters=parameters,
        mark=NEW,
        what=f"function {asks.called}",
        differences=differences,
    )


def _check_what_stays(project: Project, there: Configuration) -> None:
    wanted = project.function.configuration
    for what, asked, is_now in (
        ("runtime", wanted.runtime, there.runtime),
        ("type", wanted.type, there.type),
    ):
        if asked != is_now:
            raise Flaw(
                f"the {what} of {project.function.name} is {is_now} on the server and cannot be "
                f"changed to {asked}; say {what}: {is_now}, or give the function another name",
                file=project.file.name,
            )


def _code(function: Function, sha256: str, there: FunctionThere) -> Iterator[Step]:
    """Change the code; and the handler with it, so that no call finds one without the other."""
    asks = Asks(function)
    handler = function.configuration.handler
    of_handler = Difference("handler", there.configuration.handler, handler)
    moved = (of_handler,) if of_handler.before != of_handler.after else ()
    if sha256 != there.code_sha256:
        yield Step(
            action="UpdateFunctionCode",
            parameters=asks.of(Handler=handler, Code={"ZipFile": PACKAGE}),
            mark=CHANGED,
            what=f"code of {asks.called}",
            differences=(
                Difference("code", there.code_sha256[:SHORT], sha256[:SHORT]),
                *moved,
            ),
        )
    elif moved:
        yield Step(
            action="UpdateFunctionConfiguration",
            parameters=asks.of(Handler=handler),
            mark=CHANGED,
            what=f"handler of {asks.called}",
            differences=moved,
        )


def _configure(function: Function, there: FunctionThere) -> Iterator[Step]:
    asks = Asks(function)
    wanted, is_now = function.configuration, there.configuration
    said = _said(wanted, function.description)
    before = _said(is_now, there.description)
    # A setting that the file does not mention stays as somebody has set it.
    changed = {name: value for name, value in said.items() if value != before.get(name)}
    if not changed:
        return
    yield Step(
        action="UpdateFunctionConfiguration",
        parameters=asks.of(**changed),
        mark=CHANGED,
        what=f"configuration of {asks.called}",
        differences=tuple(_differences(function, there)),
    )


def _differences(function: Function, there: FunctionThere) -> Iterator[Difference]:
    before = _shown(there.configuration, there.description)
    after = _shown(function.configuration, function.description)
    for name in after:
        if name != "handler" and before.get(name, "") != after[name]:
            yield Difference(name, before.get(name, ""), after[name])
    old, new = dict(there.configuration.environment), dict(function.configuration.environment)
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            gone, fresh = key not in new, key not in old
            told = "removed" if gone else "added" if fresh else OTHER
            yield Difference(f"environment {key}", "", told)


def _said(configuration: Configuration, description: str) -> dict[str, object]:
    """Return what can be changed of a function, in the words of the API."""
    variables = [{"Key": key, "Value": value} for key, value in configuration.environment]
    layers = [
        {"LayerName": layer.name, "LayerVersion": layer.version or layer_version(layer.name)}
        for layer in configuration.layers
    ]
    settings = {PUBLIC: ALWAYS_PUBLIC, **dict(configuration.settings)}
    return {
        "MemorySize": configuration.memory_mb,
        "Timeout": configuration.timeout_s,
        "InitTimeout": configuration.init_timeout_s,
        "Description": description,
        "Role": configuration.role,
        "Environment": {"Variables": variables or NO_VARIABLES},
        "Layers": layers or NO_LAYERS,
        **{_pascal(name): json.loads(text) for name, text in settings.items()},
    }


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _shown(configuration: Configuration, description: str) -> Mapping[str, str]:
    layers = ", ".join(f"{layer.name}:{layer.version or NEXT}" for layer in configuration.layers)
    settings = {PUBLIC: ALWAYS_PUBLIC, **dict(configuration.settings)}
    return {
        "handler": configuration.handler,
        "memory": f"{configuration.memory_mb} MB",
        "timeout": f"{configuration.timeout_s} s",
        "start timeout": f"{configuration.init_timeout_s} s",
        "description": description,
        "role": configuration.role,
        "layers": layers,
        **{_pascal(name): text for name, text in sorted(settings.items())},
    }


def trigger_steps(project: Project, there: FunctionThere | None) -> Iterator[Step]:
    """Return how the function's triggers become what the project says; others are left alone."""
    found = {trigger.name: trigger for trigger in there.triggers} if there else {}
    for timer in project.timers:
        wanted = _timer(timer)
        yield from _trigger(project.function, wanted, found.get(timer.name))
    for url in project.urls:
        wanted = _url(url)
        yield from _trigger(project.function, wanted, found.get(url.name))


def _timer(timer: Timer) -> TriggerThere:
    return TriggerThere(
        name=timer.name,
        type="timer",
        definition=json.dumps({"cron": timer.cron}),
        enabled=timer.enabled,
        qualifier=timer.qualifier,
        argument=timer.argument,
    )


def _url(url: Url) -> TriggerThere:
    net = {"EnableIntranet": url.intranet, "EnableExtranet": url.extranet}
    pages = {"CorsConfig": json.loads(url.cors)} if url.cors else {}
    definition = json.dumps({"AuthType": "NONE", "NetConfig": net, **pages})
    return TriggerThere(
        name=url.name,
        type="http",
        definition=definition,
        enabled=url.enabled,
        qualifier=url.qualifier,
    )


def _trigger(
    function: Function, wanted: TriggerThere, there: TriggerThere | None
) -> Iterator[Step]:
    asks = Asks(function)
    parameters = asks.of(
        TriggerName=wanted.name,
        Type=wanted.type,
        TriggerDesc=wanted.definition,
        Enable=OPEN if wanted.enabled else CLOSED,
        CustomArgument=wanted.argument,
    )
    after = _shown_trigger(wanted, wanted)
    if there is None:
        yield Step(
            action="CreateTrigger",
            parameters=parameters | {"Qualifier": wanted.qualifier},
            mark=NEW,
            what=f"trigger {wanted.name} ({wanted.type})",
            differences=tuple(Difference(name, "", value) for name, value in after.items()),
        )
        return
    if there.type != wanted.type:
        raise Flaw(f"the trigger {there.name} is of type {there.type} on the server; rename one")
    before = _shown_trigger(there, wanted)
    if before != after:
        yield Step(
            action="UpdateTrigger",
            parameters=parameters | {"NewQualifier": wanted.qualifier},
            mark=CHANGED,
            what=f"trigger {wanted.name} ({wanted.type})",
            differences=tuple(
                Difference(name, before[name], value)
                for name, value in after.items()
                if before[name] != value
            ),
        )


def _shown_trigger(trigger: TriggerThere, like: TriggerThere) -> dict[str, str]:
    """Return a trigger for a person, with as much of its definition as another one says."""
    said = _as_far_as(json.loads(trigger.definition or "{}"), json.loads(like.definition))
    assert isinstance(said, dict)  # noqa: S101 - as the definition of any trigger
    definition = {name: json.dumps(value, sort_keys=True) for name, value in said.items()}
    return {
        **definition,
        "open": "yes" if trigger.enabled else "no",
        "leads to": trigger.qualifier,
        "argument": trigger.argument,
    }


def _as_far_as(told: object, said: object) -> object:
    """Return of what is told just as much as is said: the server fills in the rest."""
    if isinstance(said, dict):
        held = told if isinstance(told, dict) else {}
        return {name: _as_far_as(held.get(name), value) for name, value in said.items()}
    return told
