"""Functions to measure with: the least that each language can do, and what Python has to import."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from huidu.runtimes.table import TABLE

#: What handlers import from the standard library: HTTP, logging, time, money, hashes, formats.
STANDARD = (
    "asyncio base64 concurrent.futures csv datetime decimal email.message hashlib http.client "
    "json logging ssl urllib.request uuid xml.etree.ElementTree zipfile"
)
PYTHON_HANDLER = "def main_handler(event, context):\n    return event\n"
NODE_HANDLER = "exports.main_handler = async (event) => event;\n"

#: A bootstrap that answers each call with its event, over one connection to the runtime API.
BOOTSTRAP = f"""#!{getattr(sys, "_base_executable", "") or sys.executable} -IS
import http.client, os
where = os.environ["SCF_RUNTIME_API"], int(os.environ["SCF_RUNTIME_API_PORT"])
connection = http.client.HTTPConnection(*where)
def ask(method, path, body=None):
    connection.request(method, "/runtime/" + path, body)
    return connection.getresponse().read()
ask("POST", "init/ready")
while True:
    ask("POST", "invocation/response", ask("GET", "invocation/next"))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A function that answers with its event."""

    language: str  #: Of which row in the table of runtimes.
    runtime: str
    files: Mapping[str, str] = field(repr=False)
    handler: str = "index.main_handler"
    imports: str = ""  #: Which modules it imports first, with spaces between them.
    plain: bool = True  #: Whether `bench.plain` can start the same without a platform.

    @property
    def variant(self) -> str:
        """What is said of its imports in a table."""
        return "stdlib" if self.imports else "-"


def importing(modules: str) -> Mapping[str, str]:
    """Return a package in Python whose handler imports modules."""
    return {"index.py": f"import {', '.join(modules.split())}\n{PYTHON_HANDLER}"}


PYTHON_NAME = f"Python{sys.version_info[0]}.{sys.version_info[1]}"
SAMPLES = (
    Sample(language="Python", runtime=PYTHON_NAME, files={"index.py": PYTHON_HANDLER}),
    Sample(language="Python", runtime=PYTHON_NAME, files=importing(STANDARD), imports=STANDARD),
    Sample(language="Node.js", runtime="Nodejs18.15", files={"index.js": NODE_HANDLER}),
    Sample(
        language="custom",
        runtime="CustomRuntime",
        files={"bootstrap": BOOTSTRAP},
        handler="main",
        plain=False,
    ),
)
#: Files of a package that are programs.
PROGRAMS = frozenset({"bootstrap", "scf_bootstrap"})


def known() -> Iterator[Sample]:
    """Yield the samples of every language that the table of runtimes has."""
    for row in TABLE:
        yield from (sample for sample in SAMPLES if sample.language == row.language)


def unsampled() -> list[str]:
    """Return the languages of the table that there is no function to measure with here."""
    return [row.language for row in TABLE if all(s.language != row.language for s in SAMPLES)]
