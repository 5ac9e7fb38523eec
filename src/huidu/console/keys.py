"""Keys: who may ask for what here, and for how long somebody is signed in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from huidu.console.asking import Visit


async def page(visit: Visit) -> Mapping[str, Any]:
    """Return what the page of settings shows."""
    return {}
