"""The documents, held against what they speak of: commands run, and nothing is left out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import huidu
from demo.entrance import Entrance
from demo.operator import Operator
from demo.texts import VERSIONS
from huidu.actions.action import COMMON_ERRORS, Action
from huidu.actions.table import ACTIONS
from huidu.cli.commands import BY_NAME
from huidu.cli.reference import reference
from huidu.cloudapi.keys import Pair
from huidu.model.fault import FAULTS, Fault
from huidu.model.happening import KINDS as HAPPENINGS
from huidu.model.invocation import Status
from huidu.model.rules import METHODS
from huidu.model.traits import PLACES, WHOLE
from huidu.observe.prometheus import FAMILIES, LOOSE
from huidu.settings import KINDS, Settings
from huidu.triggers.table import TRIGGERS
from tests.forked import mother
from tests.platform import SECRET_ID, SECRET_KEY, Platform

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
HOUSE = Path(huidu.__file__).parent
HOW_TOS = sorted(DOCS.rglob("*.md"))
PAGES = [*sorted(ROOT.glob("*.md")), *HOW_TOS]
README, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"

FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
SHELL, PYTHON, OUTPUT = "sh", "python", "output"
SHOWN = {"text", "toml", "js", "yaml"}  #: To look at, not to run.
WHATEVER = "…"  #: In an output block: any text at all.
#: Clients of the cloud, by their names in the lock files of the tests.
OFFICIAL = re.compile(
    r"tccli|tencentcloud-sdk-[^/]*|tencent-component-toolkit|cos-nodejs-[^/]*|@serverless/components"
)
MARK = "=== the next block ==="


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str

    @property
    def runs(self) -> bool:
        return self.language in {SHELL, PYTHON}


def blocks(page: Path) -> list[Block]:
    return [Block(*found) for found in FENCE.findall(page.read_text("utf-8"))]


def script(found: list[Block]) -> str:
    """Return a shell script that runs the blocks of a page as one reader would, in order."""
    lines = ["set -euo pipefail", "exec 2>&1"]
    for block in found:
        if block.runs:
            lines.append(f"echo '{MARK}'")
            here = block.text.rstrip("\n")
            lines.append(
                here if block.language == SHELL else f"python - <<'PYTHON'\n{here}\nPYTHON"
            )
    return "\n".join(lines)


def fits(expected: str, printed: str) -> bool:
    """Tell whether what was printed is what the page shows."""
    parts = map(re.escape, expected.strip().split(WHATEVER))
    return re.fullmatch(".*?".join(parts), printed.strip(), re.DOTALL) is not None


def as_the_demo_leaves_it(platform: Platform) -> None:
    """Make what `make demo` has made when a reader comes to the next command."""
    pair = Pair(SECRET_ID, SECRET_KEY)
    operator = Operator(platform.api, pair, "function-B")
    operator.create(VERSIONS["1"], {"STOCK_SERVICE": "127.0.0.1:1"})
    for code in VERSIONS.values():
        operator.edit(code)
        operator.publish()
    operator.create_alias("release", "1")
    entrance = Entrance(platform.api, pair, "function-B")
    entrance.create()
    entrance.add("release")
    entrance.release("release")


#: Where a page begins elsewhere than at an empty server: its data directory, and what is there.
BEGINS: dict[str, tuple[str, Callable[[Platform], None]]] = {
    "README.md": (".huidu/demo", as_the_demo_leaves_it),
}
#: Pages whose functions need a sandbox with a network of its own.
NEEDS_NETWORKS = {"web.md": ("--set", "tier=best", "--set", "network=none")}
#: Pages that need another setting.
SET = {"events.md": ("--set", "webhook_allow=127.0.0.1")}
#: Pages in Chinese, each with the one that it is a translation of, whose commands are run.
TRANSLATED = {CHINESE: README} | {page: DOCS / page.name for page in (DOCS / "zh-CN").glob("*.md")}
RUN = [p for p in PAGES if p not in TRANSLATED and any(block.runs for block in blocks(p))]
translations = pytest.mark.parametrize("page", TRANSLATED, ids=lambda page: page.name)


@pytest.fixture
def directory(page: Path, tmp_path: Path) -> Iterator[Path]:
    """Where a reader of a page stands: a directory with a server's data in it."""
    data, prepare = BEGINS.get(page.name, (".huidu", lambda _: None))
    (tmp_path / data).parent.mkdir(exist_ok=True)
    if page.name in NEEDS_NETWORKS and os.geteuid() != 0:
        pytest.skip("networks of their own for instances take root here")
    options = (*NEEDS_NETWORKS.get(page.name, ()), *SET.get(page.name, ()))
    platform = Platform.start(tmp_path / data, *options)
    prepare(platform)
    yield tmp_path
    platform.stop()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_what_a_page_tells_to_run_runs_and_prints_what_it_shows(
    page: Path, directory: Path
) -> None:
    found = blocks(page)
    here = {name: value for name, value in os.environ.items() if not name.startswith("HUIDU_")}
    ahead = (mother().folder, Path(sys.executable).parent)  # `huidu` from the first, all else next
    path = os.pathsep.join([*map(str, ahead), os.environ["PATH"]])
    ran = subprocess.run(
        ["bash", "-c", script(found)],
        cwd=directory,
        env=here | {"PATH": path, "PYTHONWARNINGS": "ignore"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout

    printed = iter(ran.stdout.split(f"{MARK}\n")[1:])
    last = ""
    for block in found:
        if block.runs:
            last = next(printed)
        elif block.language == OUTPUT:
            assert fits(block.text, last), f"{block.text}\n--- but it printed:\n{last}"


@pytest.mark.parametrize("page", [README, CHINESE, *HOW_TOS], ids=lambda page: page.name)
def test_every_block_says_whether_it_is_to_be_run(page: Path) -> None:
    languages = {block.language for block in blocks(page)}

    assert languages <= {SHELL, PYTHON, OUTPUT} | SHOWN


@translations
def test_a_page_in_chinese_shows_the_same_blocks(page: Path) -> None:
    assert blocks(page) == blocks(TRANSLATED[page])


@translations
def test_a_page_in_chinese_has_the_same_tables(page: Path) -> None:
    def tables(page: Path) -> list[int]:
        return [line.count("|") for line in page.read_text("utf-8").splitlines() if "|" in line]

    assert tables(page) == tables(TRANSLATED[page])


@translations
def test_a_page_in_chinese_names_the_same_things(page: Path) -> None:
    def named(page: Path) -> set[str]:
        return set(re.findall(r"`([^`\n]+)`", FENCE.sub("", page.read_text("utf-8"))))

    assert named(page) ^ named(TRANSLATED[page]) == set()


def test_the_reference_is_what_the_command_prints() -> None:
    assert (DOCS / "reference.md").read_text("utf-8") == reference(), "make reference"


def section(page: Path, title: str) -> str:
    """Return the part of a page under a heading, up to the next heading of its rank."""
    text = page.read_text("utf-8")
    return text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(text: str) -> list[list[str]]:
    """Return the cells of the tables of a text, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rules = [number for number, row in enumerate(cells) if set(row[0]) == {"-"}]
    heads = {number - 1 for number in rules} | set(rules)
    return [row for number, row in enumerate(cells) if number not in heads]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_an_action_is_in_the_reference_with_every_code_it_may_refuse_with(
    action: Action[Any, Any],
) -> None:
    told = section(DOCS / "reference.md", action.name)

    assert [code for code in action.errors if f"`{code}`" not in told] == []


def test_every_action_is_in_the_reference_with_the_role_that_it_needs() -> None:
    told = {action.name: section(DOCS / "reference.md", action.name) for action in ACTIONS}

    assert [a.name for a in ACTIONS if f"; role `{a.needs.word}`." not in told[a.name]] == []


def test_the_codes_that_any_action_may_refuse_with_are_in_the_reference() -> None:
    head = (DOCS / "reference.md").read_text("utf-8").split("\n## ", 1)[0]

    assert [code for code in COMMON_ERRORS if f"`{code}`" not in head] == []


@pytest.mark.parametrize(("page", "title"), [("cli.md", "Commands"), ("zh-CN/cli.md", "命令")])
def test_every_command_is_told_with_an_example(page: str, title: str) -> None:
    told = {row[0].strip("`"): row[1] for row in rows(section(DOCS / page, title))}

    assert [*told] == [*BY_NAME]
    assert [name for name, line in told.items() if f"huidu {name}" not in line] == []


def test_every_setting_is_told_with_its_default() -> None:
    told = {row[0]: row[1] for row in rows(section(DOCS / "operate.md", "Settings"))}

    assert told == {f"`{name}`": f"`{getattr(Settings(), name)}`" for name in KINDS}


def test_every_status_code_is_told_and_no_other() -> None:
    told = [row[0] for row in rows(section(DOCS / "functions.md", "Status codes"))]

    assert told == [str(int(status)) for status in Status]


@pytest.mark.parametrize("page", [DOCS / "operate.md", DOCS / "zh-CN" / "operate.md"])
def test_every_class_of_errors_is_told_with_its_status_codes(page: Path) -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([0-9, ]+)", page.read_text("utf-8"), re.MULTILINE)

    told = {word: {int(code) for code in codes.split(",") if code.strip()} for word, codes in rows}
    assert told == {
        fault: {status for status, its in FAULTS.items() if its is fault} for fault in Fault
    }


@pytest.mark.parametrize("page", [DOCS / "operate.md", DOCS / "zh-CN" / "operate.md"])
def test_every_metric_is_told(page: Path) -> None:
    text = page.read_text("utf-8")

    assert {*(family.name for family in FAMILIES), *LOOSE} <= set(
        re.findall(r"^# HELP (\w+)", text, re.MULTILINE)
    )


def test_every_rule_method_and_every_key_is_told() -> None:
    told = {row[0].strip("`") for row in rows(section(DOCS / "gray.md", "By rule"))}

    assert told == set(METHODS) | {f"{place}.<name>" for place in PLACES} | set(WHOLE)


def test_every_kind_of_event_is_told_with_when_it_happens() -> None:
    told = {row[0].strip("`"): row[1] for row in rows(section(DOCS / "events.md", "Kinds"))}

    assert told == HAPPENINGS


def test_every_type_of_trigger_is_told() -> None:
    told = section(DOCS / "functions.md", "Call it")

    assert [kind for kind in TRIGGERS if f"`Type={kind}`" not in told] == []


@pytest.mark.parametrize("page", [README, CHINESE], ids=lambda page: page.name)
def test_the_readme_counts_the_actions_right(page: Path) -> None:
    services = Counter(action.service for action in ACTIONS)
    line = next(line for line in page.read_text("utf-8").splitlines() if "2018-04-16" in line)

    assert {str(count) for count in services.values()} <= set(re.findall(r"\d+", line))


def locked() -> dict[str, str]:
    """Return every official client that a lock file of the tests holds, with its version."""
    pins = (ROOT / "requirements-dev.lock", ROOT / "tests" / "pypi" / "requirements.lock")
    found = [
        pin for file in pins for pin in re.findall(r"^(\S+)==(\S+)", file.read_text(), re.MULTILINE)
    ]
    npm = json.loads((ROOT / "tests" / "npm" / "package-lock.json").read_text())["packages"]
    found += [(path.removeprefix("node_modules/"), one.get("version")) for path, one in npm.items()]
    return {name: version for name, version in found if OFFICIAL.fullmatch(name)}


@pytest.mark.parametrize("page", ["compatibility.md", "zh-CN/compatibility.md"])
def test_every_official_client_is_told_with_the_version_that_is_tested(page: str) -> None:
    table = (DOCS / page).read_text("utf-8").split("\n## ", 1)[0]

    assert {row[0].strip("`"): row[1] for row in rows(table)} == locked()


def test_no_page_was_left_in_the_middle_of_a_merge() -> None:
    marks = ("<<<<<<< ", ">>>>>>> ")

    assert [
        page for page in PAGES if any(f"\n{one}" in page.read_text("utf-8") for one in marks)
    ] == []


def test_the_newest_entry_of_the_changelog_is_this_version() -> None:
    versions = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)

    assert versions[0] == huidu.__version__


def anchors(page: Path) -> set[str]:
    """Return what a link may name in a page: each heading, as GitHub spells it."""
    text = FENCE.sub("", page.read_text("utf-8"))
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text))
    return {heading.strip().replace(" ", "-") for heading in kept}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    astray = []
    for link in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        there = target.is_relative_to(ROOT) and target.exists()
        if "://" not in link and not (there and (not anchor or anchor in anchors(target))):
            astray.append(link)
    assert astray == []


@pytest.mark.parametrize("page", [DOCS / "adding.md", ROOT / "ARCHITECTURE.md"], ids=str)
def test_every_file_that_a_page_for_developers_names_is_there(page: Path) -> None:
    named = re.findall(r"`([\w./-]+(?:\.py|\.md|\.lock|\w/))`", page.read_text("utf-8"))
    roots = (ROOT, HOUSE)

    assert named
    assert [name for name in named if not any((root / name).exists() for root in roots)] == []
