"""What the Serverless command line asks of its platform: addresses for code, and runs."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from huidu.actions.action import CAM, CAM_VERSION, SLS, SLS_VERSION, Action, Wire
from huidu.model.role import Role

Body = Annotated[
    str,
    Meta(
        description="JSON; docs/serverless-cli.md tells what of it is acted on. A key in it is "
        "neither kept nor logged."
    ),
]
Kept = Annotated[str, Meta(description="Stands in `Body` as well, which counts.")]


class Asking(Wire):
    """What every request of the command line has."""

    body: Body
    app_name: Kept = ""
    stage_name: Kept = ""
    instance_name: Kept = ""


class GetUploadUrls(Asking):
    """Say where code is uploaded to."""


class GetCacheFileUrls(Asking):
    """Say where code is uploaded to; newer command lines ask so."""


class GetInstance(Asking):
    """Say how a component stands."""


class RunComponent(Asking):
    """Begin a run of a component."""

    channel: Annotated[str, Meta(description="Not acted on.")] = ""
    role_name: Annotated[str, Meta(description="Not acted on.")] = ""


class Said(Wire):
    """An answer of the platform, as its command line takes it apart."""

    body: Annotated[
        str, Meta(description="JSON with `statusCode` and `body`, which is JSON in a text again.")
    ]


class GetUserAppId(Wire):
    """Say whose key it is that signed."""


class UserAppId(Wire):
    """The account that all keys of this server belong to."""

    app_id: int
    uin: str
    owner_uin: str


def _of_platform(
    name: str, summary: str, request: type[Wire], *errors: str, role: Role | None = None
) -> Action[Wire, Wire]:
    return Action(
        service=SLS,
        version=SLS_VERSION,
        name=name,
        summary=summary,
        request=request,
        answer=Said,
        writes=name == RunComponent.__name__,
        errors=errors,
        role=role,
    )


ACTIONS = (
    _of_platform(
        "GetUploadUrls",
        "Say where the code of a component is uploaded to, and where it is then to be had.",
        GetUploadUrls,
        "FailedOperation.DiskFull",
        role=Role.ADMIN,  # whoever has the address may write
    ),
    _of_platform(
        "GetCacheFileUrls",
        "Say where the code of a component is uploaded to, as newer command lines ask.",
        GetCacheFileUrls,
        "FailedOperation.DiskFull",
        role=Role.ADMIN,  # whoever has the address may write
    ),
    _of_platform(
        "RunComponent",
        "Begin to deploy or remove a component; GetInstance says what came of it.",
        RunComponent,
        "FailedOperation.Closing",
        "LimitExceeded.Runs",
        "ResourceInUse",
    ),
    _of_platform(
        "GetInstance",
        "Say how a component stands: its status, what a deploy gave, what went wrong.",
        GetInstance,
    ),
    Action(
        service=CAM,
        version=CAM_VERSION,
        name="GetUserAppId",
        summary="Say which account a key belongs to.",
        request=GetUserAppId,
        answer=UserAppId,
    ),
)
