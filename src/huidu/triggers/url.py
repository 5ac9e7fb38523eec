"""URL: calls a function over HTTP, at an address of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from huidu.model.effect import Effect, FunctionGone, TriggersChanged
from huidu.model.errors import InvalidValue
from huidu.model.trigger import Trigger

TYPE = "http"
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
ORIGIN = re.compile(r"\*|null|[a-z][a-z0-9+.-]*://[^\s/,?#@]+")
METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "*"])
MOST_AGE_S = 86_400
MOST_IN_A_LIST = 100

Check = Callable[[str, object], object]


def define(text: str) -> str:
    """Return the settings of a URL as they are read back, or raise `InvalidValue`."""
    try:
        asked = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise _wrong("", text, 'must be JSON, as in {"AuthType":"NONE"}')
    settings = {**asked, **_read("", asked, SETTINGS)}
    net, pages = settings["NetConfig"], settings["CorsConfig"]
    if not net["EnableExtranet"] and not net["EnableIntranet"]:
        raise _wrong("NetConfig", "", "EnableIntranet or EnableExtranet must be true")
    if pages["Credentials"] and "*" in pages["Origins"]:
        raise _wrong("CorsConfig.Credentials", "true", "Origins must name who is trusted, not *")
    return json.dumps(settings, ensure_ascii=False)


def _wrong(field: str, value: object, right: str) -> InvalidValue:
    shown = value if isinstance(value, str) else json.dumps(value, default=str)
    where = f"TriggerDesc: {field}" if field else "TriggerDesc"
    return InvalidValue("TriggerDesc", f"{where} {shown[:80]!r}: {right}")


def _read(where: str, asked: object, table: Mapping[str, tuple[object, Check]]) -> dict[str, Any]:
    """Return each field of a table as it was asked for, or as it is where it was not."""
    if not isinstance(asked, dict):
        raise _wrong(where, asked, f"must be an object with {', '.join(table)}")
    dot = f"{where}." if where else ""
    return {
        name: check(dot + name, asked.get(name, usual)) for name, (usual, check) in table.items()
    }


def _auth(field: str, value: object) -> object:
    if value != "NONE":
        raise _wrong(field, value, "is not to be had; say NONE")
    return value


def _flag(field: str, value: object) -> object:
    if not isinstance(value, bool):
        raise _wrong(field, value, "must be true or false")
    return value


def _age(field: str, value: object) -> object:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_AGE_S:
        raise _wrong(field, value, f"must be seconds from 0 to {MOST_AGE_S}")
    return value


def _list(right: str, fits: Callable[[str], object]) -> Check:
    def check(field: str, value: object) -> object:
        if not isinstance(value, list) or len(value) > MOST_IN_A_LIST:
            raise _wrong(field, value, f"must be a list of at most {MOST_IN_A_LIST}")
        for one in value:
            if not isinstance(one, str) or not fits(one):
                raise _wrong(field, one, right)
        return value

    return check


def _object(table: Mapping[str, tuple[object, Check]]) -> Check:
    def check(field: str, value: object) -> object:
        known = _read(field, value, table)
        return {**value, **known} if isinstance(value, dict) else known

    return check


_HEADERS = _list("must be names of headers, as in X-Token, or *", TOKEN.fullmatch)
NET = {"EnableIntranet": (True, _flag), "EnableExtranet": (True, _flag)}
CORS: Mapping[str, tuple[object, Check]] = {
    "Enable": (False, _flag),
    "Origins": (["*"], _list("must be origins, as in https://a.example, or *", ORIGIN.fullmatch)),
    "Methods": ([], _list(f"must be of {' '.join(sorted(METHODS))}", METHODS.__contains__)),
    "Headers": ([], _HEADERS),
    "ExposeHeaders": ([], _HEADERS),
    "MaxAge": (0, _age),
    "Credentials": (False, _flag),
}
SETTINGS: Mapping[str, tuple[object, Check]] = {
    "AuthType": ("NONE", _auth),
    "NetConfig": ({}, _object(NET)),
    "CorsConfig": ({}, _object(CORS)),
}


def show(trigger: Trigger, gateway_url: str) -> str:
    """Return the settings of a URL, with the addresses at which it is reached."""
    settings = json.loads(trigger.definition)
    net = dict(settings.get("NetConfig", {}))
    address = f"{gateway_url}/url/{trigger.resource_id}/"
    for inside, name in (("EnableIntranet", "Intranet"), ("EnableExtranet", "Extranet")):
        if net.get(inside, True):
            net |= {f"{name}Url": address, f"{name}HTTPUrl": address}
            settings[f"{name}HTTPUrl"] = address
    return json.dumps({**settings, "NetConfig": net}, ensure_ascii=False)


class Urls:
    """Which function URL leads to which function and qualifier."""

    def __init__(self) -> None:
        self._by_id: dict[str, Trigger] = {}
        self._of: dict[str, tuple[str, ...]] = {}  #: The URLs of a function, by its id.

    def find(self, url_id: str) -> Trigger | None:
        """Return what a URL is bound to, or None where there is no such URL or it is closed."""
        trigger = self._by_id.get(url_id)
        return trigger if trigger is not None and trigger.enabled else None

    def apply(self, effects: Sequence[Effect]) -> None:
        """Take over the URLs of functions that a commit changed; no others are looked at."""
        for effect in effects:
            match effect:
                case TriggersChanged(function, triggers):
                    self._replace(function.id, triggers)
                case FunctionGone(function):
                    self._replace(function.id, ())
                case _:
                    pass

    def _replace(self, function_id: str, triggers: Sequence[Trigger]) -> None:
        for url_id in self._of.pop(function_id, ()):
            del self._by_id[url_id]
        here = {trigger.resource_id: trigger for trigger in triggers if trigger.type == TYPE}
        if here:
            self._of[function_id] = tuple(here)
            self._by_id |= here
