"""Keys: who may ask for what here, and where somebody is signed in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from huidu.console.asking import Done, Told, Visit, path
from huidu.console.flash import Flash
from huidu.model.role import WORDS

NOT_HIS: Mapping[str, Any] = {"Keys": None}


async def page(visit: Visit) -> Mapping[str, Any]:
    """Return what the page of settings shows; the keys, to those who decide of them."""
    keys = await visit.ask_or(NOT_HIS, "ListKeys")
    webhooks = await visit.ask_or({"Webhooks": None}, "ListWebhooks")
    return {"keys": keys["Keys"], "roles": WORDS, "webhooks": webhooks["Webhooks"]}


async def create(visit: Visit) -> Told:
    """Make a key, and show its secret this once."""
    made = await visit.ask("CreateKey", Name=visit.given("name"), Role=visit.given("role"))
    return Told("key_made.html", {"made": made})


async def change(visit: Visit) -> Done:
    """Give a key another role, disable, enable or delete it."""
    key, what = visit.place("key"), visit.place("change")
    if what == "delete":
        await visit.ask("DeleteKey", Key=key)
    else:
        role = visit.given("role") if what == "role" else None
        enabled = {"enable": True, "disable": False}.get(what)
        await visit.ask("UpdateKey", Key=key, Role=role, Enabled=enabled)
    return Done(path("settings"), Flash(visit.say("The key is changed.")))
