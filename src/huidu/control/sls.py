"""The platform of the Serverless command line: where code goes, runs, and how components stand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from huidu.actions import sls as wire
from huidu.control.plane import Asked, Plane
from huidu.model.component import Component, ComponentKey, Order
from huidu.model.errors import InvalidParameter

T = TypeVar("T")
MS = 1000
#: Characters. It is kept until a run has ended, and a hundred of them may wait for their code.
MOST_BODY = 1 << 20


class Named(msgspec.Struct, rename="camel"):
    """By what a request names a component."""

    org_name: str
    app_name: str
    stage_name: str
    instance_name: str

    @property
    def key(self) -> ComponentKey:
        """The component that is meant."""
        return ComponentKey(self.org_name, self.app_name, self.stage_name, self.instance_name)


class Told(Named):
    """What is said of a component that is to be run."""

    component_name: str = ""
    inputs: dict[str, object] = {}


class Run(msgspec.Struct):
    """What of a `Body` is acted on. The key that comes along in it is passed over."""

    instance: Told
    method: str


async def upload_urls(plane: Plane, asked: Asked, request: wire.GetUploadUrls) -> wire.Said:
    """Say where code is put, and where it is then to be had."""
    upload, download, _ = await plane.components.addresses()
    return said({"upload": upload, "download": download})


async def cache_file_urls(plane: Plane, asked: Asked, request: wire.GetCacheFileUrls) -> wire.Said:
    """Say the same to those that would send changes only: here is nothing to compare with."""
    upload, download, nothing = await plane.components.addresses()
    return said(
        {
            "previousMapDownloadUrl": nothing,
            "changesUploadUrl": upload,
            "srcDownloadUrl": download,
        }
    )


async def run(plane: Plane, asked: Asked, request: wire.RunComponent) -> wire.Said:
    """Begin a run; what comes of it is told by `get`."""
    told = _read(request.body, Run)
    order = Order(
        key=told.instance.key,
        kind=told.instance.component_name,
        method=told.method,
        inputs=told.instance.inputs,
    )
    return said({"instance": shown(await plane.components.begin(asked, order))})


async def get(plane: Plane, asked: Asked, request: wire.GetInstance) -> wire.Said:
    """Say how a component stands; null where nobody has ever deployed it."""
    key = _read(request.body, Named).key
    found = await plane.catalog.read(lambda reading: reading.components.find(key))
    return said({"instance": shown(found) if found else None})


async def user_app_id(plane: Plane, asked: Asked, request: wire.GetUserAppId) -> wire.UserAppId:
    """Say which account a key belongs to: there is one."""
    account = plane.account
    return wire.UserAppId(app_id=int(account.appid), uin=account.uin, owner_uin=account.uin)


def said(answer: Mapping[str, object]) -> wire.Said:
    """Return an answer as the command line takes it apart: JSON in JSON in JSON."""
    return wire.Said(body=json.dumps({"statusCode": 200, "body": json.dumps(answer)}))


def shown(component: Component) -> Mapping[str, object]:
    """Return a component in the words of the command line; times are in milliseconds."""
    key = component.key
    return {
        "orgName": key.org,
        "orgUid": key.org,
        "appName": key.app,
        "stageName": key.stage,
        "instanceName": key.name,
        "componentName": component.kind,
        "componentVersion": "",
        "instanceStatus": component.status,
        "state": json.loads(component.state),
        "outputs": json.loads(component.outputs),
        "deploymentError": component.error or None,
        "deploymentErrorStack": component.error or None,
        "lastAction": component.action,
        "lastActionAt": int(component.acted_at * MS),
        "lastDeployedAt": int(component.deployed_at * MS) or None,
        "createdAt": int(component.made_at * MS),
        "updatedAt": int(component.acted_at * MS),
        "instanceMetrics": {
            "actions": component.deployments + component.removals + component.errors,
            "deployments": component.deployments,
            "removes": component.removals,
            "errors": component.errors,
        },
    }


def _read(body: str, kind: type[T]) -> T:
    """Read a body, or raise a refusal that quotes nothing of it: a key is in it."""
    if len(body) > MOST_BODY:
        raise InvalidParameter("", f"Body: {len(body)} characters, at most {MOST_BODY}")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise InvalidParameter("", f"Body: {error}") from None
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        raise InvalidParameter("", "Body: must be an object in JSON") from None
