"""Next: what is usually typed once a project is deployed."""

from __future__ import annotations

from collections.abc import Sequence

from huidu.cli.projects.facts import addresses
from huidu.cli.projects.options import line
from huidu.cli.projects.work import Work
from huidu.model.names import DEFAULT, LATEST
from huidu.project.declared import Project, follows
from huidu.project.there import FunctionThere, There

TRAFFIC = "--inputs.traffic"
ONCE = (TRAFFIC, "--inputs.publish")  #: What is said for one deploy.


def after(work: Work, there: There, words: Sequence[str]) -> Sequence[tuple[str, str]]:
    """Return what to type next: what for, and the command; `words` name the project."""
    function = there.function
    if function is None:
        return [("deploy it", line("deploy", *words))]
    desk = work.desk
    over = ("--http", "GET", "/") if addresses(work.project, there) else ()
    found = [("call it", desk.of_function("invoke", *over))]
    rollout = work.project.rollout
    if rollout is not None:
        found.append(
            ("see how its rollout stands", desk.of_function("rollout show", rollout.alias))
        )
    elif _is_shared(work.project, function):
        again = [word for word in words if not word.startswith(ONCE)]
        found.append(("give the new code all calls", line("deploy", *again, f"{TRAFFIC}=1.0")))
        found.append(("take it back", line("deploy", *again, f"{TRAFFIC}=0")))
    found.append(("see what it prints", desk.of_function("logs")))
    return found


def _is_shared(project: Project, function: FunctionThere) -> bool:
    """Tell whether `traffic` has given the new code a part of the calls, and not all of them."""
    named = [alias.name for alias in project.aliases if follows(alias)]
    new = function.last.number if function.last and named else LATEST
    found = filter(None, map(function.alias, named or [DEFAULT]))
    return any(0 < alias.shares.get(new, 0) < 1 for alias in found)
