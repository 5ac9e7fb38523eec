"""URL: calls a function over HTTP, at an address of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence

from huidu.model.effect import Effect, FunctionGone, TriggersChanged
from huidu.model.errors import InvalidValue
from huidu.model.trigger import Trigger

TYPE = "http"
DEFAULTS = {"AuthType": "NONE", "NetConfig": {"EnableIntranet": True, "EnableExtranet": True}}


def define(text: str) -> str:
    """Return the settings of a URL as they are read back, or raise `InvalidValue`."""
    try:
        asked = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise InvalidValue(
            "TriggerDesc", f'TriggerDesc {text[:80]!r}: must be JSON, as in {{"AuthType":"NONE"}}'
        )
    settings = {**DEFAULTS, **asked}
    if settings["AuthType"] != "NONE":
        raise InvalidValue(
            "TriggerDesc",
            f"TriggerDesc: AuthType {str(settings['AuthType'])[:40]!r} is not to be had; say NONE",
        )
    return json.dumps(settings, ensure_ascii=False)


def show(trigger: Trigger, gateway_url: str) -> str:
    """Return the settings of a URL, with the addresses at which it is reached."""
    address = f"{gateway_url}/url/{trigger.resource_id}/"
    addresses = {"ExtranetHTTPUrl": address, "IntranetHTTPUrl": address}
    return json.dumps({**json.loads(trigger.definition), **addresses}, ensure_ascii=False)


class Urls:
    """Which function URL leads to which function and qualifier."""

    def __init__(self) -> None:
        self._by_id: dict[str, Trigger] = {}

    def find(self, url_id: str) -> Trigger | None:
        """Return what a URL is bound to, or None where there is no such URL or it is closed."""
        trigger = self._by_id.get(url_id)
        return trigger if trigger is not None and trigger.enabled else None

    def apply(self, effects: Sequence[Effect]) -> None:
        """Take over the URLs of functions that a commit changed."""
        for effect in effects:
            match effect:
                case TriggersChanged(function, triggers):
                    self._replace(function.id, triggers)
                case FunctionGone(function):
                    self._replace(function.id, ())
                case _:
                    pass

    def _replace(self, function_id: str, triggers: Sequence[Trigger]) -> None:
        kept = {key: t for key, t in self._by_id.items() if t.function_id != function_id}
        kept |= {t.resource_id: t for t in triggers if t.type == TYPE}
        self._by_id = kept
