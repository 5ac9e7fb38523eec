"""Last good: which version an alias is to go back to, by its history.

Pure: what the API tells of changes in, a decision out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from huidu.actions.leads import Alias, versions

Change = Mapping[str, Any]
#: Begins the reason of a rollback by hand, so that the next one knows what was bad.
MARK = "rollback from version "
FROM = re.compile(re.escape(MARK) + r"(\S+?)(?:[:,;\s]|$)")
UNDO, BACKWARDS = "UndoAlias", frozenset({"RollbackRollout", "RolloutRollBack"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to go back to."""

    bad: tuple[str, ...]  #: Which versions are left.
    version: str  #: Which is to have all calls.
    revision: int  #: The change after which it had them; 0 where it has some at present.


def last_good(
    present: Alias, newest_first: Sequence[Change], there_are: Collection[str]
) -> Target | None:
    """Return where an alias is to go back to, or None where there is no such place.

    Where calls are shared, the additional versions are new and the main one is good. Else it is
    the version that had all calls last, that still exists, and that nobody has left by going
    back since it was last chosen.
    """
    now = versions(present)
    if len(now) > 1:
        return Target(bad=tuple(now[1:]), version=now[0], revision=0)
    bad = {now[0], *_left(newest_first)}
    for change in newest_first:
        after = change["After"]
        alone = versions(after) if after else []
        if len(alone) == 1 and alone[0] not in bad and alone[0] in there_are:
            return Target(bad=(now[0],), version=alone[0], revision=change["Revision"])
    return None


def _left(newest_first: Sequence[Change]) -> set[str]:
    """Return the versions that were taken back, and not chosen again since."""
    bad: set[str] = set()
    went_back = False
    for change in reversed(newest_first):
        before = versions(change["Before"]) if change["Before"] else []
        after = versions(change["After"]) if change["After"] else []
        # To undo a step back is a step forward.
        undone = change["Action"] == UNDO and not went_back
        went_back = undone or change["Action"] in BACKWARDS or bool(FROM.match(change["Reason"]))
        if went_back:
            bad |= set(before) - set(after)
        bad -= set(after)
    return bad
