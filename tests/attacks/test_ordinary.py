"""The attacks once more, on a platform that is an ordinary user of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SOMEBODY = 65_533  #: A user that owns nothing here.

#: Shows what the tests are made of to everybody, in a mount namespace of its own (folders such as
#: root's home are closed to others), then is somebody else.
AS_SOMEBODY = """
import os, sys
from huidu.instances.sandbox.walls import kernel

def closed(path):
    return next((p for p in reversed(parents(path)) if not os.stat(p).st_mode & 1), None)

def parents(path):
    return [path] + (parents(os.path.dirname(path)) if path != "/" else [])

somebody, *wanted = sys.argv[1:sys.argv.index("--")]
kernel.unshare(kernel.CLONE_NEWNS)
kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
kernel.mount("aside", "/mnt", "tmpfs", 0, "mode=755")
kept = {}
for n, path in enumerate(p for p in wanted if closed(p)):
    os.mkdir(f"/mnt/{n}")
    kernel.mount(path, f"/mnt/{n}", flags=kernel.MS_BIND | kernel.MS_REC)
    kept[path] = f"/mnt/{n}"
for path, aside in kept.items():
    while top := closed(path):
        kernel.mount("open", top, "tmpfs", 0, "mode=755")
        os.makedirs(path, exist_ok=True)
    os.makedirs(path, exist_ok=True)
    kernel.mount(aside, path, flags=kernel.MS_BIND | kernel.MS_REC)
os.setgroups([])
os.setresgid(*[int(somebody)] * 3)
os.setresuid(*[int(somebody)] * 3)
os.execv(sys.executable, [sys.executable, *sys.argv[sys.argv.index("--") + 1:]])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="we are an ordinary user ourselves")
@pytest.mark.timeout(600)
def test_what_root_holds_back_an_ordinary_user_does_too(tmp_path: Path) -> None:
    base = Path("/tmp") / f"huidu-ordinary-{os.getpid()}"
    base.mkdir(mode=0o700)
    os.chown(base, SOMEBODY, SOMEBODY)
    wanted = {REPOSITORY, Path(sys.base_prefix), Path(sys.prefix)}
    try:
        done = subprocess.run(
            [
                *(sys.executable, "-c", AS_SOMEBODY, str(SOMEBODY), *map(str, sorted(wanted))),
                *("--", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"),
                *("--basetemp", str(base / "tests"), "tests/attacks/test_walls.py"),
                *("tests/e2e/test_walls.py", "tests/instances/test_watch.py"),
                *("-k", "not no_walls"),
            ],
            cwd=REPOSITORY,
            env={"PATH": os.defpath, "TMPDIR": str(base), "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    finally:
        subprocess.run(["rm", "-rf", str(base)], check=True)
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout
