"""The code of function B: four versions, a broken one, and a draft that is being worked on."""

from __future__ import annotations

import base64
import io
import zipfile

PLAIN = """\
def main_handler(event, context):
    return {{"version": context["function_version"], "says": "{says}"}}
"""

#: Version 2 depends on something that the others do not: that is how it will turn bad.
STOCKED = """\
import os
import socket


def main_handler(event, context):
    host, port = os.environ["STOCK_SERVICE"].split(":")
    with socket.create_connection((host, int(port)), timeout=2) as stock:
        left = stock.recv(16).decode()
    return {"version": context["function_version"], "says": "hello, " + left + " left"}
"""

VERSIONS = {
    "1": PLAIN.format(says="hello"),
    "2": STOCKED,
    "3": PLAIN.format(says="hello again"),
    "4": PLAIN.format(says="hello, dear tester"),
}
#: Version 5, which is released when all else has been seen.
BROKEN = """\
def main_handler(event, context):
    print("looking for the price list")
    raise FileNotFoundError("price-list.csv")
"""
DRAFT = PLAIN.format(says="not finished yet")


def zipped(code: str) -> str:
    """Return a package with this `index.py`, as the API takes it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr("index.py", code)
    return base64.b64encode(out.getvalue()).decode()
