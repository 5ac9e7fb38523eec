"""`huidu proxy` around a command, in process; what it leads to is tested with the clients."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from huidu.cli.main import app

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    for name, value in (
        ("HUIDU_ENDPOINT", "http://127.0.0.1:1"),
        ("TENCENTCLOUD_SECRET_ID", "AKIDproxy"),
        ("TENCENTCLOUD_SECRET_KEY", "its secret"),
        ("HUIDU_DATA", str(tmp_path / "none")),
        ("XDG_CONFIG_HOME", str(tmp_path / "config")),
        ("https_proxy", "http://127.0.0.1:2"),
        ("no_proxy", ".tencentcloudapi.com"),
    ):
        monkeypatch.setenv(name, value)
    return lambda *words: CliRunner().invoke(app, ["proxy", *words])


def test_a_command_finds_what_it_needs_and_its_code_is_handed_on(run: Run, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    done = run("--", "sh", "-c", f"env > {seen}; exit 7")

    here = dict(line.split("=", 1) for line in seen.read_text().splitlines() if "=" in line)
    assert done.exit_code == 7
    assert here["HTTPS_PROXY"].startswith("http://127.0.0.1:")
    assert here["NODE_EXTRA_CA_CERTS"] == str(tmp_path / "config" / "huidu" / "proxy" / "ca.pem")
    assert (here["TENCENT_SECRET_ID"], here["TENCENT_SECRET_KEY"]) == ("AKIDproxy", "its secret")
    assert not {"https_proxy", "no_proxy"} & here.keys()


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (("huidu-no-such-command",), 127, "no such command: huidu-no-such-command"),
        (("/",), 126, "/ cannot be run"),
        (("sh", "-c", "kill -9 $$"), 137, ""),
        (("sh", "-c", "echo to nobody"), 0, ""),
    ],
)
def test_how_a_command_ends_is_told_as_a_shell_tells_it(
    run: Run, command: tuple[str, ...], code: int, words: str
) -> None:
    done = run("--", *command)

    assert done.exit_code == code
    assert words in done.output


def test_a_port_that_is_taken_is_told(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("--port", str(taken.getsockname()[1]))

    assert done.exit_code == 1
    assert "address already in use" in done.output


def test_an_authority_that_others_can_read_is_told(run: Run, tmp_path: Path) -> None:
    assert run("--ca", str(tmp_path / "ca"), "--", "true").exit_code == 0
    (tmp_path / "ca" / "ca.key").chmod(0o644)

    done = run("--ca", str(tmp_path / "ca"), "--", "true")
    assert (done.exit_code, done.output) == (
        1,
        f"huidu: {tmp_path}/ca/ca.key can be read by others; remove it, and another one is made\n",
    )
