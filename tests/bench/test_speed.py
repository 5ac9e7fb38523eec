"""`make bench`: what it makes of figures, and that it measures what there is."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from bench.speed import command, crushed, paged, picture, sheets, worker
from bench.speed.ceilings import configured
from bench.speed.found import Crush, Found, Moves, Round, Starts
from bench.speed.measured import turns
from bench.speed.offered import summed as offered
from bench.speed.places import Place, await_file
from bench.speed.promises import PROMISES
from bench.speed.ways import BY_NAME, MANY, ONE, WAYS, key
from bench.speed.words import CHINESE, ENGLISH
from bench.speed.wrk import Ask, Unusable, script, summed

ROOT = Path(__file__).parents[2]
LINE = (
    '{"calls": 3000, "us": 1500000, "bytes": 9, "p50_us": 90, "p99_us": 200, "status": 1, '
    '"sockets": 2, "wrong": 4}'
)


def took(rate: float, *, errors: int = 0, p50_us: float = 100.0) -> Round:
    return Round(calls_a_second=rate, p50_us=p50_us, p99_us=2 * p50_us, cpu_us=30.0, errors=errors)


def found(**ways: list[Round]) -> Found:
    """Return what a run found, of ways over 64 connections."""
    return Found(
        date="2026-11-23",
        machine={"cores": "2", "processor": "P", "memory": "4 GiB", "kernel": "Linux"},
        versions={"Huidu": "1"},
        rounds=3,
        seconds=2.0,
        functions=10_000,
        ways={key(name.replace("_", "-"), MANY): rounds for name, rounds in ways.items()},
    )


def verdicts(of: Found) -> dict[str, str]:
    return {row[0]: row[3] for row in sheets.promises(of, ENGLISH).rows}


def test_what_wrk_sums_up_is_read_among_what_it_prints_for_people() -> None:
    load = summed(f"Running 2s test\n  1 threads\n{LINE}\n")

    assert (load.calls_a_second, load.p50_us, load.p99_us) == (2000.0, 90, 200)
    assert load.errors == 1 + 2 + 4


@pytest.mark.parametrize("printed", ["", "unable to connect", LINE.replace("3000", "0")])
def test_a_run_of_wrk_without_answers_is_no_figure(printed: str) -> None:
    with pytest.raises(Unusable):
        summed(printed)


def test_a_request_reaches_lua_letter_for_letter() -> None:
    told = script(Ask(url="u", headers={'a"': "\\é\n"}), None, check=False)

    assert 'wrk.headers["\\097\\034"] = "\\092\\195\\169\\010"' in told
    assert "response" not in told  # which would slow wrk down


def test_every_other_round_goes_backwards_and_what_is_compared_closely_has_more_turns() -> None:
    ways = [BY_NAME["url"], BY_NAME["weight"], BY_NAME["workerd"]]

    first, second = ([t.way.name for t in turns(ways, number)] for number in (0, 1))
    assert first[:5] == ["url", "url", "weight", "workerd", "workerd"]
    assert second[:5] == ["workerd", "workerd", "weight", "url", "url"]
    for order in (first, second):
        assert sorted(order[5:]) == ["url", "url", "weight", "weight"]


def test_turns_that_were_close_to_each_other_are_compared_one_by_one() -> None:
    drifting = found(url=[took(100), took(200), took(400)], weight=[took(99), took(196), took(400)])

    assert drifting.ratio(("weight", MANY), ("url", MANY), "calls_a_second") == 0.99


def test_ways_with_other_numbers_of_turns_are_compared_in_the_middle() -> None:
    uneven = found(url=[took(100), took(200), took(600)], workerd=[took(50)])

    assert uneven.ratio(("url", MANY), ("workerd", MANY), "calls_a_second") == 4.0


def test_one_error_voids_a_way_and_each_promise_that_rests_on_it() -> None:
    good = found(url=[took(100)], framework_two=[took(20)])
    bad = found(url=[took(100), took(100, errors=1)], framework_two=[took(20)])

    what = PROMISES[0].said
    assert (verdicts(good)[what], verdicts(bad)[what]) == ("ok", "not measured")
    assert "void: 1 errors" in str([sheet.rows for sheet in sheets.ways(bad, ENGLISH)])


def test_a_promise_of_at_most_is_held_against_its_goal_the_other_way_round() -> None:
    run = found()
    for name, p50_us in (("url", 160.0), ("nginx-worker", 100.0)):
        run.ways[key(name, ONE)] = [took(1, p50_us=p50_us)]
    said = "p50 at one connection, to nginx before a minimal worker"

    assert verdicts(run)[said] == "ok"
    run.ways[key("url", ONE)] = [took(1, p50_us=161.0)]
    assert verdicts(run)[said] == "not"


def test_an_alias_that_was_late_for_one_call_keeps_no_promise() -> None:
    moves = Moves(functions=1, update_ms=[5.0], effect_ms=[1.0], stale=0, failed=0)
    said = PROMISES[-1].said
    run = found()

    run.moves = [moves]
    assert verdicts(run)[said] == "ok"
    run.moves = [moves, replace(moves, stale=1)]
    assert verdicts(run)[said] == "not measured"


def test_answers_under_a_crush_are_told_apart_by_their_status() -> None:
    taken = [(200, 0.010), (200, 0.030), (429, 0.001), (432, 0.002), (0, 0.0)]

    told = offered(taken, seconds=0.5)
    assert (told["offered"], told["good"], told["refused"]) == (10.0, 4.0, 4.0)
    assert (told["other"], told["p99_ms"], told["refused_p99_ms"]) == (1, 30.0, 2.0)


def whole() -> Found:
    """Return what a run found that measured everything."""
    run = found()
    for way in WAYS:
        for connections in way.connections:
            run.ways[key(way.name, connections)] = [took(900.0), took(1000.0), took(1200.0)]
    crush = Crush(
        handler_ms=5.0,
        waiting=8,
        offered=1600.0,
        good=390.0,
        refused=1210.0,
        other=0,
        p99_ms=30.0,
        refused_p99_ms=2.0,
    )
    run.peak, run.crush = replace(crush, offered=400.0, good=400.0, refused=0.0), crush
    run.starts = [Starts(language="Python", tier="sandbox", cold_ms=[9.0], plain_ms=[17.0])]
    run.moves = [Moves(functions=1, update_ms=[5.0], effect_ms=[1.0], stale=0, failed=0)]
    return run


def test_a_run_is_read_from_its_file_as_it_was() -> None:
    run = whole()

    assert msgspec.convert(json.loads(msgspec.json.encode(run)), Found) == run


def test_a_whole_run_has_a_row_for_every_way_and_a_verdict_on_every_promise() -> None:
    rows = [row for sheet in sheets.ways(whole(), ENGLISH) for row in sheet.rows]

    assert len(rows) == len(WAYS)
    assert "not measured" not in verdicts(whole()).values()


def test_both_languages_have_the_same_tables_and_name_the_same_things() -> None:
    parts = [paged.part(whole(), language) for language in (ENGLISH, CHINESE)]
    pipes, ticks = ([part.count(sign) for part in parts] for sign in "|`")

    assert pipes[0] == pipes[1]
    assert ticks[0] == ticks[1]


def test_a_page_is_written_anew_between_its_marks_only() -> None:
    page = f"before\n{paged.BEGIN}\nold\n{paged.END}\nafter\n"

    made = paged.rewritten(page, "new")
    assert made == f"before\n{paged.BEGIN}\n\nnew\n\n{paged.END}\nafter\n"
    assert paged.rewritten(made, "new") == made
    with pytest.raises(ValueError, match="make bench"):
        paged.rewritten("no marks", "new")


@pytest.mark.parametrize("page", paged.PAGES.values(), ids=lambda page: page.parent.name)
def test_the_pages_have_their_marks(page: Path) -> None:
    assert paged.rewritten(page.read_text("utf-8"), "new").count(paged.BEGIN) == 1


def test_the_picture_has_a_bar_for_each_way_that_it_shows_and_tells_it_in_words() -> None:
    drawn = ET.fromstring(picture.picture(whole()))  # noqa: S314 - our own
    told = next(iter(drawn.iter("{http://www.w3.org/2000/svg}desc"))).text or ""

    bars = [r for r in drawn.iter("{http://www.w3.org/2000/svg}rect") if r.get("height") == "15"]
    assert len(bars) == len(picture.SHOWN)
    assert told.count("1,000 calls/s") == len(picture.SHOWN)


def test_an_empty_run_is_shown_and_drawn_all_the_same() -> None:
    ET.fromstring(picture.picture(found()))  # noqa: S314 - our own

    assert "not measured" in paged.part(found(), ENGLISH)


def test_a_way_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(SystemExit, match="urn"):
        command.named("url,urn")


def test_nginx_leads_to_as_many_workers_as_it_is_told_to(tmp_path: Path) -> None:
    assert configured(tmp_path, 80, 2).count(".sock") == 2
    assert "upstream" not in configured(tmp_path, 80, 0)


def test_the_minimal_worker_answers_as_many_requests_as_it_was_sent(tmp_path: Path) -> None:
    where = tmp_path / "socket"
    with subprocess.Popen([sys.executable, "-I", "-S", worker.__file__, str(where)]) as process:
        await_file(where)
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(where))
            client.sendall(b"GET / HTTP/1.1\r\n\r\n" * 2)
            said = b""
            while said.count(b"\r\n\r\nok") < 2:
                said += client.recv(1000)
        process.kill()

    assert said.count(b"HTTP/1.1 200 OK") == 2


def test_the_time_of_a_process_that_has_ended_still_counts() -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass"
    has_it_done = "import subprocess as s, sys; s.run([sys.executable, '-ISc', sys.argv[1]])"
    with subprocess.Popen(
        [sys.executable, "-ISc", f"{has_it_done}; print(flush=True); input()", burn],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        place = Place(pids=[process.pid], asks={})
        assert process.stdout
        process.stdout.readline()
        took_s = place.cpu_s()
        process.kill()

    assert took_s > 0.15


def test_more_is_offered_than_may_wait() -> None:
    assert crushed.CALM <= crushed.WAITING + crushed.INSTANCES < crushed.CROWD


@pytest.mark.timeout(100)
@pytest.mark.skipif(shutil.which("wrk") is None, reason="there is no wrk")
def test_a_small_run_measures_what_it_is_told_to(tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bench.run", "--quick", "--only", "handler,url-one"),
            *("--seconds", "0.3", "--json", str(file)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = msgspec.convert(json.loads(file.read_text())["speed"], Found)

    assert made.missing == {}
    assert set(made.ways) == {"handler@0", "url-one@64", "url-one@1"}
    assert made.median("url-one", ONE, "cpu_us")
