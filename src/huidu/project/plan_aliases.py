"""Plan, the aliases: which version has which share of the calls, and how it gets there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from huidu.model.names import DEFAULT, LATEST
from huidu.model.routing import weight_of
from huidu.model.split import WHOLE
from huidu.project.declared import PUBLISHED, Alias, Project, Rollout, Rule, follows
from huidu.project.flaw import Meanwhile
from huidu.project.plan_function import NEXT, Asks
from huidu.project.steps import CHANGED, HUIDU, MADE, NEW, VERSION, Difference, Later, Step
from huidu.project.there import AliasThere, FunctionThere

Target = str | Later
REASON = "huidu deploy"


def traffic_alias(share: float, last: str) -> Alias:
    """Return `$DEFAULT` as `traffic` wants it: its share is that of `$LATEST`, which is edited.

    The rest is that of the version published last. A weight of 0 and of 1 is said as well: then
    the other version is named still, for the way back.
    """
    rest = (WHOLE - weight_of(share)) / WHOLE
    return Alias(name=DEFAULT, version=LATEST, weights=((last, rest),))


def alias_steps(
    project: Project, there: FunctionThere | None, published: Target | None, notes: list[str]
) -> Iterator[Step]:
    """Return how the aliases become what the project says.

    `published` is what the word stands for: a number, the version that is made on the way, or
    None where there is none and none is made. An alias that the file does not name is left alone.
    `traffic` goes before a rollout.
    """
    share = project.traffic.latest
    for alias in project.aliases:
        is_now = there.alias(alias.name) if there else None
        if is_now is None and alias.name == DEFAULT:  # it comes with the function
            is_now = AliasThere(name=DEFAULT, version=LATEST, revision=1)
        rollout = project.rollout
        if share is not None and follows(alias):
            yield from _shared(project, alias, share, is_now, published, notes)
        elif rollout is not None and rollout.alias == alias.name and is_now is not None:
            yield from _rollout(project, rollout, is_now, published, notes)
        else:
            yield from alias_step(project, alias, is_now, published)


def alias_step(
    project: Project, alias: Alias, there: AliasThere | None, published: Target | None
) -> Iterator[Step]:
    """Return the step by which one alias becomes what it should be, if it is not that already."""
    asks = Asks(project.function)
    after = _shown(alias, published)
    parameters = asks.of(
        Name=alias.name,
        FunctionVersion=_number(alias.version, published),
        RoutingConfig=_routing(alias, published),
        Sticky=alias.sticky,
        Split=alias.split,
        Reason=REASON,
    )
    if alias.description:
        parameters["Description"] = alias.description
    what = f"alias {alias.name}"
    if there is None:
        new = tuple(Difference(name, "", value) for name, value in after.items() if value)
        yield Step(
            action="CreateAlias", parameters=parameters, mark=NEW, what=what, differences=new
        )
        return
    before = _shown_there(there, alias)
    if before == after:
        return
    if there.rollout:  # A deploy that may not end it is refused before it gets here.
        parameters["TakeOver"] = True
    yield Step(
        action="UpdateAlias",
        parameters=parameters | {"ExpectedRevision": there.revision},
        mark=CHANGED,
        what=what,
        differences=tuple(
            Difference(name, before[name], value)
            for name, value in after.items()
            if before[name] != value
        ),
    )


def _shared(
    project: Project,
    alias: Alias,
    share: float,
    there: AliasThere | None,
    published: Target | None,
    notes: list[str],
) -> Iterator[Step]:
    """Give what is published a share of an alias; the rest stays with the version that has it."""
    if share < 1 and there is None:
        notes.append(f"traffic has no effect: alias {alias.name} is new, and has one version")
    elif share < 1 and there is not None and there.version == published:
        back = _line(project, "rollback", alias.name)
        why = f"version {published} has all calls of alias {alias.name} already; to go back: {back}"
        notes.append(f"traffic has no effect: {why}")
        return
    elif share < 1 and there is not None:
        alias = replace(alias, version=there.version, weights=((PUBLISHED, share),))
    yield from alias_step(project, alias, there, published)


def _rollout(
    project: Project,
    rollout: Rollout,
    there: AliasThere,
    published: Target | None,
    notes: list[str],
) -> Iterator[Step]:
    target = _number(PUBLISHED, published)
    if there.rolling_to == target:
        see = _line(project, "rollout watch", there.name)
        notes.append(f"a rollout to version {target} is under way: {see}")
        return
    if there.version == target:
        return
    if there.rollout:
        raise Meanwhile(
            f"{there.rollout} moves alias {there.name} to version {there.rolling_to}; wait for it, "
            f"or end it: {_line(project, 'rollback', there.name)}"
        )
    asks = Asks(project.function)
    terms = _terms(rollout)
    yield Step(
        action="StartRollout",
        service=HUIDU,
        parameters=asks.of(Name=rollout.alias, FunctionVersion=target, Reason=REASON, **terms),
        mark=MADE,
        what=f"rollout of alias {rollout.alias}",
        differences=(
            Difference("to", there.version, _named(PUBLISHED, published)),
            Difference("plan", "", rollout.plan.text),
        ),
    )


def _terms(rollout: Rollout) -> Mapping[str, object]:
    """Return how a rollout goes in the words of the API; what the file leaves out, it decides."""
    asked: dict[str, object] = {
        "Plan": rollout.plan.text,
        "Guards": list(rollout.guards),
        "OnWorse": rollout.on_worse,
    }
    if rollout.bake_s is not None:
        asked["BakeTime"] = rollout.bake_s
    budget = {"Failures": rollout.budget_failures, "Keys": rollout.budget_keys}
    if any(most is not None for most in budget.values()):
        asked["Budget"] = {name: most for name, most in budget.items() if most is not None}
    return asked


def _line(project: Project, verb: str, alias: str) -> str:
    """Return what to type about an alias."""
    function = project.function
    spaced = "" if function.namespace == "default" else f" --namespace {function.namespace}"
    return f"huidu {verb} {function.name} {alias}{spaced}"


def _number(version: str, published: Target | None) -> Target:
    if version != PUBLISHED:
        return version
    assert published is not None, "a project that names what is published publishes"  # noqa: S101
    return published


def _named(version: str, published: Target | None) -> str:
    number = _number(version, published)
    return NEXT if number == VERSION else str(number)


def _routing(alias: Alias, published: Target | None) -> Mapping[str, object] | None:
    if alias.weights:
        weights = [
            {"Version": _number(version, published), "Weight": share}
            for version, share in alias.weights
        ]
        return {"AdditionalVersionWeights": weights}
    if alias.rules:
        rules = [
            {
                "Version": _number(rule.version, published),
                "Key": rule.key,
                "Method": rule.method,
                "Expression": rule.expression,
            }
            for rule in alias.rules
        ]
        return {"AddtionVersionMatchs": rules}  # the misspelling is the cloud API's
    return None


def _shown(alias: Alias, published: Target | None) -> dict[str, str]:
    shares = [(_named(version, published), share) for version, share in alias.weights]
    rules = [(_named(rule.version, published), rule) for rule in alias.rules]
    shown = _told(_named(alias.version, published), shares, rules)
    shown |= {"sticky": alias.sticky, "split": alias.split}
    return shown | ({"description": alias.description} if alias.description else {})


def _shown_there(there: AliasThere, wanted: Alias) -> dict[str, str]:
    rules = [(rule.version, rule) for rule in there.rules]
    shown = _told(there.version, list(there.weights), rules)
    shown |= {"sticky": there.sticky, "split": there.split}
    return shown | ({"description": there.description} if wanted.description else {})


def _told(
    main: str, shares: list[tuple[str, float]], rules: list[tuple[str, Rule]]
) -> dict[str, str]:
    given = sum(weight_of(share) for _, share in shares)
    main_share = (main, (WHOLE - given) / WHOLE)
    row = [main_share, *sorted(shares)]
    calls = ", ".join(f"{version} {share * 100:g} %" for version, share in row)
    told = (f"{rule.key} {rule.method} {rule.expression} -> {to}" for to, rule in rules)
    return {"calls": calls, "rules": "; ".join(told)}
