"""The rows of usage plans in the table of actions."""

from __future__ import annotations

from functools import partial
from typing import Any

from huidu.actions import plans as wire
from huidu.actions.action import APIGATEWAY, APIGATEWAY_VERSION, Action
from huidu.actions.apigateway import Done

UNKNOWN = "ResourceNotFound.InvalidUsagePlan"
SHAPE = (
    "InvalidParameterValue.Description",
    "InvalidParameterValue.InvalidMaxRequestNum",
    "InvalidParameterValue.LengthExceeded",
    "InvalidParameterValue.RangeExceeded",
)
PLACE = (
    "InvalidParameterValue.InvalidEnv",
    "InvalidParameterValue.NotInOptions",
    "ResourceNotFound.InvalidApi",
    "ResourceNotFound.InvalidService",
)
row = partial(Action, service=APIGATEWAY, version=APIGATEWAY_VERSION)

ACTIONS: tuple[Action[Any, Any], ...] = (
    row(
        name="CreateUsagePlan",
        summary="Make a usage plan.",
        request=wire.CreateUsagePlan,
        answer=wire.UsagePlanShown,
        writes=True,
        errors=(*SHAPE, "LimitExceeded.UsagePlanLimitExceeded"),
    ),
    row(
        name="ModifyUsagePlan",
        summary="Change what a usage plan allows.",
        request=wire.ModifyUsagePlan,
        answer=wire.UsagePlanShown,
        writes=True,
        errors=(*SHAPE, UNKNOWN),
    ),
    row(
        name="DescribeUsagePlan",
        summary="Read one usage plan.",
        request=wire.DescribeUsagePlan,
        answer=wire.UsagePlanShown,
        errors=(UNKNOWN,),
    ),
    row(
        name="DescribeUsagePlansStatus",
        summary="List usage plans.",
        request=wire.DescribeUsagePlansStatus,
        answer=wire.UsagePlansShown,
        errors=("InvalidParameterValue.InvalidFilterNotSupportedName",),
    ),
    row(
        name="DeleteUsagePlan",
        summary="Delete a usage plan that is bound to no environment.",
        request=wire.DeleteUsagePlan,
        answer=Done,
        writes=True,
        errors=(UNKNOWN, "UnsupportedOperation.UsagePlanInUse"),
    ),
    row(
        name="BindSecretIds",
        summary="Put keys into a usage plan.",
        request=wire.BindSecretIds,
        answer=Done,
        writes=True,
        errors=(
            UNKNOWN,
            "InvalidParameterValue.InvalidAccessKeyIds",
            "LimitExceeded.AccessKeyCountInUsagePlanLimitExceeded",
            "LimitExceeded.UsagePlanLimitExceeded",
            "ResourceNotFound.InvalidAccessKeyId",
            "UnsupportedOperation.AlreadyBindUsagePlan",
        ),
    ),
    row(
        name="UnBindSecretIds",
        summary="Take keys out of a usage plan.",
        request=wire.UnBindSecretIds,
        answer=Done,
        writes=True,
        errors=(
            UNKNOWN,
            "InvalidParameterValue.InvalidAccessKeyIds",
            "ResourceNotFound.InvalidAccessKeyId",
        ),
    ),
    row(
        name="DescribeUsagePlanSecretIds",
        summary="List the keys of a usage plan.",
        request=wire.DescribeUsagePlanSecretIds,
        answer=wire.UsagePlanSecretsShown,
        errors=(UNKNOWN,),
    ),
    row(
        name="DescribeUsagePlanEnvironments",
        summary="List what a usage plan is bound to.",
        request=wire.DescribeUsagePlanEnvironments,
        answer=wire.UsagePlanEnvironmentsShown,
        errors=(UNKNOWN, "InvalidParameterValue.NotInOptions"),
    ),
    row(
        name="BindEnvironment",
        summary="Bind usage plans to a service or to APIs, in an environment.",
        request=wire.BindEnvironment,
        answer=Done,
        writes=True,
        errors=(
            UNKNOWN,
            *PLACE,
            "UnsupportedOperation.AlreadyBindUsagePlan",
            "UnsupportedOperation.UnsupportedBindEnvironment",
        ),
    ),
    row(
        name="UnBindEnvironment",
        summary="Unbind usage plans from a service or from APIs, in an environment.",
        request=wire.UnBindEnvironment,
        answer=Done,
        writes=True,
        errors=(UNKNOWN, *PLACE, "UnsupportedOperation.NoUsagePlanEnv"),
    ),
    row(
        name="DescribeServiceUsagePlan",
        summary="List the usage plans that are bound to a service.",
        request=wire.DescribeServiceUsagePlan,
        answer=wire.ServiceUsagePlansShown,
        errors=("ResourceNotFound.InvalidService",),
    ),
    row(
        name="DescribeApiUsagePlan",
        summary="List the usage plans that are bound to APIs of a service.",
        request=wire.DescribeApiUsagePlan,
        answer=wire.ApiUsagePlansShown,
        errors=("ResourceNotFound.InvalidService",),
    ),
)
