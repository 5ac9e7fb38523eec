"""`huidu reference`: the reference of the API, written from the table of actions."""

from __future__ import annotations

from typing import Any

import msgspec

from huidu.actions.action import COMMON_ERRORS, Action
from huidu.actions.table import ACTIONS
from huidu.cli.api import describe, kebab

HEAD = """# Reference: actions

Written from the table of actions by `make reference`; a test holds it against the code.

Every action is a `POST /` (or `GET /`) of the API listener, as the cloud API has it: name and
version in `X-TC-Action` and `X-TC-Version`, parameters as a JSON object, signed by
TC3-HMAC-SHA256 (or v1 HmacSHA1 and HmacSHA256). The same on the command line:
`huidu api update-alias --function-name hello ...`. Fields marked *ours* are Huidu's own.

Any action may answer with: {common}.
"""


def reference() -> str:
    """Return the whole page in Markdown."""
    head = HEAD.format(common=", ".join(f"`{code}`" for code in COMMON_ERRORS))
    return head + "".join(_section(action) for action in ACTIONS)


def _section(action: Action[Any, Any]) -> str:
    lines = [
        f"\n## {action.name}\n",
        f"{action.summary} `{action.service}` {action.version}; "
        f"`huidu api {kebab(action.name)}`.\n",
        "| field | must | meaning |",
        "| --- | --- | --- |",
    ]
    for field in msgspec.structs.fields(action.request):
        must = "yes" if field.required else ""
        lines.append(f"| `{field.encode_name}` | {must} | {describe(field.type)} |")
    answer = ", ".join(f"`{f.encode_name}`" for f in msgspec.structs.fields(action.answer))
    lines.append(f"\nAnswers: {answer or 'nothing but the id of the request'}.\n")
    codes = ", ".join(f"`{code}`" for code in sorted(action.errors))
    lines.append(f"Refuses with: {codes}.")
    return "\n".join(lines) + "\n"
