"""Keys of callers: what signs a request to an API of the gateway."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from msgspec import Meta, field

from huidu.actions.action import (
    APIGATEWAY,
    APIGATEWAY_VERSION,
    Action,
    Limit,
    Offset,
    Wire,
)
from huidu.actions.apigateway import Done
from huidu.actions.configuration import Tag
from huidu.actions.functions import Filter
from huidu.model.role import Role

AccessKeyId = Annotated[str, Meta(description="The id of the key.")]
Secret = Annotated[str, Meta(description="10 to 50 letters, digits and _.")]


class CreateApiKey(Wire):
    """Make a key, with an id and a secret that are made up here or given."""

    secret_name: Annotated[str, Meta(description="What people call it; at most 50 characters.")]
    access_key_type: Annotated[str, Meta(description="auto or manual.")] = "auto"
    access_key_id: Annotated[
        str, Meta(description="For manual: 5 to 50 letters, digits and _.")
    ] = ""
    access_key_secret: Secret = ""
    tags: Annotated[list[Tag], Meta(description="Not kept.")] = field(default_factory=list)


class ApiKey(Wire):
    """A key of callers; `Status` is 1 where it is enabled."""

    access_key_id: str
    access_key_secret: str
    access_key_type: str
    secret_name: str
    modified_time: str
    status: int
    created_time: str
    tags: list[Tag] = field(default_factory=list)


class ApiKeyShown(Wire):
    """One key."""

    result: ApiKey


class DescribeApiKey(Wire):
    """Read one key, its secret included."""

    access_key_id: AccessKeyId


class DescribeApiKeysStatus(Wire):
    """List keys, the newest first."""

    limit: Limit = 20
    offset: Offset = 0
    filters: Annotated[
        list[Filter],
        Meta(
            description="By AccessKeyId, AccessKeySecret, SecretName, NotUsagePlanId, Status or "
            "KeyWord (a part of the name or the id)."
        ),
    ] = field(default_factory=list)


class ApiKeysStatus(Wire):
    """A page of keys."""

    total_count: int
    api_key_set: list[ApiKey]


class ApiKeysShown(Wire):
    """A page of keys."""

    result: ApiKeysStatus


class UpdateApiKey(Wire):
    """Give a key another secret; the one before is of no use from then on."""

    access_key_id: AccessKeyId
    access_key_secret: Annotated[
        str, Meta(description="For a manual key; that of an auto one is made up.")
    ] = ""


class EnableApiKey(Wire):
    """Let a key be used again."""

    access_key_id: AccessKeyId


class DisableApiKey(Wire):
    """Let a key be of no use from now on."""

    access_key_id: AccessKeyId


class DeleteApiKey(Wire):
    """Delete a key that is disabled and in no usage plan."""

    access_key_id: AccessKeyId


UNKNOWN = "ResourceNotFound.InvalidAccessKeyId"
SHAPE = (
    "InvalidParameterValue.InvalidAccessKeyIds",
    "InvalidParameterValue.LengthExceeded",
    "InvalidParameterValue.NotInOptions",
)
row = partial(Action, service=APIGATEWAY, version=APIGATEWAY_VERSION)

ACTIONS: tuple[Action[Any, Any], ...] = (
    row(
        name="CreateApiKey",
        summary="Make a key by which callers of APIs sign.",
        request=CreateApiKey,
        answer=ApiKeyShown,
        writes=True,
        errors=(
            *SHAPE,
            "FailedOperation.AccessKeyExist",
            "LimitExceeded.ApiKeyCountLimitExceeded",
        ),
    ),
    row(
        name="DescribeApiKey",
        summary="Read one key, its secret included.",
        request=DescribeApiKey,
        answer=ApiKeyShown,
        role=Role.ADMIN,  # it shows the secret
        errors=(UNKNOWN,),
    ),
    row(
        name="DescribeApiKeysStatus",
        summary="List keys.",
        request=DescribeApiKeysStatus,
        answer=ApiKeysShown,
        role=Role.ADMIN,  # it shows the secrets
        errors=("InvalidParameterValue.InvalidFilterNotSupportedName",),
    ),
    row(
        name="UpdateApiKey",
        summary="Give a key another secret.",
        request=UpdateApiKey,
        answer=ApiKeyShown,
        writes=True,
        errors=(UNKNOWN,),
    ),
    row(
        name="EnableApiKey",
        summary="Let a key be used again.",
        request=EnableApiKey,
        answer=Done,
        writes=True,
        errors=(UNKNOWN,),
    ),
    row(
        name="DisableApiKey",
        summary="Let a key be of no use from now on.",
        request=DisableApiKey,
        answer=Done,
        writes=True,
        errors=(UNKNOWN,),
    ),
    row(
        name="DeleteApiKey",
        summary="Delete a key that is disabled and in no usage plan.",
        request=DeleteApiKey,
        answer=Done,
        writes=True,
        errors=(
            UNKNOWN,
            "UnsupportedOperation.InvalidStatus",
            "UnsupportedOperation.ResourceIsInUse",
        ),
    ),
)
