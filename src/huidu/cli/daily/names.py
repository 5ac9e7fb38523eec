"""Names: what the shell offers for a word, asked of the server; silent where it does not answer."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import Any

from huidu.actions.action import SCF_VERSION
from huidu.actions.table import find
from huidu.cli.client import Client
from huidu.model.names import DEFAULT_NAMESPACE

ASKING = "_HUIDU_COMPLETE"  #: Which shell asks, in the environment.
ANSWER_S = 1.0  #: Somebody waits with a finger on the key.
MOST = 100
#: What a shell can be given unquoted, whoever the server is.
HARMLESS = re.compile(r"[A-Za-z0-9_-]+")


def functions(ctx: Any, incomplete: str) -> Sequence[str]:  # noqa: ANN401 - typer's own are private
    """Return the functions whose names begin so."""
    asked = {"SearchKey": incomplete, "Orderby": "FunctionName", "Order": "ASC"}
    return _asked(ctx, "ListFunctions", asked, "Functions", "FunctionName", incomplete)


def aliases(ctx: Any, incomplete: str) -> Sequence[str]:  # noqa: ANN401 - as above
    """Return the aliases of the function that was named before whose names begin so."""
    asked = {"FunctionName": ctx.params.get("function")}
    return _asked(ctx, "ListAliases", asked, "Aliases", "Name", incomplete)


def versions(ctx: Any, incomplete: str) -> Sequence[str]:  # noqa: ANN401 - as above
    """Return the versions of the function that was named before, and its aliases."""
    asked = {"FunctionName": ctx.params.get("function")}
    found = _asked(ctx, "ListVersionByFunction", asked, "Versions", "Version", incomplete)
    return [*found, *aliases(ctx, incomplete)]


def qualified(ctx: Any, incomplete: str) -> Sequence[str]:  # noqa: ANN401 - as above
    """Return functions or, behind a colon, the aliases of one."""
    function, colon, begun = incomplete.partition(":")
    if not colon:
        return functions(ctx, incomplete)
    if os.environ.get(ASKING, "").endswith("zsh"):  # To zsh a colon begins a description.
        return []
    asked = {"FunctionName": function}
    found = _asked(ctx, "ListAliases", asked, "Aliases", "Name", begun)
    return [f"{function}:{name}" for name in found]


def _asked(
    ctx: Any,  # noqa: ANN401 - as above
    action: str,
    asked: dict[str, Any],
    many: str,
    one: str,
    incomplete: str,
) -> Sequence[str]:
    """Return names from the answer to an action; none, whatever goes wrong."""
    namespace = ctx.params.get("namespace") or DEFAULT_NAMESPACE
    try:
        client: Client = ctx.find_root().obj()
        told = {**asked, "Namespace": namespace, "Limit": MOST}
        answer = client.call(find(action, SCF_VERSION), told, ANSWER_S)
        return list(_fitting((row[one] for row in answer[many]), incomplete))
    except Exception:  # noqa: BLE001 - a word that is not completed is better than a traceback
        return []


def _fitting(names: Iterable[str], incomplete: str) -> Iterable[str]:
    return (name for name in names if name.startswith(incomplete) and HARMLESS.fullmatch(name))
