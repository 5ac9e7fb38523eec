"""Plan: from what a project says and what a server has to what is to be asked, in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from huidu.model.names import DEFAULT, LATEST
from huidu.project.declared import PUBLISHED, Project, follows, named
from huidu.project.flaw import Flaw, Meanwhile
from huidu.project.plan_aliases import Target, alias_step, alias_steps, traffic_alias
from huidu.project.plan_function import function_steps, publish_step, trigger_steps
from huidu.project.plan_gateway import gateway_steps
from huidu.project.plan_layers import with_layers
from huidu.project.steps import VERSION, Plan, Step
from huidu.project.there import AliasThere, FunctionThere, Left, There

NONE: Mapping[str, str] = MappingProxyType({})
SHOWN = 10  #: Of the newest versions.
#: What changes `$LATEST`.
EDITS = frozenset({"UpdateFunctionCode", "UpdateFunctionConfiguration"})


def plan(
    project: Project,
    sha256: str,
    there: There,
    left: Left | None = None,
    *,
    force: bool = False,
    layers: Mapping[str, str] = NONE,
) -> Plan:
    """Return what a deploy of a package does; pure, and raises `Flaw` where it cannot be.

    The order: layers; code and configuration of `$LATEST`; the version, if one is wanted and
    there is anything new in it; the aliases, by which calls get to it; triggers; the gateway. So
    nothing leads to what is not there yet, and whatever breaks off leaves callers where they were.

    With `left`, what the last deploy of this project left, it refuses by `Meanwhile` to undo what
    somebody else has changed since; and to end a rollout, unless by `force`. `layers` has the
    digests of the layers that the project makes of folders, by name.
    """
    is_now = there.function
    _check_versions(project, is_now)
    project, published_layers = with_layers(project, there, layers)
    steps = [*published_layers, *function_steps(project, sha256, is_now)]
    notes: list[str] = [f"{one.key} {one.why}" for one in project.notices]
    published = _published(project, is_now, notes, changes=bool(steps))
    if published == VERSION:
        steps.append(publish_step(project.function))
    steps += _traffic(project, is_now, published, notes)
    steps += alias_steps(project, is_now, published, notes)
    steps += trigger_steps(project, is_now)
    steps += gateway_steps(project, there)
    if not force:
        _refuse_to_fight(steps, there, left)
    return Plan(steps=tuple(steps), notes=tuple(notes))


def _check_versions(project: Project, there: FunctionThere | None) -> None:
    """Refuse aliases that are to lead to versions that there are not, before anything is done."""
    known = [one.number for one in there.versions] if there else []
    for alias in project.aliases:
        for version in sorted(named(alias) - {PUBLISHED, LATEST, *known}):
            told = f"published: {', '.join(known[-SHOWN:])}" if known else "nothing is published"
            why = f"version {version} is not on the server; {told}"
            raise Flaw(why, file=project.file.name, key=f"aliases.{alias.name}")


def _published(
    project: Project, there: FunctionThere | None, notes: list[str], *, changes: bool
) -> Target | None:
    """Return the version published last once the deploy is done, or None."""
    last = there.last if there else None
    if not project.publishes:
        return last.number if last else None
    if there and last and not changes and last.digest == there.digest:
        notes.append(f"unchanged since version {last.number}, so no new version is published")
        return last.number
    return VERSION


def _traffic(
    project: Project, there: FunctionThere | None, published: Target | None, notes: list[str]
) -> Iterator[Step]:
    """Share `$DEFAULT` between `$LATEST` and the version published last, as the components do."""
    share = project.traffic.latest
    if share is None or any(map(follows, project.aliases)):
        return
    if published is None:
        notes.append("traffic has no effect: nothing was ever published, $LATEST gets every call")
        return
    # By the word for what is published, which the steps for aliases know how to read.
    wanted = traffic_alias(share, PUBLISHED)
    is_now = there.alias(DEFAULT) if there else None
    is_now = is_now or AliasThere(name=DEFAULT, version=LATEST, revision=1)
    kept = replace(wanted, sticky=is_now.sticky, split=is_now.split)
    yield from alias_step(project, kept, is_now, published)


def _refuse_to_fight(steps: Sequence[Step], there: There, left: Left | None) -> None:
    """Refuse a plan that would change what somebody else has changed since the last deploy."""
    found = [*_rolling(steps, there), *(_foreign(steps, there, left) if left else ())]
    if found:
        raise Meanwhile(
            f"this has changed since the last deploy from here: {'; '.join(found)}; look at "
            "it with huidu diff, bring the project's file in line, or deploy with --force"
        )


def _rolling(steps: Sequence[Step], there: There) -> Iterator[str]:
    function = there.function
    for step in steps:
        alias = function.alias(str(step.parameters.get("Name", ""))) if function else None
        if alias is not None and alias.rollout and step.action == "UpdateAlias":
            yield f"{alias.rollout} moves alias {alias.name} to version {alias.rolling_to}"


def _foreign(steps: Sequence[Step], there: There, left: Left) -> Iterator[str]:
    function = there.function
    if function is None:
        yield "the function has been deleted"
        return
    asked = {step.action for step in steps}
    if asked & EDITS and function.digest != left.digest:
        yield "$LATEST has other code or another configuration"
    revisions = dict(left.revisions)
    for step in steps:
        alias = function.alias(str(step.parameters.get("Name", "")))
        if alias is None or step.action not in {"UpdateAlias", "StartRollout"}:
            continue
        if step.action == "StartRollout" and alias.by:
            continue  # What a rollout does that a deploy has started is the deploy's.
        if alias.revision != revisions.get(alias.name, alias.revision):
            by = f", {alias.moved}" if alias.moved else ""
            was = revisions[alias.name]
            yield f"alias {alias.name} is at revision {alias.revision} and was at {was}{by}"
    for step in steps:
        environment = str(step.parameters.get("EnvironmentName", ""))
        if step.action == "ReleaseService" and there.service and left.online:
            is_now = dict(there.service.online).get(environment, "")
            if is_now != dict(left.online).get(environment, ""):
                yield f"another version of the service is online in {environment}"
