"""The handlers of who may call the gateway's APIs, and how often."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from huidu.actions.action import Wire
from huidu.control import bindings, keys, plans, strategies
from huidu.control.plane import Asked, Plane

Handler = Callable[[Plane, Asked, Any], Awaitable[Wire]]

HANDLERS: Mapping[str, Handler] = {
    "CreateApiKey": keys.create,
    "DescribeApiKey": keys.describe,
    "DescribeApiKeysStatus": keys.list_all,
    "UpdateApiKey": keys.update,
    "EnableApiKey": keys.enable,
    "DisableApiKey": keys.disable,
    "DeleteApiKey": keys.delete,
    "CreateUsagePlan": plans.create,
    "ModifyUsagePlan": plans.modify,
    "DescribeUsagePlan": plans.describe,
    "DescribeUsagePlansStatus": plans.list_all,
    "DeleteUsagePlan": plans.delete,
    "BindSecretIds": bindings.bind_keys,
    "UnBindSecretIds": bindings.unbind_keys,
    "DescribeUsagePlanSecretIds": bindings.list_keys,
    "BindEnvironment": bindings.bind_environment,
    "UnBindEnvironment": bindings.unbind_environment,
    "DescribeUsagePlanEnvironments": bindings.list_of_plan,
    "DescribeServiceUsagePlan": bindings.list_of_service,
    "DescribeApiUsagePlan": bindings.list_of_apis,
    "ModifyServiceEnvironmentStrategy": strategies.limit_service,
    "DescribeServiceEnvironmentStrategy": strategies.show_service,
    "ModifyApiEnvironmentStrategy": strategies.limit_apis,
    "DescribeApiEnvironmentStrategy": strategies.show_apis,
    "CreateIPStrategy": strategies.create,
    "ModifyIPStrategy": strategies.modify,
    "DescribeIPStrategy": strategies.describe,
    "DescribeIPStrategysStatus": strategies.list_all,
    "DeleteIPStrategy": strategies.delete,
    "BindIPStrategy": strategies.bind,
    "UnBindIPStrategy": strategies.unbind,
}
