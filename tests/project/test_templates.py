"""Templates: each deploys as it is written, and answers."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from huidu.project.dependencies import needs_of
from huidu.project.flaw import Flaw
from huidu.project.installing import OURS
from huidu.project.templates import FOLDER, TEMPLATES, begin
from tests.platform import Platform
from tests.project.deploying import Deploying, fetch

RUNTIME = f"Python{OURS}"
VERSION = """

@app.get("/version")
def version():
    import sys
    return "{}.{}".format(*sys.version_info)
"""


@pytest.fixture
def begun(tmp_path: Path, platform: Platform, name: str) -> Callable[..., Deploying]:
    def begins(template: str, server: Platform = platform) -> Deploying:
        begin(template, tmp_path / "project", name)
        return Deploying(tmp_path / "project", server)

    return begins


def closure(*names: str) -> Iterator[str]:
    """Yield distributions with all that they need."""
    seen, wanted = set[str](), [*names]
    while wanted:
        name = wanted.pop()
        if name not in seen:
            seen.add(name)
            yield name
            for text in distribution(name).requires or ():
                needed = Requirement(text)
                if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                    wanted.append(needed.name.lower())


def install_from_here(project: Deploying, *names: str) -> None:
    """Put installed packages where pip's would be kept, for no test asks an index."""
    needs = needs_of(project.folder, RUNTIME)
    assert needs is not None
    tree = project.folder / ".huidu" / needs.digest / "tree"
    for name in closure(*names):
        of = distribution(name)
        for file in of.files or ():
            source = Path(str(of.locate_file(file)))
            if ".." not in file.parts and "__pycache__" not in file.parts and source.is_file():
                (tree / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, tree / file)


@pytest.mark.parametrize(
    ("template", "hello"),
    [
        ("python", "Hello from version 1\n"),
        ("nodejs", "Hello from version 1\n"),
        ("custom", "Hello from bash\n"),
    ],
)
def test_a_function_to_begin_with_answers_at_its_url(
    template: str, hello: str, begun: Callable[..., Deploying]
) -> None:
    project = begun(template)
    assert "* publish" in "".join(project.deploy())

    triggers = project.platform.call("ListTriggers", FunctionName=project.read().function.name)
    (trigger,) = triggers["Triggers"]
    url = json.loads(trigger["TriggerDesc"])["NetConfig"]["ExtranetUrl"]
    assert fetch(url)[::2] == (200, hello.encode())
    assert project.deploy()[0].startswith("nothing to change")


def test_an_application_of_flask_answers_behind_the_gateway(
    begun: Callable[..., Deploying],
) -> None:
    project = begun("flask")
    install_from_here(project, "flask")
    project.deploy(runtime=RUNTIME)

    assert fetch(project.url())[::2] == (200, b"Hello from Flask\n")
    assert json.loads(fetch(f"{project.url()}/users/bob")[2]) == {"id": "bob"}


@pytest.mark.skipif(os.geteuid() != 0, reason="a network of its own takes root here")
def test_an_application_of_fastapi_answers_behind_the_gateway(
    begun: Callable[..., Deploying], start: Callable[..., Platform]
) -> None:
    server = start("--set", "tier=best", "--set", "network=none")
    project = begun("fastapi", server)
    install_from_here(project, "fastapi", "uvicorn")
    bootstrap = project.folder / "scf_bootstrap"
    # That is what these packages are for.
    ours = f"python{OURS.replace('.', '')}/"
    bootstrap.write_text(bootstrap.read_text().replace("python310/", ours))
    with (project.folder / "app.py").open("a") as app:
        app.write(VERSION)
    project.deploy(**{"faas.runtime": RUNTIME, "faas.memorySize": "512"})

    assert fetch(project.url())[::2] == (200, b"Hello from FastAPI\n")
    assert json.loads(fetch(f"{project.url()}/users/bob")[2]) == {"id": "bob"}
    told = server.ours("GetRuntime", Runtime=RUNTIME, Type="HTTP")
    assert json.loads(fetch(f"{project.url()}/version")[2]) == told["Version"]
    assert (told["Version"], told["Note"]) == (OURS, "")


def test_every_template_is_in_the_list_and_has_a_project() -> None:
    assert {folder.name for folder in FOLDER.iterdir()} == set(TEMPLATES)


def test_nothing_that_is_there_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "index.py").write_text("mine")

    with pytest.raises(Flaw, match=r"has index\.py already; name an empty folder"):
        begin("python", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["index.py"]
    assert (tmp_path / "index.py").read_text() == "mine"


def test_what_is_of_this_machine_is_not_kept_with_the_code(tmp_path: Path) -> None:
    assert begin("python", tmp_path / "new")[0] == ".gitignore"
    assert {".huidu/", ".env"} <= {*(tmp_path / "new" / ".gitignore").read_text().split()}

    (tmp_path / ".gitignore").write_text("mine")
    assert ".gitignore" not in begin("python", tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "mine"


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Flaw, match=r"file/index\.py: cannot be written: File exists"):
        begin("python", tmp_path / "file", "shop")


def test_a_template_that_is_not_there_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(Flaw, match="no template 'pyton'; did you mean python"):
        begin("pyton", tmp_path)


@pytest.mark.parametrize(
    ("folder", "called"), [("my shop!", "my-shop"), ("2026 shop", "shop"), ("shop_2", "shop_2")]
)
def test_a_project_is_called_as_its_folder(folder: str, called: str, tmp_path: Path) -> None:
    begin("python", tmp_path / folder)

    assert f"name: {called}\n" in (tmp_path / folder / "serverless.yml").read_text()


def test_a_folder_whose_name_says_nothing_needs_one_to_be_given(tmp_path: Path) -> None:
    with pytest.raises(Flaw, match="the folder has no fitting name, so give one"):
        begin("python", tmp_path / "商店")
    with pytest.raises(Flaw, match="2 to 60 letters"):
        begin("python", tmp_path / "a", "1st")
    begin("python", tmp_path / "商店", "shop")
