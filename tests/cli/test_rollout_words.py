"""What `huidu rollout` understands, says and draws, without a server."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
from rich.console import Console

from huidu.actions.rollouts import RolledBack, RolloutFacts, RolloutLine
from huidu.cli.rollout import listing, options, terms, view, words
from huidu.model import amount
from huidu.model.rollout import State

SIDE = {"Calls": 0, "Failures": 0, "Cold": 0}
SEEN = {
    "Time": "2026-11-23 10:01:30",
    "Stable": {"Calls": 12_345, "Failures": 12, "Cold": 3},
    "Candidate": {"Calls": 678, "Failures": 9, "Cold": 1},
    "CallsPerSecond": 200.0,
    "Verdict": "not yet",
    "WaitsFor": "time",
    "Errors": 2.6,
    "Latency": 0.0,
    "Enough": 5.2,
    "ExcessBelow": 0.0123,
    "Sentences": ["not enough", "waits for time: 30 of 60 s at this weight"],
    "Metrics": [
        {"Name": "errors", "Evidence": 2.6, "Enough": 5.2, "Below": 0.01, "Compared": True},
        {"Name": "latency", "Evidence": -1.0, "Enough": 5.2, "Below": None, "Compared": True},
        {"Name": "orders", "Evidence": 0.0, "Enough": 6.0, "Below": None, "Compared": False},
    ],
    "NextWeight": 0.5,
    "SpentFailures": 9,
    "SpentKeys": 4,
    "Curve": [
        {"Time": 1.0 + n, "Weight": 0.1, "Errors": n / 100, "Latency": 0} for n in range(260)
    ],
    "Failures": [{"RequestId": "12345678-9", "Time": 1.0, "Status": 430, "Error": "oh\nTraceback"}],
}
FACTS = {
    "RolloutId": "ro-1",
    "Namespace": "default",
    "FunctionName": "shop",
    "Name": "release",
    "FromVersion": "1",
    "ToVersion": "2",
    "State": "ramping",
    "Said": "begun",
    "Weight": 0.1,
    "Plan": "evidence",
    "Proof": True,
    "OnWorse": "rollback",
    "Guards": ["p99 > 2 s"],
    "Metrics": [],
    "Budget": {"Failures": 20, "Keys": 10},
    "Gates": [],
    "Windows": [],
    "Freezes": [],
    "BakeTime": 600.0,
    "BakeErrorRate": 0.25,
    "StepTimeout": 3600.0,
    "OnTimeout": "pause",
    "UndoTime": 1800.0,
    "UndoUntil": "",
    "Tolerance": {},
    "Owner": "AKID",
    "Reason": "ticket 12",
    "BeginTime": "2026-11-23 10:00:00",
    "Since": "2026-11-23 10:01:00",
    "EndTime": "",
    "Revision": 2,
    "Steps": [
        {"Time": "2026-11-23 10:01:00", "Event": "grow", "Weight": 0.1, "Who": "", "Said": "begun"}
    ],
    "Evidence": SEEN,
    "Report": "",
    "Seen": "2.1",
}


def facts(**more: Any) -> RolloutFacts:
    return msgspec.convert(FACTS | more, RolloutFacts)


def drawn(one: RolloutFacts, width: int = 80, steps: int = 20) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(view.picture(one, width, steps))
    return out.getvalue()


@pytest.mark.parametrize(
    ("text", "meant"), [("90s", 90), ("10m", 600), ("1.5h", 5400), ("1d", 86_400), ("0", 0)]
)
def test_durations_have_units(text: str, meant: float) -> None:
    assert terms.seconds(text) == meant


@pytest.mark.parametrize(("text", "meant"), [("10%", 0.1), ("0.1", 0.1), ("12.5 %", 0.125)])
def test_shares_are_percents_or_parts_of_one(text: str, meant: float) -> None:
    assert terms.share(text) == meant


def test_a_gate_is_an_approval_or_an_address() -> None:
    assert terms.gate("50%=approval") == {"Weight": 0.5, "Kind": "approval"}
    assert terms.gate("1=https://ci/ok?a=b") == {
        "Weight": 1.0,
        "Kind": "webhook",
        "Url": "https://ci/ok?a=b",
    }


def test_tolerances_are_written_as_they_are_read() -> None:
    assert terms.tolerance("slower=1.5") == ("Slower", 1.5)
    assert terms.tolerance("last-step=5m") == ("LastStep", 300.0)
    assert terms.tolerance("max-extra=2%") == ("MaxExtra", 0.02)
    assert terms.tolerance("least-errors=5") == ("LeastErrors", 5)


def test_a_metric_has_a_name_a_field_and_what_else_is_said() -> None:
    assert terms.metric("memory") == {"Name": "memory", "Field": ""}
    told = terms.metric("orders=stats.orders, direction=higher, ratio=1.3")
    assert told == {
        "Name": "orders",
        "Field": "stats.orders",
        "Direction": "higher",
        "Ratio": 1.3,
    }


@pytest.mark.parametrize(
    ("read", "text", "said"),
    [
        (terms.seconds, "90", "as in 90s"),
        (terms.share, "110%", "as in 10% or 0.1"),
        (terms.gate, "50%", "SHARE=approval or SHARE=URL"),
        (terms.gate, "50%=maybe", "SHARE=approval or SHARE=URL"),
        (terms.tolerance, "slowre=1", "names: false-alarm, miss"),
        (terms.tolerance, "slower=much", "must be a number"),
        (terms.tolerance, "least-calls=1.5", "must be a whole number"),
        (terms.metric, "memory,ration=2", "direction, quantile, ratio, slack"),
        (terms.whole_number, "few", "must be a whole number"),
        (terms.yes_or_no, "maybe", "must be yes or no"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_would_be_right(
    read: Any, text: str, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        read(text)


def test_only_what_is_given_is_asked_for() -> None:
    nothing = {term.flag.removeprefix("--").replace("-", "_"): None for term in options.TERMS}
    assert options.asked(nothing) == {}
    given = {"plan": "all-at-once", "budget_keys": "7", "proof": "no", "tolerance": ["slower=2"]}
    assert options.asked(nothing | given) == {
        "Plan": "all-at-once",
        "Budget": {"Keys": 7},
        "Proof": False,
        "Tolerance": {"Slower": 2.0},
    }


def test_the_key_of_gates_comes_from_a_file(tmp_path: Path) -> None:
    nothing = {term.flag.removeprefix("--").replace("-", "_"): None for term in options.TERMS}
    (tmp_path / "key").write_text("k" * 16 + "\n")
    key = {"gate_secret": str(tmp_path / "key")}
    told = options.asked(nothing | key | {"gate": ["5%=approval", "1=http://ci"]})
    assert [gate.get("Secret") for gate in told["Gates"]] == [None, "k" * 16]
    with pytest.raises(typer.BadParameter, match="no --gate is a webhook"):
        options.asked(nothing | key)
    with pytest.raises(typer.BadParameter, match="no key can be read there"):
        options.asked(nothing | {"gate_secret": str(tmp_path / "none")})


def test_times_are_said_as_people_say_them() -> None:
    said = [amount.duration(s) for s in (0, 59.6, 61, 3600, 3700, 90_000)]
    assert said == ["0 s", "1 min", "1 min 1 s", "1 h", "1 h 1 min", "1 d 1 h"]


@pytest.mark.parametrize(
    ("more", "awaited"),
    [
        ({}, "time: 30 of 60 s at this weight"),
        ({"Proof": False, "Plan": "10%/2m"}, "its time by the plan, 1 min 30 s more"),
        ({"Proof": False, "Plan": "10%/20s"}, ""),
        ({"Weight": 0.0}, "its first instances"),
        (
            {"State": "waiting", "Said": "waits for an approval before 0.5"},
            "an approval before 0.5",
        ),
        ({"State": "waiting", "Said": "outside of fri 9"}, "its hour: outside of fri 9"),
        ({"State": "paused"}, "whoever resumes it"),
        ({"State": "baking"}, "the end of its bake time, in 9 min 30 s"),
        ({"State": "finished"}, ""),
        ({"Evidence": None}, ""),
    ],
)
def test_what_the_next_share_waits_for_is_said(more: dict[str, Any], awaited: str) -> None:
    assert words.awaits(facts(**more)) == awaited


def test_calls_that_go_astray_hold_it() -> None:
    astray = SEEN | {"Verdict": "calls do not go where the weight says"}
    assert "they do not" in words.awaits(facts(Evidence=astray))
    spent = astray | {"SpentKeys": 10}
    assert "all 10 callers of its budget" in words.awaits(facts(Evidence=spent))


@pytest.mark.parametrize("state", State)
def test_every_state_has_a_colour_and_a_next_command(state: State) -> None:
    one = facts(State=state.value, Namespace="other")
    assert state in view.COLOURS
    assert all("huidu " in line for _, line in words.next_commands(one))
    assert words.next_commands(one)
    assert words.outcome(one).startswith("other/shop release: ")


def test_who_waits_for_an_approval_is_told_how_to_give_it() -> None:
    waits = facts(State="waiting", Said="waits for an approval before 50 % of the calls")
    assert words.next_commands(waits)[0] == ("approve it", "huidu rollout approve shop release")


def test_who_has_used_up_its_budget_is_not_told_to_go_on() -> None:
    spent = SEEN | {"SpentFailures": 20}
    paused = {"State": "paused", "Evidence": spent}
    verbs = [line.split()[2] for _, line in words.next_commands(facts(**paused, Said="lunch"))]
    assert verbs == ["resume", "promote", "back"]
    used_up = facts(**paused, Said="budget: 20 of its calls have failed")
    assert [line.split()[2] for _, line in words.next_commands(used_up)] == ["promote", "back"]
    assert words.awaits(used_up) == "whoever gives it all calls, or takes it back"


def test_of_a_version_that_was_only_slow_all_calls_are_shown_not_errors() -> None:
    slow = SEEN | {"Candidate": SIDE | {"Calls": 29}}
    back = {"State": "rolled back", "Said": "worse than version 1: latency"}
    looked = "huidu logs shop --alias release --version 2"
    assert ("see its calls", looked) in words.next_commands(facts(**back, Evidence=slow))
    assert ("see what it printed", f"{looked} --errors") in words.next_commands(facts(**back))


def test_what_can_be_done_stands_in_columns_and_leads_elsewhere(
    capsys: pytest.CaptureFixture[str],
) -> None:
    listing.show_one(facts(State="rolled back"), 20)
    assert "huidu rollout show" not in capsys.readouterr().out
    listing.show_one(facts(), 20)
    told = capsys.readouterr().out.splitlines()[-2:]
    assert len({line.index("huidu ") for line in told}) == 1


def test_a_rollback_says_what_it_did() -> None:
    did = {
        "FromVersion": "2",
        "ToVersion": "1",
        "Moved": True,
        "SwitchedMs": 3.21,
        "LastCallBegan": "10:00:01.100",
        "LastCallEnded": "10:00:01.200",
        "StillRunning": 0,
    }

    def said(**more: Any) -> str:
        answer = {"Rollout": FACTS, "Switched": did | more}
        return " ".join(words.taken_back(msgspec.convert(answer, RolledBack)))

    assert said() == (
        "shop release: taken back to version 1. After 3.2 ms no call went to version 2 any more. "
        "The last call of version 2 began 10:00:01.100 and ended 10:00:01.200."
    )
    assert said(LastCallEnded="", StillRunning=2).endswith(
        "that has ended began 10:00:01.100. 2 calls still run on version 2, to the end."
    )
    assert "it leads to version 1" in said(Moved=False)
    assert "No call of version 2" in said(LastCallBegan="")


def test_the_picture_tells_shares_calls_proof_and_what_it_waits_for() -> None:
    told = drawn(facts())
    for said in (
        "shop release  version 1 → 2",
        "ramping  1 min 30 s",
        "evidence · guard p99 > 2 s · of AKID · ticket 12",
        "10 %",
        "50 %",
        "100 %",
        "12 345",
        "1.33 %",
        "50 % of the proof",
        "  0 % of the proof",
        "so it says nothing",
        "proved to be below 1.2 % of its calls",
        "9 of 20 failed calls, 4 of 10 callers used up",
        "time: 30 of 60 s at this weight",
        "12345678 (430) oh ",
        "10:01:00  10 %  begun",
    ):
        assert said in told, told


def test_the_picture_leaves_out_what_says_nothing() -> None:
    assert "extra fails" not in drawn(facts(Evidence=SEEN | {"ExcessBelow": 0.9999}))
    astray = SEEN | {"Verdict": "calls do not go where the weight says"}
    told = drawn(facts(Evidence=astray), 200)
    assert "fails more?  says nothing: calls do not go where the weight says" in told
    assert "of the proof" not in told
    assert "used up" not in drawn(facts(State="baking", Weight=1.0))


def test_the_picture_fits_however_narrow_the_terminal_and_long_the_words() -> None:
    long = facts(FunctionName="f" * 60, Name="a" * 64, Reason="why " * 40, Said="no " * 40)
    for width in (40, 60, 80, 200):
        for one in (facts(), long):
            assert max(map(len, drawn(one, width).splitlines())) <= min(width, view.WIDEST)


def test_before_anything_is_known_the_picture_says_so() -> None:
    empty = SEEN | {"Stable": SIDE, "Candidate": SIDE, "Metrics": [], "Curve": [], "Failures": []}
    bare = {"Weight": 0.0, "Steps": [], "Budget": {}, "Owner": "", "Reason": "", "Guards": []}
    told = drawn(facts(**bare, Evidence=empty | {"ExcessBelow": 1.0}))
    assert "its first instances" in told
    assert "proof" not in told
    assert "%" in drawn(facts(**bare, Evidence=None))


def test_of_many_steps_the_latest_are_shown_and_the_rest_are_counted() -> None:
    steps = [FACTS["Steps"][0] | {"Weight": n / 200} for n in range(200)]  # type: ignore[index]
    told = drawn(facts(Steps=steps, Weight=0.995, Plan="linear 1%/1m"), 60, 5)
    assert "196 steps before" in told
    assert told.count("begun") == 4
    scale = next(line for line in told.splitlines() if line.count("%") > 2)
    assert "100 %" in scale
    assert "99.5 %" not in scale or "  " in scale


def test_a_reason_cannot_move_the_cursor() -> None:
    evil = facts(Reason="\x1b[2Jgone", State="paused", Said="\x1b[1Aup")
    assert "\x1b" not in drawn(evil)
    assert "\x1b" not in words.outcome(evil)


def test_a_list_leaves_out_what_there_is_no_room_for() -> None:
    line = RolloutLine(
        rollout_id="ro-" + "1" * 36,
        namespace="default",
        function_name="shop",
        name="release",
        from_version="1",
        to_version="2",
        state="rolled back",
        weight=0.0,
        said="worse than version 1: errors",
        owner="AKID",
        begin_time="2026-11-23 10:00:00",
        end_time="2026-11-23 10:01:00",
    )
    for width, there in ((60, False), (80, True), (160, True)):
        out = io.StringIO()
        Console(file=out, width=width).print(listing.table([line] * 300, width))
        rows = out.getvalue().splitlines()
        assert len(rows) == 301
        assert max(map(len, rows)) <= width
        assert ("10:00:00" in rows[1]) is there
        assert ("ro-1" in rows[1]) is (width == 160)
    assert listing.plain(line).endswith("version 1 -> 2  rolled back  worse than version 1: errors")
