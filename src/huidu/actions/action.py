"""Action: a row of the API, of which dispatch, validation, reference and commands are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta

from huidu.model.role import Role, needed

SCF, SCF_VERSION = "scf", "2018-04-16"
APIGATEWAY, APIGATEWAY_VERSION = "apigateway", "2018-08-08"
MONITOR, MONITOR_VERSION = "monitor", "2018-07-24"
SLS, SLS_VERSION = "sls", "2020-02-05"
CAM, CAM_VERSION = "cam", "2019-01-16"
HUIDU, HUIDU_VERSION = "huidu", "2026-11-01"
ASKING = ("Get", "List", "Test", "Watch")  #: How the names of actions begin that write nothing.


class Wire(msgspec.Struct, rename="pascal", gc=False):
    """What goes over the wire: fields in Python's spelling here, in the cloud API's there.

    It is read from a text or made for one, so nothing in it leads back to it, and the collector of
    circles need not look at it.
    """


Request = TypeVar("Request", bound=Wire)
Answer = TypeVar("Answer", bound=Wire)


class Nothing(Wire):
    """An answer that holds only the request's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action(Generic[Request, Answer]):
    """A row of the API.

    `errors` are the codes that the action is documented to answer with, beside those that any
    action may. `spelling` translates a code of the platform into this action's word for it: the
    cloud API has three codes for a version that is missing. `shapes` does the same for a field of
    the wrong type, by the beginning of its path.
    """

    service: str = SCF
    version: str = SCF_VERSION
    name: str
    summary: str
    request: type[Request]
    answer: type[Answer]
    writes: bool = False  #: Whether it changes something; carried out to the end once begun.
    errors: tuple[str, ...] = ()
    spelling: Mapping[str, str] = field(default_factory=dict)
    shapes: Mapping[str, str] = field(default_factory=dict)
    largest_bytes: int | None = None  #: Of the request, where it may be larger than others.
    role: Role | None = None  #: What a key needs to ask for it; its name says, where this does not.
    unsupported: str = ""  #: Why nobody carries it out, where the cloud has it and we do not.

    @property
    def needs(self) -> Role:
        """What a key needs to ask for it."""
        return self.role or needed(self.name, writes=self.writes)


def ours(
    name: str,
    summary: str,
    request: type[Wire],
    answer: type[Wire],
    *errors: str,
    role: Role | None = None,
) -> Action[Wire, Wire]:
    """Return an action of our own service; whether it writes is in its name."""
    return Action(
        service=HUIDU,
        version=HUIDU_VERSION,
        name=name,
        summary=summary,
        request=request,
        answer=answer,
        writes=not name.startswith(ASKING),
        errors=errors,
        role=role,
    )


#: Codes that any action may answer with.
COMMON_ERRORS = (
    "AuthFailure.InvalidAuthorization",
    "AuthFailure.SecretIdNotFound",
    "AuthFailure.SignatureExpire",
    "AuthFailure.SignatureFailure",
    "AuthFailure.TokenFailure",
    "AuthFailure.UnauthorizedOperation",
    "InternalError",
    "InvalidAction",
    "InvalidParameter",
    "InvalidParameterValue",
    "MissingParameter",
    "NoSuchVersion",
    "RequestSizeLimitExceeded",
    "ResourceUnavailable.Storage",
)

#: The three spellings of a version or alias that is not there.
AS_QUALIFIER = {
    "ResourceNotFound.FunctionVersion": "ResourceNotFound.Qualifier",
    "ResourceNotFound.Alias": "ResourceNotFound.Qualifier",
}
AS_VERSION = {
    "ResourceNotFound.FunctionVersion": "ResourceNotFound.Version",
    "ResourceNotFound.Alias": "ResourceNotFound.Version",
}
FUNCTION_ERRORS = ("ResourceNotFound.FunctionName", "ResourceNotFound.Namespace")

NamedFunction = Annotated[str, Meta(description="The name of the function.")]
Namespace = Annotated[str, Meta(description="The namespace that the function lives in.")]
Description = Annotated[str, Meta(description="At most 1000 characters.")]
Flag = Annotated[str | bool, Meta(description="TRUE or FALSE.")]
Offset = Annotated[int, Meta(description="How many to pass over.")]
Limit = Annotated[int, Meta(description="How many to return.")]
Order = Annotated[str, Meta(description="ASC or DESC.")]
Json = Any


def is_true(flag: str | bool) -> bool:  # noqa: FBT001 - it is what was sent
    """Tell whether a flag, sent as text or as a boolean, says yes."""
    return str(flag).upper() == "TRUE"
