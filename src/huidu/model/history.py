"""History: who moved an alias, when and why, from what to what."""

from __future__ import annotations

from dataclasses import dataclass

from huidu.model.alias import Alias
from huidu.model.function import FunctionName


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One write of an alias. `before` is None where it was made, `after` where it was deleted."""

    function: FunctionName
    function_id: str
    alias: str
    revision: int  #: The revision that the write made.
    at: float
    who: str
    why: str
    action: str
    before: Alias | None
    after: Alias | None
    warning: str = ""  #: What was not as it should be, and did not hold the write up.
