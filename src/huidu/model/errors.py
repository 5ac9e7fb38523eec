"""Every way the platform can say no: one family, each with the code that the cloud API gives it."""

from __future__ import annotations


class Refusal(Exception):
    """The platform refused, or could not do, what was asked.

    Caught at the edge of the house and never inside it. A failure of the *user's* code is not a
    refusal: it is an `Outcome`, and travels as a value. `code` is for programs (`Family.Detail`,
    spelled as the cloud API spells it), the message for people: it names the field, what was
    wrong with it and what would be right.
    """

    family = "InternalError"

    def __init__(self, detail: str, message: str) -> None:
        super().__init__(message)
        self.code = f"{self.family}.{detail}" if detail else self.family
        self.message = message


class InvalidParameter(Refusal):
    """A field has the wrong shape: a text where an object belongs, or bytes that are not JSON."""

    family = "InvalidParameter"


class InvalidValue(Refusal):
    """A field has the right shape and a value that can never be right."""

    family = "InvalidParameterValue"


class MissingParameter(Refusal):
    """A field that must be there is not."""

    family = "MissingParameter"


class NotFound(Refusal):
    """The request names something that does not exist."""

    family = "ResourceNotFound"

    def __init__(self, kind: str, name: str, hint: str = "") -> None:
        # Some clients look for the words "is not found" or "未找到指定的" (decision D-17).
        chinese, spoken = CHINESE.get(kind, "资源"), SPOKEN.get(kind, kind)
        super().__init__(kind, f"{spoken} [{name}] is not found (未找到指定的{chinese}){hint}")


#: What a resource is called in the Chinese half of a message that clients match on.
CHINESE = {
    "AccessKey": "密钥",
    "Alias": "别名",
    "CosObject": "对象",
    "Function": "函数",
    "FunctionName": "函数",
    "FunctionVersion": "版本",
    "InvalidService": "服务",
    "InvalidAccessKeyId": "密钥",
    "InvalidIPStrategy": "策略",
    "InvalidUsagePlan": "使用计划",
    "Layer": "层",
    "LayerVersion": "层版本",
    "Namespace": "命名空间",
    "Rollout": "发布",
    "Trigger": "触发器",
}
#: Where the code's word for a resource is not what anybody would call it.
SPOKEN = {
    "AccessKey": "Access key",
    "InvalidAccessKeyId": "AccessKeyId",
    "InvalidApi": "API",
    "InvalidIPStrategy": "IPStrategy",
    "InvalidService": "Service",
    "InvalidUsagePlan": "UsagePlan",
}


class InUse(Refusal):
    """The name is taken, or somebody else changed the resource since it was last read."""

    family = "ResourceInUse"


class LimitExceeded(Refusal):
    """There may not be more, or larger, of these."""

    family = "LimitExceeded"


class Failed(Refusal):
    """The request is right, but the resource is in no state for it."""

    family = "FailedOperation"


class Unsupported(Refusal):
    """The request is understood and is not something that can be done."""

    family = "UnsupportedOperation"


class AuthFailure(Refusal):
    """The request is not signed, or not by somebody whom we know."""

    family = "AuthFailure"


class Unavailable(Refusal):
    """The platform cannot take the request now; the same request may succeed later."""

    family = "ResourceUnavailable"


class UnknownAction(Refusal):
    """No action has that name."""

    family = "InvalidAction"


class UnknownVersion(Refusal):
    """The API has no such version."""

    family = "NoSuchVersion"


class TooLarge(Refusal):
    """The request has more bytes than its way of signing allows."""

    family = "RequestSizeLimitExceeded"
