"""Has the commands of `tccli` do one line of words after the other: a list is read once for all."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stdout

from tccli.command import CLICommand
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException


class Kept(io.BytesIO):
    """What was written, also after it was closed: `tccli` wraps it for each answer it prints."""

    def close(self) -> None: ...


def run(command: CLICommand, words: list[str]) -> dict[str, str]:
    """Do what the command of these words does, and tell what it printed, or the refusal."""
    sys.argv = ["tccli", *words]
    said = Kept()
    try:
        with redirect_stdout(io.TextIOWrapper(said)):
            command()
    except TencentCloudSDKException as error:
        return {"refused": str(error)}
    return {"said": said.getvalue().decode()}


tccli = CLICommand()
for line in sys.stdin:
    sys.stdout.write(json.dumps(run(tccli, json.loads(line))) + "\n")
    sys.stdout.flush()
