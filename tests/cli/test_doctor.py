"""What `huidu doctor` says, of this machine as it is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import huidu
from huidu.cli.doctor import main
from huidu.settings import TIERS
from tests.forked import mother
from tests.platform import Platform

SYSTEM_PYTHON = "/usr/bin/python3"
NOBODY = 65_533


def doctor(
    *options: str, cwd: Path, python: str = sys.executable, user: int | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    here = {name: value for name, value in os.environ.items() if not name.startswith("HUIDU_")}
    env = {**here, "COLUMNS": "100", **more}
    if user is None:
        return mother().run("doctor", *options, env=env, timeout=120, cwd=cwd)
    return subprocess.run(
        [python, "-m", "huidu", "doctor", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=cwd,
        user=user,
        extra_groups=(),
        env=env,
    )


def findings(ran: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert not ran.stderr
    found = dict(json.loads(ran.stdout))
    assert ran.returncode == (1 if found["tier"] == "none" else 0)
    return found


@pytest.mark.timeout(150)
def test_every_tier_is_tried_and_what_does_not_work_says_why_and_what_helps(
    tmp_path: Path,
) -> None:
    found = findings(doctor("--json", cwd=tmp_path))

    assert [trial["name"] for trial in found["tiers"]] == list(TIERS)
    for trial in found["tiers"]:
        assert trial["works"] == (not trial["why_not"])
        assert (trial["cold_start_ms"] is not None) == trial["works"]
        assert trial["allows"]
        assert trial["needs"]
        assert trial["mend"] or trial["works"]
    working = [trial["name"] for trial in found["tiers"] if trial["works"] and trial["by_itself"]]
    assert found["tier"] == working[0]
    assert found["runtimes"]["Python"]
    assert found["disk_free_bytes"] > 0
    assert set(found["ports"]) == {"api", "gateway"}
    assert not any(tmp_path.iterdir())


@pytest.mark.timeout(150)
def test_a_person_gets_a_table_without_colours_and_a_server_that_runs_is_not_disturbed(
    start: Callable[..., Platform], tmp_path: Path
) -> None:
    server = start()
    api = server.api.removeprefix("http://")
    (tmp_path / "huidu.toml").write_text(f'api = "{api}"\n')
    server.make("before")
    ran = doctor("--data", str(server.data), cwd=tmp_path, NO_COLOR="1", FORCE_COLOR="1")

    for words in ("cold start", *TIERS, "In it a tenant could", "This machine", "Python"):
        assert words in ran.stdout
    assert "\x1b[3" not in ran.stdout
    assert f"process {server.process.pid}" in ran.stdout
    assert f"{api} Address already in use" in ran.stdout
    assert f"api: {api}" not in ran.stdout  # It is no concern: the server is there to have it.
    assert server.invoke("before")["StatusCode"] == 200


@pytest.mark.timeout(150)
def test_a_narrow_terminal_loses_no_letter_and_a_file_gets_no_blanks_at_the_end_of_lines(
    tmp_path: Path,
) -> None:
    ran = doctor(cwd=tmp_path, NO_COLOR="1", FORCE_COLOR="1", COLUMNS="60")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", ran.stdout).splitlines()

    assert "…" not in ran.stdout
    assert max(map(len, lines)) <= 60
    bullets = lines[lines.index("This machine") - 2 :: -1]
    assert all(line.startswith(("  - ", "    ")) for line in bullets[: bullets.index("")][:-1])
    plain = doctor(cwd=tmp_path).stdout.splitlines()
    assert plain == [line.rstrip() for line in plain]


@pytest.mark.skipif(os.geteuid() != 0, reason="who is not root is one already")
@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the packages are not for that Python")
@pytest.mark.timeout(150)
def test_an_ordinary_user_is_told_what_takes_root() -> None:
    house = Path(huidu.__file__).parents[1]
    packages = os.pathsep.join([str(house), *(p for p in sys.path if "site-packages" in p)])
    asked = [SYSTEM_PYTHON, "-c", "import sys, huidu.cli.doctor; print(sys.version_info[:2])"]
    for_all = {"PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/"}
    env = {**os.environ, **for_all}
    try:
        subprocess.run(asked, check=True, capture_output=True, user=NOBODY, env=env, cwd="/")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("nobody but root may read this house")
    found = findings(doctor("--json", cwd=Path("/"), python=SYSTEM_PYTHON, user=NOBODY, **for_all))

    why = {trial["name"]: trial["why_not"] for trial in found["tiers"]}
    assert why["sandbox"] == why["gvisor"] == "it takes root"
    assert found["tier"] != "sandbox"


def test_settings_that_cannot_be_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "huidu.toml"
    file.write_text('tier = "steel"\n')
    order = {"options": {}, "config": str(file), "json": True}

    assert main(json.dumps(order)) == 2
    said = capsys.readouterr().err
    assert said.startswith("huidu: tier 'steel': must be best or one of gvisor, sandbox,")
