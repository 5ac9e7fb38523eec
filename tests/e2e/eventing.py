"""A function that writes down each of its runs, and how events are sent to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tencentcloud.scf.v20180416 import models

from tests.platform import Platform

#: The functions here leave marks on the host's disk, as from a sandbox they cannot.
PLAIN = ("--set", "tier=none")

#: Writes down each run as it ends, after as long as it was told to take.
WRITER = """
import json, os, time

def main_handler(event, context):
    with open(event["file"] + ".begun", "a") as begun:
        begun.write(f"{event['n']}\\n")
    time.sleep(event.get("takes", 0))
    while "gate" in event and not os.path.exists(event["gate"]):
        time.sleep(0.02)
    with open(event["file"], "a") as kept:
        kept.write(f"{event['n']} {context['function_version']} {context['request_id']}\\n")
    if event.get("fail"):
        raise ValueError("told to")
    return event["n"]
"""


def send(platform: Platform, name: str, event: object, **more: Any) -> str:
    """Send an event, and return the id of its run."""
    request = models.InvokeRequest()
    request.FunctionName, request.InvocationType = name, "Event"
    request.ClientContext = json.dumps(event)
    for field, value in more.items():
        setattr(request, field, value)
    result = platform.client().Invoke(request).Result
    assert (result.RetMsg, result.ErrMsg, result.Log, result.InvokeResult) == ("", "", "", 0)
    return str(result.FunctionRequestId)


def runs(file: Path) -> list[list[str]]:
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def status(platform: Platform, name: str, request_id: str, **more: str) -> list[dict[str, Any]]:
    answer = platform.call(
        "GetRequestStatus", FunctionName=name, FunctionRequestId=request_id, **more
    )
    assert answer["TotalCount"] == len(answer["Data"])
    return list(answer["Data"])
