"""A server and its sandbox: what it says of it, and that nothing of it outlives the server."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.conftest import processes
from tests.instances.making import soon
from tests.platform import Platform

#: Leaves a process behind that is in a session of its own.
DAEMON = """
import os, subprocess, sys
def main_handler(event, context):
    open("/tmp/left", "w").close()
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", event["mark"]],
        start_new_session=True, stdin=-3, stdout=-3, stderr=-3)
    return [os.getcwd(), os.getuid() >= 200000]
"""

with_nft = pytest.mark.skipif(not shutil.which("nft"), reason="it takes the package nftables")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="it takes root")


def health(platform: Platform) -> dict[str, Any]:
    with urllib.request.urlopen(f"{platform.api}/healthz") as page:  # noqa: S310 - it is ours
        return dict(json.load(page)["sandbox"])


def mounts() -> str:
    return Path("/proc/self/mounts").read_text()


@as_root
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_a_server(
    start: Callable[..., Platform], tmp_path: Path, number: signal.Signals
) -> None:
    before, mark = mounts(), f"left-by-{tmp_path.name}-{os.getpid()}"
    server = start("--set", "tier=best", "--set", "require_tier=sandbox")
    server.make("leaver", DAEMON)
    server.publish("leaver")
    for qualifier in ("$LATEST", "1"):
        result = server.invoke("leaver", {"mark": mark}, Qualifier=qualifier)["RetMsg"]
        assert json.loads(result) == ["/var/user", True]
    assert soon(lambda: len(processes(mark)) == 2)  # A program shows its words late.
    assert server.process.poll() is None

    server.stop(number)

    assert soon(lambda: not processes(mark))
    assert mounts() == before
    assert list((server.data / "scratch").iterdir()) == []


@as_root
def test_a_server_says_what_its_walls_are(start: Callable[..., Platform]) -> None:
    said = health(start("--set", "tier=best", "--set", "network=host"))

    assert (said["name"], said["network"]) == ("sandbox", "host")
    assert any("network of the host" in line for line in said["missing"])


def test_a_server_says_that_it_has_no_walls(start: Callable[..., Platform]) -> None:
    server = start("--set", "tier=none")

    assert health(server)["name"] == "none"
    assert '"tier": "none"' in server.log.read_text()


def test_a_server_does_not_start_with_less_than_is_required(
    start: Callable[..., Platform],
) -> None:
    with pytest.raises(AssertionError, match=r"tier sandbox is required, but cannot be had"):
        start("--set", "tier=none", "--set", "require_tier=sandbox")


#: Says which links it has.
LINKS = """
import socket
def main_handler(event, context):
    return [name for _, name in socket.if_nameindex()]
"""


def tables() -> set[str]:
    return set(subprocess.check_output(["nft", "list", "tables"], text=True).splitlines())


@as_root
@with_nft
def test_a_function_has_a_way_out_unless_it_wants_none(
    start: Callable[..., Platform],
) -> None:
    server = start()
    said = health(server)
    assert (said["name"], said["network"]) == ("sandbox", "egress")
    server.make("caller", LINKS)
    assert json.loads(server.invoke("caller")["RetMsg"]) == ["lo", "eth0"]

    server.call(
        "UpdateFunctionConfiguration",
        FunctionName="caller",
        PublicNetConfig={"PublicNetStatus": "DISABLE", "EipConfig": {"EipStatus": "DISABLE"}},
    )

    assert json.loads(server.invoke("caller")["RetMsg"]) == ["lo"]
    refusal = server.refusal(
        "UpdateFunctionConfiguration",
        FunctionName="caller",
        PublicNetConfig={"PublicNetStatus": "SOME"},
    )
    assert refusal.code == "InvalidParameterValue.PublicNetConfig"


@as_root
@with_nft
def test_no_rule_outlives_a_server_for_long(start: Callable[..., Platform]) -> None:
    server = start()
    (block,) = re.findall(r"inet (huidu_\w+)", server.log.read_text())
    assert f"table inet {block}" in tables()
    server.stop(signal.SIGKILL)

    again = server.again()

    # Another server that starts beside it may be the one that is just removing it; and by chance
    # the next one takes the very place of the one that was killed.
    if re.findall(r"inet (huidu_\w+)", again.log.read_text())[-1] != block:
        assert soon(lambda: f"table inet {block}" not in tables())
    assert again.stop() == 0


@as_root
def test_a_server_has_no_way_out_where_it_is_told_so(start: Callable[..., Platform]) -> None:
    said = health(start("--set", "network=none"))

    assert said["network"] == "none"
    assert "functions have no network: network = none" in said["missing"]


@pytest.mark.parametrize("tier", ["none", "best"])
def test_a_server_does_not_start_without_the_way_out_that_is_required(
    start: Callable[..., Platform], tmp_path: Path, tier: str
) -> None:
    if tier == "best" and os.geteuid() == 0:
        pytest.skip("it can be had here")
    with pytest.raises(AssertionError, match="network = egress takes the tier sandbox"):
        start("--set", f"tier={tier}", "--set", "network=egress")
