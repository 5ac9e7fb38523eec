"""Answers events of an API with the WSGI application of the entry file (Flask, Django)."""

from __future__ import annotations

import base64
import importlib
import io
import os
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes, urlencode

ENTRY = os.environ.get("SLS_ENTRY_FILE", "app.py")
NAMES = ("app", "application")
TEXTS = ("text/", "application/json", "application/javascript", "application/xml")

module = importlib.import_module(ENTRY[: -len(".py")].replace("/", "."))
application: Any = next((getattr(module, name) for name in NAMES if hasattr(module, name)), None)
if application is None:
    raise ImportError(ENTRY + " must have the application under the name app")


def environ_of(event: dict[str, Any]) -> dict[str, Any]:
    """Return the environment of WSGI (PEP 3333) for an event."""
    body = event.get("body") or ""
    held = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    host, _, port = headers.get("host", "localhost").partition(":")
    environ = {
        "REQUEST_METHOD": event.get("httpMethod", "GET"),
        "SCRIPT_NAME": "",
        # WSGI has bytes as if they were Latin-1. What is not decoded yet is so here.
        "PATH_INFO": unquote_to_bytes(event.get("path", "/")).decode("latin-1"),
        "QUERY_STRING": urlencode(event.get("queryString") or {}, doseq=True),
        "CONTENT_TYPE": headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(held)),
        "SERVER_NAME": host,
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": event.get("requestContext", {}).get("sourceIp", ""),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": headers.get("x-forwarded-proto", "http"),
        "wsgi.input": io.BytesIO(held),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "huidu.event": event,
    }
    for name, value in headers.items():
        if name not in ("content-type", "content-length"):
            environ["HTTP_" + name.upper().replace("-", "_")] = value
    return environ


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - unused
    """Return the integrated response that the application gives."""
    begun: dict[str, Any] = {}
    written: list[bytes] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: object = None
    ) -> Callable[[bytes], None]:
        begun.update(status=int(status.split(maxsplit=1)[0]), headers=headers)
        return written.append

    chunks = application(environ_of(event), start_response)
    try:
        written.extend(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    headers: dict[str, list[str]] = {}
    for name, value in begun["headers"]:
        if name.lower() != "content-length":
            headers.setdefault(name.lower(), []).append(value)
    body = b"".join(written)
    kind = (headers.get("content-type") or [""])[0]
    plain = kind.startswith(TEXTS) and "content-encoding" not in headers
    return {
        "isBase64Encoded": not plain,
        "statusCode": begun["status"],
        "headers": {
            name: values[0] if len(values) == 1 else values for name, values in headers.items()
        },
        "body": body.decode("utf-8", "replace") if plain else base64.b64encode(body).decode(),
    }
