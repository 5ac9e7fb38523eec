"""Sending: a large package in parts, gone on with where it broke off, and then only what is new."""

from __future__ import annotations

import json
import random
import signal
from pathlib import Path

import pytest

from huidu.cli.client import Client
from huidu.cli.projects.bucket import Bucket
from huidu.cloudapi.keys import Pair
from huidu.project.pieces import PART_BYTES
from tests.cli.running import running
from tests.cli.terminals import terminal
from tests.cli.typing_here import Here
from tests.platform import SECRET_ID, SECRET_KEY

FILES, EACH_BYTES = 500, 80_000
WHOLE_BYTES = FILES * EACH_BYTES


@pytest.fixture
def large(here: Here, name: str) -> Here:
    """A project of 500 files of 40 MB, of which nothing can be compressed."""
    here.well(f"huidu init nodejs . --name {name}")
    dice = random.Random(name)
    Path("data").mkdir()
    for number in range(FILES):
        Path(f"data/{number:03}").write_bytes(dice.randbytes(EACH_BYTES))
    return here


def bucket_of(here: Here) -> Bucket:
    return Bucket(Client(endpoint=here.server.api, pair=Pair(SECRET_ID, SECRET_KEY)))


@pytest.mark.timeout(90)
def test_500_files_of_40_mb_are_sent_once_and_then_only_what_changed(
    large: Here, name: str
) -> None:
    folder, bucket = f"default/{name}-dev/", bucket_of(large)
    with running(large.server, "deploy") as killed:
        assert killed.stderr is not None
        said = next(line for line in killed.stderr if line.startswith("sending: "))
        killed.send_signal(signal.SIGKILL)
    assert " MB of 38." in said
    assert not json.loads(large.well("huidu info --json"))["Deployed"]
    assert len(bucket.uploads(folder)) == 1

    first = json.loads(large.well("huidu deploy --json"))
    assert PART_BYTES < first["SentBytes"] < WHOLE_BYTES - PART_BYTES
    assert (bucket.uploads(folder), bucket.objects(folder)) == ([], {})

    Path("data/250").write_bytes(b"changed" * 1000)
    ran = large.run("huidu deploy --json")
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["SentBytes"] < 50_000
    assert "packing: " in ran.stderr
    assert "sending: " in ran.stderr
    assert "; the rest was there\n" in ran.stderr
    assert (bucket.uploads(folder), bucket.objects(folder)) == ([], {})


@pytest.mark.timeout(60)
def test_a_person_sees_how_far_it_is(here: Here, name: str) -> None:
    here.well(f"huidu init nodejs . --name {name}")
    Path("data").write_bytes(random.Random(name).randbytes(11 << 20))
    with terminal(here.server, 60, "deploy") as shown:
        assert shown.wait() == 0
        written = shown.written()
    assert "sending " in written
    assert "\u2501" in written
    assert "sent 11.0 MB of 11.0 MB\n" in written
    assert f"to call it:             huidu invoke {name}-dev --http GET /" in written
