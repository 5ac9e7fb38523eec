"""Bootstraps of custom runtimes, as packages of one file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from huidu.model.version import Version
from tests.instances.making import OURS, Shelf

#: Speaks to the runtime API over one connection that it keeps, as `ask(method, path, body)`.
TONGUE = f"""#!{OURS.path} -IS
import http.client, json, os, subprocess, sys, time
def connect():
    port = int(os.environ["SCF_RUNTIME_API_PORT"])
    return http.client.HTTPConnection(os.environ["SCF_RUNTIME_API"], port)
def ask(method, path, body=None, headers={{}}, over=connect()):
    over.request(method, "/runtime/" + path, body, headers)
    answer = over.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read().decode()
def respond(value): return ask("POST", "invocation/response", json.dumps(value))
def ready(): return ask("POST", "init/ready")
def next(): return ask("GET", "invocation/next")
"""


def looping(*lines: str) -> str:
    """A bootstrap that does these lines with each `event`, and its `headers`."""
    body = "\n    ".join(lines)
    return f"{TONGUE}ready()\nwhile True:\n    _, headers, event = next()\n    {body}\n"


ECHO = looping("respond([json.loads(event), headers])")

#: The same without any tool but a shell: bash opens the connection.
SHELL = """#!/bin/bash
api() {
  exec 3<>"/dev/tcp/$SCF_RUNTIME_API/$SCF_RUNTIME_API_PORT"
  printf '%s /runtime/%s HTTP/1.0\\r\\nContent-Length: %d\\r\\n\\r\\n%s' "$1" "$2" "${#3}" "$3" >&3
  while IFS= read -r line <&3 && [ "$line" != $'\\r' ]; do :; done
  IFS= read -r -d '' answer <&3
  exec 3<&-
}
api POST init/ready
while :; do
  api GET invocation/next
  echo "got $answer"
  api POST invocation/response "{\\"shell\\":$answer}"
done
"""


def custom(shelf: Shelf, source: str, mode: int = 0o755, **configuration: Any) -> Version:
    """A version of a custom runtime with this bootstrap."""
    wanted = {"runtime": "CustomRuntime", "handler": "main", "timeout_s": 10, **configuration}
    version = shelf.version(source, file="bootstrap", **wanted)
    Path(shelf.unpacked(version.code) / "bootstrap").chmod(mode)
    return version


AS_ROOT = os.geteuid() == 0
