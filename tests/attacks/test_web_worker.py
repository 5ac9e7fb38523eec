"""The worker beside a server of the user's: what it passes is believed, so nobody may be in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from huidu.instances.blueprint import Blueprint
from huidu.instances.outcomes import StartFailed
from huidu.instances.starting import serve
from huidu.runtimes.table import Runtimes
from tests.attacks.cages import APART, Cage, cage
from tests.instances.making import OURS

#: gVisor hands on no sockets, so that it has no web functions.
TIERS = [name for name in APART if name != "gvisor"]
BOOTSTRAP = "scf_bootstrap"
RUNTIMES = Runtimes({"Python": [OURS]})


async def what_it_said(made: Cage, source: str, *environment: tuple[str, str]) -> str:
    """Start a web function whose bootstrap does not listen; return why it could not start."""
    version = made.shelf.version(source, file=BOOTSTRAP, type="HTTP", environment=environment)
    code = made.shelf.unpacked(version.code)
    (code / BOOTSTRAP).chmod(0o755)
    runtime = RUNTIMES.web(version.configuration.runtime)
    with pytest.raises(StartFailed) as failed:
        await serve(Blueprint(version=version, code=code, runtime=runtime), made.opened.launcher)
    return f"{failed.value.ending.message}: {failed.value.printed}"


@pytest.mark.parametrize("tier", TIERS)
async def test_the_environment_of_a_function_is_its_servers_and_not_the_workers(
    tier: str, tmp_path: Path
) -> None:
    async with cage(tier, tmp_path) as made:
        traced = ("LD_TRACE_LOADED_OBJECTS", "1")  # The loader lists, and nothing is run.
        said = await what_it_said(made, "#!/bin/sh\nexit 3\n", traced)
        seen = await what_it_said(made, '#!/bin/sh\necho "$COLOUR $HOME"\n', ("COLOUR", "red"))

    assert "scf_bootstrap ended with status 0" in said
    assert "libc.so" in said
    assert "red /" in seen
