"""Sending: a large package in parts, gone on with where it broke off, and then only what is new."""

from __future__ import annotations

import json
import random
import signal
from base64 import b64encode
from pathlib import Path

import pytest

from huidu.cli.client import Client, Refused, Unreachable
from huidu.cli.projects.bucket import Bucket
from huidu.cli.projects.sending import Tell, clean, sent
from huidu.cloudapi.keys import Pair
from huidu.project.files import Item
from huidu.project.packing import Package, pack
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


def packed(name: str, changed: str = "") -> Package:
    """A package of some 1.5 MB, in whose end there is no room for its directory."""
    dice = random.Random(name)
    files = {f"{number:04}-{'x' * 80}": dice.randbytes(1000) for number in range(1200)}
    files |= {"index.py": b"def main_handler(event, context): return 1", "9999": changed.encode()}
    return pack([Item(name=file, size_bytes=len(held), text=held) for file, held in files.items()])


@pytest.fixture
def base(here: Here, name: str) -> str:
    """The digest of a package that the server has of a function."""
    package = packed(name)
    here.server.make(name, Code={"ZipFile": b64encode(package.zip_bytes).decode()})
    return package.sha256


def send(here: Here, package: Package, base: str, name: str, tell: Tell = lambda *_: None) -> int:
    """Send a package, have the server make the function of it; return what it took."""
    with sent(package, base, bucket_of(here), f"default/{name}/", tell) as found:
        assert found.code is not None
        here.server.call("UpdateFunctionCode", FunctionName=name, Code=found.code)
    facts = here.server.call("GetFunction", FunctionName=name)
    assert facts["CodeSha256"] == package.sha256
    assert bucket_of(here).objects("default/" + name) == {}
    return found.sent_bytes


def test_of_a_package_with_many_small_files_the_rest_is_taken_from_there(
    here: Here, name: str, base: str
) -> None:
    assert send(here, packed(name, "changed"), base, name) < 250_000, "the directory, and a file"


def test_where_the_package_before_is_gone_all_of_it_is_sent(
    here: Here, name: str, base: str
) -> None:
    package = packed(name, "changed")
    assert base
    assert send(here, package, "0" * 64, name) == len(package.zip_bytes)


def test_an_upload_that_another_deploy_has_taken_away_is_made_again(
    here: Here, name: str, base: str
) -> None:
    bucket, folder = bucket_of(here), f"default/{name}/"
    seen: list[int] = []

    def take_away(done: int, _: int) -> None:
        if not seen:
            clean(bucket, folder)
        seen.append(done)

    assert send(here, packed(name, "changed"), base, name, take_away)
    assert seen.count(seen[0]) == 2, "it began anew"


def test_what_another_deploy_has_left_is_taken_or_removed(here: Here, name: str, base: str) -> None:
    bucket, folder, package = bucket_of(here), f"default/{name}/", packed(name, "changed")
    key = f"{folder}{package.sha256}.zip"
    upload = bucket.begin(key, {})
    bucket.end(key, upload, [bucket.put(key, upload, 1, package.zip_bytes)])
    bucket.begin(f"{folder}other.zip", {})

    assert send(here, package, base, name) == 0
    clean(bucket, folder)
    assert (bucket.uploads(folder), bucket.objects(folder)) == ([], {})


class Gone(Bucket):
    """A bucket whose server is gone once something is to be removed."""

    def delete(self, key: str) -> None:
        raise Unreachable(f"no answer for {key}")


def test_what_cannot_be_tidied_up_does_not_undo_what_was_done(
    here: Here, name: str, base: str
) -> None:
    bucket, folder, package = bucket_of(here), f"default/{name}/", packed(name, "changed")
    gone = Gone(Client(endpoint=here.server.api, pair=Pair(SECRET_ID, SECRET_KEY)))
    with sent(package, base, gone, folder, lambda *_: None) as found:
        here.server.call("UpdateFunctionCode", FunctionName=name, Code=found.code)

    clean(gone, folder)
    assert list(bucket.objects(folder)) == [f"{folder}{package.sha256}.zip"]
    clean(bucket, folder)
    assert bucket.objects(folder) == {}


def test_where_no_packages_are_taken_that_is_said(here: Here) -> None:
    pair = Pair(SECRET_ID, SECRET_KEY)
    gateway = Bucket(Client(endpoint=here.server.gateway, pair=pair))
    with pytest.raises(Refused, match="what answers there keeps no packages"):
        gateway.objects("")
    with sent(packed("a"), "0" * 64, gateway, "default/a/", lambda *_: None) as found:
        assert found.code is None, "it goes along with the request, as before a proxy"
    clean(gateway, "default/a/")
    nowhere = Bucket(Client(endpoint="http://127.0.0.1:1", pair=pair), again_s=(0.0,))
    with pytest.raises(Unreachable, match="what was sent is kept for a day"):
        nowhere.objects("")


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
