"""Access keys: what people and programs sign requests to this API with, and what each may ask.

The API keys of `apigateway` (`CreateApiKey`) are something else: those of callers of functions.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from huidu.actions.action import Nothing, Wire, ours
from huidu.model.role import Role

Key = Annotated[str, Meta(description="The id of the access key, or its name.")]
Name = Annotated[
    str, Meta(description="Whose it is: 1 to 50 letters, digits, `._@+-` and single spaces.")
]
Word = Annotated[str, Meta(description="view, release or admin.")]
UNKNOWN = "ResourceNotFound.AccessKey"


class CreateKey(Wire):
    """Make an access key."""

    name: Name
    role: Word = "view"


class KeyCreated(Wire):
    """The access key. Keep the secret: it is shown this once."""

    secret_id: str
    secret_key: str
    name: str
    role: str


class ListKeys(Wire):
    """List the access keys, the root key first, without secrets."""


class KeyFacts(Wire):
    """An access key. The root key is in the file `credentials` and is changed there."""

    secret_id: str
    name: str
    role: Word
    enabled: bool
    root: bool
    added_by: Annotated[str, Meta(description="Who made it.")]
    add_time: str
    used_time: Annotated[
        str, Meta(description="When it last signed a request or signed in, to a minute; or empty.")
    ]


class KeysListed(Wire):
    """The access keys there are."""

    keys: list[KeyFacts]


class UpdateKey(Wire):
    """Give an access key another name or role, or disable or enable it, from now on."""

    key: Key
    name: Annotated[Name | None, Meta(description="Another name.")] = None
    role: Annotated[Word | None, Meta(description="view, release or admin.")] = None
    enabled: Annotated[
        bool | None, Meta(description="Whether it may sign; a disabled one loses nothing else.")
    ] = None


class DeleteKey(Wire):
    """Delete an access key, with the sessions that were begun with it."""

    key: Key


class CreateConsoleLink(Wire):
    """Make a link that signs in to the console, once, as whoever asks."""

    role: Annotated[
        Word | None, Meta(description="That the session has at most; that of the key if left out.")
    ] = None


class ConsoleLink(Wire):
    """Where to go, below the address of this API."""

    path: str
    until_time: Annotated[str, Meta(description="Until when it is good.")]


SHAPE = "InvalidParameterValue"
ACTIONS = (
    ours(
        "CreateKey",
        "Make an access key, which signs requests to this API; its secret is shown this once.",
        CreateKey,
        KeyCreated,
        SHAPE,
        "LimitExceeded.AccessKey",
        "ResourceInUse.AccessKey",
    ),
    ours(
        "ListKeys",
        "List the access keys.",
        ListKeys,
        KeysListed,
        role=Role.ADMIN,  # who may do what is for those who decide it
    ),
    ours(
        "UpdateKey",
        "Rename an access key, give it another role, disable or enable it.",
        UpdateKey,
        Nothing,
        SHAPE,
        UNKNOWN,
        "ResourceInUse.AccessKey",
        "UnsupportedOperation.RootKey",
    ),
    ours(
        "DeleteKey",
        "Delete an access key.",
        DeleteKey,
        Nothing,
        UNKNOWN,
        "UnsupportedOperation.RootKey",
    ),
    ours(
        "CreateConsoleLink",
        "Make a link that signs in to the console, once, within ten minutes.",
        CreateConsoleLink,
        ConsoleLink,
        SHAPE,
        role=Role.VIEW,  # it gives nobody more than he has
    ),
)
