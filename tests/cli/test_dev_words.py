"""What `huidu dev` watches, whom it blames, and how it tells of calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from huidu.cli.dev.blame import blamed
from huidu.cli.dev.ground import bare, ground_of
from huidu.cli.dev.hearing import Front, Hearing, Visit
from huidu.cli.dev.telling import Person, named, plain
from huidu.cli.lines import Look
from huidu.model.function import FunctionName
from huidu.model.invocation import Record
from huidu.project.reading import read

YML = "component: scf\nname: shop\ninputs: {{runtime: Nodejs18.15, handler: {handler}}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for inner in ("lib/deep", "node_modules/x", ".git/objects", "__pycache__", "dist", ".huidu"):
        (tmp_path / inner).mkdir(parents=True)
    (tmp_path / "serverless.yml").write_text(YML.format(handler="index.main"))
    (tmp_path / ".gitignore").write_text("dist/\n*.log\n")
    (tmp_path / ".huiduignore").write_text("notes/\n*.md\n")
    (tmp_path / "lib/round").symlink_to("..")
    return tmp_path


def test_noise_is_not_even_watched(folder: Path) -> None:
    ground = ground_of(read(folder, {}))

    assert ground.folders == {folder, folder / "lib", folder / "lib/deep"}


def test_only_what_is_packed_or_says_how_is_news(folder: Path) -> None:
    ground = ground_of(read(folder, {}))
    news = ("index.js", "lib/a.js", "lib/deep/b.js", "serverless.yml", ".env", ".huiduignore")
    noise = ("a.log", "README.md", ".index.js.swp", "index.js~", "4913", "x.pyc", "node_modules")

    assert [ground.name_of(folder / name) for name in news] == [*news]
    assert [ground.name_of(folder / name) for name in noise] == [""] * len(noise)


def test_what_is_built_is_watched_though_git_does_not_keep_it(folder: Path) -> None:
    (folder / "serverless.yml").write_text(YML.format(handler="dist/index.main"))
    ground = ground_of(read(folder, {}))

    assert ground.name_of(folder / "dist/index.js") == "dist/index.js"


def test_of_a_folder_that_cannot_be_read_its_file_is_watched(folder: Path) -> None:
    ground = bare(folder)

    assert ground.name_of(folder / "serverless.yml") == "serverless.yml"
    assert ground.name_of(folder / "index.js") == ""


PYTHON = """\
index.py cannot be imported: AttributeError: 'int' object has no attribute 'x'
Traceback (most recent call last):
  File "/var/user/index.py", line 1, in <module>
    import other
  File "/var/user/other.py", line 3, in <module>
    y = x.x
AttributeError: 'int' object has no attribute 'x'
"""
NODE = """\
index.js cannot be loaded: TypeError: Cannot read properties of undefined (reading 'b')
TypeError: Cannot read properties of undefined (reading 'b')
    at Object.<anonymous> (/var/user/node_modules/a/index.js:9:5)
    at Object.<anonymous> (/var/user/other.js:3:5)
    at Object.<anonymous> (/var/user/index.js:1:1)
"""
SERVER = """\
scf_bootstrap ended with status 1 before a server listened on port 9000
  File "/var/user/app.py", line 1, in <module>
  File "/var/user/flask/app.py", line 7, in <module>
ImportError: cannot import name 'x'
"""


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        (PYTHON, "other.py:3", "AttributeError: 'int' object has no attribute 'x'"),
        (NODE, "other.js:3", "TypeError: Cannot read properties of undefined (reading 'b')"),
        ("index.js exports no function main", "", "index.js exports no function main"),
    ],
)
def test_the_innermost_line_of_ones_own_is_to_blame(text: str, place: str, what: str) -> None:
    blame = blamed(text)

    assert (blame.place, blame.what) == (place, what)
    assert not any("/var/user" in line or line.strip() == what for line in blame.told)


def test_what_was_installed_is_not_to_blame(tmp_path: Path) -> None:
    (tmp_path / "app.py").touch()
    blame = blamed(SERVER, tmp_path)

    assert (blame.place, blame.what) == ("app.py:1", "ImportError: cannot import name 'x'")


def test_a_line_of_node_is_shown_as_it_was_printed() -> None:
    head = "2026-11-23T18:42:55.345Z\t496d4de3-f427-4916-8326-e204a584c41a\t"

    assert plain(f"{head}called") == "called"
    assert plain(f"{head}ERROR\tbad") == "ERROR bad"
    assert plain("  2026: a line") == "  2026: a line"


def test_many_files_are_named_in_a_few_words() -> None:
    assert named(["b", "a"]) == "a, b"
    assert named("edcba") == "a, b, c and 2 more"


def visit(request_id: str = "r1", version: str = "$LATEST", path: str = "/") -> Visit:
    return Visit(
        request_id=request_id,
        method="GET",
        path=path,
        status=200,
        ms=12.0,
        version=version,
        alias="release",
    )


def record(trigger: str) -> Record:
    log = "START RequestId: r1\nhello\nResponse RequestId: r1 RetMsg:1\nEND RequestId: r1\n"
    who = FunctionName("default", "shop")
    return Record("r1", who, "release", version="$LATEST", trigger=trigger, log=log)


def test_each_call_is_told_once_whichever_side_is_heard_first() -> None:
    told: list[tuple[Visit | None, Record | None]] = []
    hearing = Hearing(lambda visit, record: told.append((visit, record)))

    hearing.ended(record("http"))
    hearing.visited(visit())
    hearing.visited(visit())
    hearing.ended(record("http"))
    hearing.visited(visit("r2", version=""))
    hearing.ended(record("timer"))

    both = (visit(), record("http"))
    assert told == [both, both, (visit("r2", version=""), None), (None, record("timer"))]


@pytest.mark.parametrize(
    ("host", "path", "led"),
    [
        (b"localhost:9100", "/a", "/url/x1/a"),
        (b"127.0.0.1:9100", "/", "/url/x1/"),
        (b"127.0.0.1:9100", "/url/x1/a", "/url/x1/a"),
        (b"1250000000-x1.localhost", "/a", "/a"),
    ],
)
async def test_the_root_leads_to_the_function(host: bytes, path: str, led: str) -> None:
    seen: list[str] = []
    visits: list[Visit] = []

    async def app(scope: dict[str, object], receive: object, send: object) -> None:
        seen.extend([str(scope["path"]), bytes(scope["raw_path"]).decode()])  # type: ignore[call-overload]

    front = Front(visits.append, lambda: 0.0)
    front.main, front.known = "/url/x1", ("/url/x1",)
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"n=1",
        "headers": [(b"host", host)],
    }
    await front.before(app)(scope, None, None)

    assert seen == [led, led]
    assert visits[0].path == f"{path}?n=1"


@pytest.mark.parametrize("columns", [40, 80, None])
def test_a_call_fits_its_row(columns: int | None) -> None:
    said: list[str] = []
    look = Look(columns=columns, colours=False, functions=False, whole=False)
    Person(look, said.append).call(visit(path="/" + "x" * 300), record("http"))

    text = "".join(said)
    assert "| hello\n" in text
    assert all(len(line) <= (columns or 400) for line in text.splitlines())
    assert (" by " in text) == (columns != 40)
