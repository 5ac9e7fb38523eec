"""Trigger: an event source that is bound to a version or an alias of a function."""

from __future__ import annotations

from dataclasses import dataclass

from huidu.model.function import FunctionName


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A binding: what happens at the source calls the function through `qualifier`."""

    function: FunctionName
    function_id: str
    type: str
    name: str
    qualifier: str
    definition: str  #: What the type needs to know, as JSON text; a timer's cron, a URL's CORS.
    custom_argument: str = ""
    description: str = ""
    enabled: bool = True
    resource_id: str = ""  #: What the outside knows it by: the id of a function URL.
    added_at: float = 0.0
    modified_at: float = 0.0
