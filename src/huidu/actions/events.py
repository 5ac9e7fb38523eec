"""Events: what happened, with who and why."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from huidu.actions.action import HUIDU, HUIDU_VERSION, Action, Json, Limit, Order, Wire

Kinds = Annotated[
    list[str], Meta(description="Kinds such as `alias.moved`, families such as `alias.*`, or `*`.")
]
Moment = Annotated[
    str, Meta(description="`YYYY-MM-DD HH:MM:SS`, or how long ago: 90s, 15m, 1h, 7d.")
]


class ListEvents(Wire):
    """List what happened: moves of aliases, releases, throttling, ..."""

    kinds: Annotated[Kinds, Meta(description="Empty for all.")] = field(default_factory=list)
    namespace: Annotated[str, Meta(description="Only of this namespace.")] = ""
    function_name: Annotated[str, Meta(description="Only of functions of this name.")] = ""
    alias: Annotated[str, Meta(description="Only of this alias.")] = ""
    function_version: Annotated[str, Meta(description="Only of this version.")] = ""
    who: Annotated[
        str, Meta(description="Only what this key asked for: `wei`, or `wei (console)`.")
    ] = ""
    since: Annotated[Moment, Meta(description="Not before.")] = ""
    until: Annotated[Moment, Meta(description="Not after.")] = ""
    cursor: Annotated[str, Meta(description="`NextCursor` of the page before.")] = ""
    order: Order = "DESC"
    limit: Limit = 20


class EventFacts(Wire):
    """What happened. What does not apply to it is empty."""

    id: Annotated[str, Meta(description="Rises with every event; what webhooks get as `Id`, too.")]
    kind: str
    at: Annotated[float, Meta(description="Seconds since the epoch.")]
    time: Annotated[str, Meta(description="The same, as a person reads it.")]
    namespace: str
    function_name: str
    alias: str
    function_version: str
    subject: Annotated[str, Meta(description="What else it is about, such as a webhook.")]
    who: Annotated[
        str,
        Meta(description="Who asked and how, as in `wei (API)`; empty for the platform itself."),
    ]
    reason: str
    before: Annotated[str, Meta(description="In words.")]
    after: Annotated[str, Meta(description="In words.")]
    detail: Annotated[Json, Meta(description="An object, by kind.")]
    request_id: Annotated[str, Meta(description="Of the request that did it.")]


class Events(Wire):
    """A page of events."""

    events: list[EventFacts]
    next_cursor: Annotated[
        str,
        Meta(
            description="For the next page; empty after the last of DESC. With ASC always there: "
            "what happens later is found from it."
        ),
    ]


LIST_EVENTS = Action(
    service=HUIDU,
    version=HUIDU_VERSION,
    name="ListEvents",
    summary="List what happened, with who and why.",
    request=ListEvents,
    answer=Events,
    errors=(
        "InvalidParameterValue.Cursor",
        "InvalidParameterValue.DateTime",
        "InvalidParameterValue.Kinds",
        "InvalidParameterValue.Limit",
        "InvalidParameterValue.Order",
    ),
)
ACTIONS = (LIST_EVENTS,)
