"""An application of Express, from the template to the last of its callers and back."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from huidu.project.dependencies import needs_of
from huidu.project.installing import cache_of
from tests.cli.typing_here import Here, edit
from tests.platform import until
from tests.project.deploying import fetch

MODULES = Path(__file__).parents[1] / "npm" / "express" / "node_modules"
OLD, NEW = b"Hello from Express\n", b"Hello from the new Express\n"
pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="there is no node"),
    pytest.mark.skipif(
        not (MODULES / "express").is_dir(), reason="tests/needs has not installed it"
    ),
]


def install_from_here(folder: Path, cache: Path) -> None:
    """Put what the lock names where npm would have put it, for no test asks a registry."""
    needs = needs_of(folder, "Nodejs18.15")
    assert needs is not None
    tree = cache_of({"XDG_CACHE_HOME": str(cache)}) / needs.digest / "tree"
    shutil.copytree(MODULES, tree / "node_modules", ignore=shutil.ignore_patterns(".*"))


def answers(url: str, count: int) -> Counter[bytes]:
    return Counter(fetch(url)[2] for _ in range(count))


@pytest.mark.timeout(60)
def test_an_application_of_express_moves_to_new_code_and_back(here: Here, name: str) -> None:
    here.well(f"huidu init express . --name {name}")
    install_from_here(Path(), Path("../cache").resolve())
    told = here.well("huidu deploy")
    (url,) = json.loads(here.well("huidu info --json"))["Urls"]
    assert f"  at        {url}\n" in told
    assert fetch(url)[::2] == (200, OLD)
    assert json.loads(fetch(f"{url}/users/7")[2]) == {"id": "7"}

    edit("sls.js", "from Express", "from the new Express")
    here.well("huidu deploy --inputs.traffic=0.1")
    # The exact split: of each 10 calls one, and at a boundary one more or less.
    assert answers(url, 20)[NEW] in {1, 2, 3}
    here.well("huidu deploy --inputs.traffic=1.0")
    assert answers(url, 3) == {NEW: 3}
    here.well(f"huidu rollback {name}-dev release")
    assert answers(url, 3) == {OLD: 3}
    here.well("huidu remove --yes")
    assert until(lambda: fetch(url)[0] == 404)
