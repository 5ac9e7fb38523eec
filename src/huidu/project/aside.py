"""Aside: what a project's file says to the cloud, and what has no effect here."""

from __future__ import annotations

from collections.abc import Mapping

from huidu.project.declared import Notice
from huidu.project.fields import Fields

#: What the components act on and we do not, and why; each is told, none is refused.
ASIDE: Mapping[str, str] = {
    "asyncRunEnable": "every function may run as long as its timeout",
    "assets": "files are served by the function itself",
    "cfs": "there are no shared file systems",
    "cloudDNSConf": "names are given out by your own DNS",
    "cls": "what functions print is in huidu logs",
    "customDomain": "hosts lead to the gateway by your own DNS",
    "customDomains": "hosts lead to the gateway by your own DNS",
    "app": "there are no applications of API keys",
    "eip": "calls leave by the address of the server",
    "enableRoleAuth": "there are no roles",
    "ignoreUpdate": "what has not changed is left alone anyway",
    "netTypes": "the gateway listens where the server was told to",
    "traceEnable": "every call is traced where a collector is set",
}


#: The same of the file itself.
AT_THE_TOP: Mapping[str, str] = {
    "commandInputs": "what a command asks for is said on the command line",
    "globalOptions": "whose key it is decides what may be done",
}


def aside(fields: Fields, table: Mapping[str, str] = ASIDE) -> list[Notice]:
    """Take what has no effect here; tell it unless it says what is so anyway."""
    found = []
    for key, why in table.items():
        node = fields.take(key)
        if node is not None and node.value is not False and str(node.value).lower() != "false":
            found.append(Notice(node.line, fields.under(key), f"has no effect here: {why}"))
    return found
