"""What short commands read and say, without a server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from rich.console import Console
from typer.main import get_command

from huidu.actions.last_good import last_good
from huidu.cli.commands import BY_NAME, loaded
from huidu.cli.daily import words
from huidu.cli.daily.diff import unified_diff
from huidu.cli.daily.top_view import lines, picture, rate, sparks
from huidu.cli.main import app


def alias(main: str, shares: Mapping[str, float] = {}, **more: Any) -> dict[str, Any]:
    weights = [{"Version": version, "Weight": weight} for version, weight in shares.items()]
    routing = {"AdditionalVersionWeights": weights, "AddtionVersionMatchs": []}
    made = {"FunctionVersion": main, "RoutingConfig": routing, "Sticky": "", "Split": "exact"}
    return made | more


@pytest.mark.parametrize(
    ("text", "version", "weight"),
    [
        ("2@10%", "2", 0.1),
        ("2@0.1", "2", 0.1),
        ("3@100%", "3", 1.0),
        ("2@.5", "2", 0.5),
        ("2@0.01%", "2", 0.0001),
        ("$LATEST@7%", "$LATEST", 0.07),
    ],
)
def test_a_share_is_read(text: str, version: str, weight: float) -> None:
    assert words.share(text) == {"Version": version, "Weight": weight}


@pytest.mark.parametrize(
    ("text", "told"),
    [("2", "2@10%"), ("2@", "2@10%"), ("2@10", "2@10%"), ("2@101%", "at most"), ("2@-1%", "2@10%")],
)
def test_a_wrong_share_is_told_what_would_be_right(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        words.share(text)


@pytest.mark.parametrize(
    ("text", "key", "method", "expression"),
    [
        ("header:User=Bob -> 2", "invoke.headers.User", "exact", "Bob"),
        ("header:X.Y-z = a b -> 2", "invoke.headers.X.Y-z", "exact", "a b"),
        ("cookie:sid ^= ab -> 2", "invoke.cookies.sid", "prefix", "ab"),
        ("query:q ~ a.*=b -> 2", "invoke.query.q", "regex", "a.*=b"),
        ("query:q =~ a -> 2", "invoke.query.q", "regex", "a"),
        ("header:User in alice, bob -> 2", "invoke.headers.User", "in", "alice, bob"),
        ("header:hash in [1,50) -> 2", "invoke.headers.hash", "range", "[1,50)"),
        ("ip in 10.0.0.1,10.0.0.2 to 2", "invoke.source_ip", "in", "10.0.0.1,10.0.0.2"),
        ("header:a=b->c → 2", "invoke.headers.a", "exact", "b->c"),
    ],
)
def test_a_rule_is_read_and_written_again(
    text: str, key: str, method: str, expression: str
) -> None:
    made = words.rule(text)

    assert (made["Key"], made["Method"], made["Expression"]) == (key, method, expression)
    assert made["Version"] == "2"
    assert words.rule(words.shown_rule(made)) == made


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("User=Bob -> 2", "header:User=Bob"),
        ("header:User=Bob", "must read KEY=VALUE"),
        ("header:User=Bob -", "quotes"),
        ("header:User Bob -> 2", "must read KEY=VALUE"),
    ],
)
def test_a_wrong_rule_is_told_what_would_be_right(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        words.rule(text)


def test_an_alias_is_told_in_a_line() -> None:
    ruled = alias("1", Sticky="invoke.cookies.sid", Split="random")
    rule = words.rule("header:User=Bob -> 2")
    ruled["RoutingConfig"]["AddtionVersionMatchs"].append(rule)

    assert words.in_words(None) == "no alias"
    assert words.in_words(alias("1")) == "all calls to version 1"
    assert words.in_words(alias("1", {"2": 0.1})) == "10 % to version 2, the rest to version 1"
    assert words.in_words(ruled) == (
        "header:User = Bob -> 2, the rest to version 1; sticky by cookie:sid; random split"
    )


def changes(*moves: tuple[str, dict[str, Any] | None]) -> Sequence[dict[str, Any]]:
    """Return a history, the newest first, of what each move did and led to."""
    made: list[dict[str, Any]] = []
    before = None
    for revision, (action, after) in enumerate(moves, 1):
        what, _, why = action.partition(": ")
        made.append(
            {"Action": what, "Reason": why, "Before": before, "After": after, "Revision": revision}
        )
        before = after
    return made[::-1]


ONE, TWO, THREE = alias("1"), alias("2"), alias("3")


@pytest.mark.parametrize(
    ("moves", "version"),
    [
        ([("CreateAlias", ONE), ("UpdateAlias", TWO)], "1"),
        # Where calls are shared, the main version is the good one.
        ([("CreateAlias", ONE), ("UpdateAlias", alias("1", {"2": 0.1}))], "1"),
        # What was there for some calls only was never good.
        ([("C", ONE), ("U", alias("1", {"2": 0.1})), ("U", THREE)], "1"),
        ([("C", ONE), ("U", TWO), ("U", THREE)], "2"),
        # What was taken back is not gone back to, however that was done,
        ([("C", ONE), ("U", TWO), ("U: rollback from version 2: bad", ONE), ("U", THREE)], "1"),
        ([("C", ONE), ("U", TWO), ("UndoAlias", ONE)], None),
        ([("C", ONE), ("U", alias("1", {"2": 0.1})), ("RolloutRollBack", ONE)], None),
        # but for what was chosen again afterwards.
        ([("C", ONE), ("U", TWO), ("UndoAlias", ONE), ("U", TWO), ("U", THREE)], "2"),
        # To undo a rollback is to choose again.
        ([("C", ONE), ("U", TWO), ("U: rollback from version 2", ONE), ("UndoAlias", TWO)], "1"),
        # What does not exist any more is passed over.
        ([("C", ONE), ("U", alias("9")), ("U", TWO)], "1"),
        ([("C", ONE)], None),
        ([("C", ONE), ("DeleteAlias", None), ("C", TWO)], "1"),
    ],
)
def test_a_rollback_finds_the_last_good_version(
    moves: list[tuple[str, dict[str, Any] | None]], version: str | None
) -> None:
    present = moves[-1][1]
    assert present is not None

    found = last_good(present, changes(*moves), {"1", "2", "3"})

    assert (found.version if found else None) == version


def file(**more: Any) -> dict[str, Any]:
    return {"Path": "a.py", "Change": "changed", "Text": True, "Before": "", "After": ""} | more


VERSIONS = {"FromVersion": "1", "ToVersion": "2"}


def test_a_diff_is_one_that_patch_can_read() -> None:
    told = list(unified_diff(file(Before="a\nb\n", After="a\nc"), VERSIONS, 3))

    assert told == [
        "--- a/a.py\tversion 1",
        "+++ b/a.py\tversion 2",
        "@@ -1,2 +1,2 @@",
        " a",
        "-b",
        "+c",
        "\\ No newline at end of file",
    ]
    made = list(unified_diff(file(Change="added", After="a\n"), VERSIONS, 3))
    assert made[:2] == ["--- /dev/null\tversion 1", "+++ b/a.py\tversion 2"]


def test_what_is_no_text_or_too_long_is_said_to_be() -> None:
    assert "not a text" in next(unified_diff(file(Text=False), VERSIONS, 3))
    assert "lines" in next(unified_diff(file(After="a\n" * 6000), VERSIONS, 3))
    assert list(unified_diff(file(Text=False, Change="mode"), VERSIONS, 3)) == []


def lane(version: str, calls: int, **more: Any) -> dict[str, Any]:
    usual = {"FunctionName": "shop", "Alias": "release", "Weight": 0.5, "Errors": 0, "Cold": 0}
    usual |= {"Throttled": 0, "DurationP50": 1.5, "DurationP99": 2500.0, "BySecond": [0, calls]}
    return usual | {"FunctionVersion": version, "Calls": calls} | more


def drawn(width: int, *lanes: dict[str, Any], height: int = 30) -> str:
    console = Console(width=width, color_system=None)
    found = {"Lanes": list(lanes), "Window": 10, "Time": "2026-11-23 10:00:00"}
    with console.capture() as captured:
        console.print(picture(found, "shop", width, height, ""))
    return captured.get()


def test_top_shows_a_bar_for_each_version_as_long_as_its_share_of_the_busiest() -> None:
    told = drawn(120, lane("1", 1000), lane("2", 500, Errors=5))
    first, second = (next(r for r in told.splitlines() if f"release  {n} " in r) for n in "12")

    assert first.count("━") == 2 * second.count("━") == 24
    assert "100" in first
    assert "5 (1 %)" in second
    assert "2.50 s" in first
    assert "█" in first


def test_top_has_a_column_for_answers_of_5xx_where_there_are_any() -> None:
    told = drawn(120, lane("1", 1000), lane("2", 500, Errors=5, Answered5xx=20))
    second = next(row for row in told.splitlines() if "release  2 " in row)

    assert "5 failed  20 answered 5xx" in told
    assert "5 (1 %)  20 (4 %)" in second
    assert "5xx" not in drawn(120, lane("1", 1000, Answered5xx=0))


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_top_fits_every_width(width: int) -> None:
    told = drawn(
        width, lane("1", 10), lane("2", 2, Throttled=1, Answered5xx=1, FunctionName="other")
    )

    assert max(map(len, told.splitlines())) <= width
    assert "calls/s" in told
    assert ("━" in told) == (width >= 60)


def test_top_keeps_the_busiest_where_there_is_no_room_for_all() -> None:
    told = drawn(100, *(lane(str(n), n) for n in range(1, 30)), height=10)

    assert "and 25 with fewer calls" in told
    assert " 29 " in told
    assert len(told.splitlines()) <= 11


def test_top_without_a_call_says_how_to_make_one() -> None:
    assert "huidu invoke FUNCTION" in drawn(100)
    assert len(lines({"Lanes": [], "Window": 10, "Time": ""}, "shop")) == 2


@pytest.mark.parametrize(
    ("calls", "told"), [(0, "0"), (1, "0.1"), (999, "99.9"), (1000, "100"), (12345, "1234")]
)
def test_a_rate_has_three_digits_at_most_where_it_is_small(calls: int, told: str) -> None:
    assert rate(calls, 10) == told


def test_sparks_show_the_most_of_many_seconds() -> None:
    assert sparks([0, 1, 8]) == " ▁█"
    assert sparks([0, 0]) == "  "
    assert len(sparks(range(300))) == 20


def test_help_loads_no_command_and_none_of_what_commands_need() -> None:
    code = (
        "import sys\nfrom huidu.cli.main import main\nsys.argv = ['huidu', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    print('loaded', *sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    told, _, loaded_ = ran.stdout.partition("loaded ")

    assert all(f"\n  {name} " in told for name in BY_NAME)
    assert not {"huidu.actions.table", "huidu.cli.daily", "rich.table"} & set(loaded_.split())


@pytest.mark.parametrize("name", BY_NAME)
def test_a_command_is_listed_with_the_first_sentence_of_its_help(name: str) -> None:
    row = BY_NAME[name]
    main = get_command(app)
    command = loaded(row, None) if row.place else main.commands[name]  # type: ignore[attr-defined]
    told = " ".join(str(command.help).split())

    assert told.startswith(row.summary.removesuffix("."))
