"""Releases: what a project's file says of versions, aliases, rules and rollouts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from huidu.model import names, ramp, rules
from huidu.model.routing import weight_of
from huidu.model.traits import Key
from huidu.project.declared import PUBLISHED, Alias, Rollout, Rule, Traffic
from huidu.project.fields import Fields
from huidu.project.flaw import instead

SPLITS = ("exact", "random")
ON_WORSE = ("rollback", "pause")
DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([smh]?)")
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def traffic_of(inputs: Fields, function: str) -> Traffic:
    """Read the components' `publish` and `traffic`.

    `publish` may be a list of functions (`--inputs.publish=a,b`): it is true where it names ours.
    """
    node = inputs.take("publish")
    publish = False
    if node is not None and str(node.value).lower() in {"true", "false"}:
        publish = inputs.flag("publish", default=False)
    elif node is not None:
        publish = function in {
            name.strip() for text in inputs.texts("publish") for name in text.split(",")
        }
    share = inputs.number("traffic")
    if share is not None:
        if not 0 <= share <= 1:
            why = f"{share:g}; traffic must be a number between 0 and 1, as in 0.1 for a tenth"
            raise inputs.flaw("traffic", why)
        given = share
        inputs.checked("traffic", lambda: weight_of(given))
    return Traffic(publish=publish, latest=share)


def aliases_of(root: Fields) -> tuple[Alias, ...]:
    """Read `aliases`, with those of the `rules` that are written beside them."""
    block = root.block("aliases")
    found = {name: _alias(block, name) for name in block.each()} if block else {}
    for row in root.blocks("rules"):
        name = row.text("alias") or (next(iter(found)) if len(found) == 1 else "")
        if not name:
            raise row.flaw("alias", "is missing; say which of the aliases the rule is for")
        if name not in found:
            raise row.flaw("alias", f"no alias {name[:60]!r} in this file; {_of(name, found)}")
        alias = found[name]
        if alias.weights:
            raise row.node.flaw(row.path, f"alias {name} has weights; an alias has one of both")
        rule = _rule(row)
        found[name] = _with_rules(root, alias, (*alias.rules, rule))
    return tuple(found.values())


def _of(name: str, found: dict[str, Alias]) -> str:
    return instead(name, found) if found else "there are no aliases in it"


def _alias(block: Fields, name: str) -> Alias:
    if name != names.DEFAULT:
        block.checked(name, lambda: names.check_alias(name))
    fields = block.block(name)
    if fields is None:  # `release:` alone is an alias with nothing special
        return Alias(name=name)
    sticky = fields.text("sticky")
    if sticky:
        fields.checked("sticky", lambda: Key(sticky, "Sticky"))
    described = fields.text("description")
    fields.checked("description", lambda: names.check_description(described))
    alias = Alias(
        name=name,
        version=_version(fields, "version", PUBLISHED),
        weights=_weights(fields),
        sticky=sticky,
        split=fields.choice("split", SPLITS, "exact"),
        description=described,
    )
    written = tuple(_rule(row) for row in fields.blocks("rules"))
    fields.done()
    if alias.weights and written:
        raise fields.flaw("rules", "weights and rules exclude each other; keep one of them")
    return _with_rules(fields, alias, written)


def _with_rules(fields: Fields, alias: Alias, found: Sequence[Rule]) -> Alias:
    others = {version for version, _ in alias.weights} | {rule.version for rule in found}
    if alias.version in others:
        raise fields.node.flaw(
            fields.path or "rules",
            f"version {alias.version} is the main version of {alias.name} already",
        )
    return Alias(
        name=alias.name,
        version=alias.version,
        weights=alias.weights,
        rules=tuple(found),
        sticky=alias.sticky,
        split=alias.split,
        description=alias.description,
    )


def _weights(fields: Fields) -> tuple[tuple[str, float], ...]:
    block = fields.block("weights")
    found = [(version, _share(block, version)) for version in block.each()] if block else []
    if sum(share for _, share in found) > 1:
        raise fields.flaw("weights", "add up to more than 1")
    return tuple(found)


def _share(block: Fields, version: str) -> float:
    share = block.number(version)
    if share is None:
        raise block.flaw(version, "is empty; say a share, as in 0.1")
    _check_version(block, version, version)
    block.checked(version, lambda: weight_of(share))
    return share


def _rule(row: Fields) -> Rule:
    key, method, expression = (
        row.needed("key", "invoke.headers.User"),
        row.choice("method", tuple(rules.METHODS), "exact"),
        row.needed("expression", "Bob"),
    )
    version = _version(row, "version", PUBLISHED)
    row.checked("key", lambda: Key(key))
    row.checked("expression", lambda: rules.METHODS[method](expression))
    row.has("alias")
    row.done()
    return Rule(version=version, key=key, method=method, expression=expression)


def _version(fields: Fields, key: str, default: str) -> str:
    return _check_version(fields, key, fields.text(key, default))


def _check_version(fields: Fields, key: str, version: str) -> str:
    if version in {PUBLISHED, names.LATEST} or names.is_number(version):
        return version
    why = f"{version[:40]!r} is no version; say a number, {PUBLISHED} or {names.LATEST}"
    raise fields.flaw(key, why)


def rollout_of(root: Fields, aliases: Sequence[Alias]) -> Rollout | None:
    """Read `rollout`: by which steps an alias goes to what is published."""
    fields = root.block("rollout")
    if fields is None:
        return None
    known = [alias.name for alias in aliases]
    name = fields.text("alias") or (known[0] if len(known) == 1 else "")
    if not name:
        raise fields.flaw("alias", "is missing; say which alias is to be moved")
    if name not in known:
        among = instead(name, known) if known else "add it to aliases:"
        raise fields.flaw("alias", f"no alias {name[:60]!r} in this file; {among}")
    alias = next(one for one in aliases if one.name == name)
    if alias.version != PUBLISHED or alias.weights or alias.rules:
        why = f"a rollout moves {name} itself; leave version, weights and rules of it out"
        raise fields.flaw("alias", why)
    plan = fields.text("plan", ramp.EVIDENCE)
    budget = fields.block("budget")
    rollout = Rollout(
        alias=name,
        plan=fields.checked("plan", lambda: ramp.ramp_of(plan)),
        guards=fields.texts("guards"),
        bake_s=_duration(fields, "bake"),
        on_worse=fields.choice("onWorse", ON_WORSE, "rollback"),
        budget_failures=_count(budget, "failures"),
        budget_keys=_count(budget, "keys"),
    )
    if budget is not None:
        budget.done()
    fields.done()
    return rollout


def _count(fields: Fields | None, key: str) -> int | None:
    if fields is None or not fields.has(key):
        return None
    count = fields.whole(key, 0)
    if count < 0:
        raise fields.flaw(key, f"{count}; must be 0 or more")
    return count


def _duration(fields: Fields, key: str) -> float | None:
    text = fields.text(key)
    if not text:
        return None
    found = DURATION.fullmatch(text)
    if found is None:
        raise fields.flaw(key, f"{text[:40]!r}; say a time, as in 30s, 10m or 1h")
    return float(found[1]) * UNITS[found[2]]
