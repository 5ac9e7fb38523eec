"""The machine: what it is, and which versions of what stand on it."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import huidu
from huidu import compiled

#: Programs that say which version they are, and how they are asked.
PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "wrk": ("wrk", "-v"),
    "nginx": ("/usr/sbin/nginx", "-v"),
    "Node.js": ("node", "--version"),
}
GIB = 1 << 30


def today() -> str:
    """Return the date, in UTC."""
    return datetime.now(UTC).date().isoformat()


def facts() -> Mapping[str, str]:
    """Return what figures depend on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": str(os.cpu_count() or 1),
        "processor": _processor(),
        "memory": f"{memory / GIB:.0f} GiB",
        "kernel": f"Linux {platform.release()} {platform.machine()}",
    }


def _processor() -> str:
    with suppress(OSError):
        said = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if said:
            return said[1]
    return platform.machine()


def versions() -> Mapping[str, str]:
    """Return the versions of ours and of what stands beside it; nothing for what is not there."""
    ours = f"{huidu.__version__} ({compiled.how()})"
    found = {"Huidu": ours, "Python": platform.python_version()}
    for name, command in PROGRAMS.items():
        with suppress(OSError):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            number = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
            found[name] = number[0] if number else ""
    return found
