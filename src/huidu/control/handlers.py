"""The table of handlers: which function carries out which action."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from huidu.actions.action import HUIDU_VERSION, SCF_VERSION, Wire
from huidu.control import (
    aliases,
    explain,
    functions,
    invocations,
    lines,
    logs,
    provisioned,
    triggers,
    versions,
)
from huidu.control.plane import Asked, Plane

Handler = Callable[[Plane, Asked, Any], Awaitable[Wire]]

HANDLERS: Mapping[tuple[str, str], Handler] = {
    (SCF_VERSION, "CreateFunction"): functions.create,
    (SCF_VERSION, "UpdateFunctionCode"): functions.update_code,
    (SCF_VERSION, "UpdateFunctionConfiguration"): functions.update_configuration,
    (SCF_VERSION, "GetFunction"): functions.get,
    (SCF_VERSION, "ListFunctions"): functions.list_all,
    (SCF_VERSION, "DeleteFunction"): functions.delete,
    (SCF_VERSION, "PublishVersion"): versions.publish,
    (SCF_VERSION, "ListVersionByFunction"): versions.list_all,
    (SCF_VERSION, "DeleteFunctionVersion"): versions.delete,
    (SCF_VERSION, "CreateAlias"): aliases.create,
    (SCF_VERSION, "UpdateAlias"): aliases.update,
    (SCF_VERSION, "GetAlias"): aliases.get,
    (SCF_VERSION, "ListAliases"): aliases.list_all,
    (SCF_VERSION, "DeleteAlias"): aliases.delete,
    (HUIDU_VERSION, "ListAliasHistory"): aliases.history,
    (HUIDU_VERSION, "UndoAlias"): aliases.undo,
    (HUIDU_VERSION, "ExplainRoute"): explain.explain,
    (SCF_VERSION, "Invoke"): invocations.invoke,
    (SCF_VERSION, "InvokeFunction"): invocations.invoke_function,
    (SCF_VERSION, "GetFunctionLogs"): logs.get,
    (SCF_VERSION, "GetRequestStatus"): logs.status,
    (HUIDU_VERSION, "SearchLogs"): lines.search,
    (HUIDU_VERSION, "TailLogs"): lines.tail,
    (SCF_VERSION, "CreateTrigger"): triggers.create,
    (SCF_VERSION, "DeleteTrigger"): triggers.delete,
    (SCF_VERSION, "ListTriggers"): triggers.list_all,
    (SCF_VERSION, "PutProvisionedConcurrencyConfig"): provisioned.put,
    (SCF_VERSION, "GetProvisionedConcurrencyConfig"): provisioned.get,
    (SCF_VERSION, "DeleteProvisionedConcurrencyConfig"): provisioned.delete,
}
