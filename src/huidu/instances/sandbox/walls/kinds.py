"""Walls: the kinds of them that a cell can have, by what the platform may do on this machine."""

from __future__ import annotations

#: Namespaces, and a user of its own, as root may make them.
ROOT = "root"
#: The same in a user namespace, for a platform that is an ordinary user.
USER = "user"
#: No namespaces: Landlock, a filter, limits, and a user of its own where the platform is root.
BASIC = "basic"

KINDS = (ROOT, USER, BASIC)
