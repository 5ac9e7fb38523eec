"""What the API listener answers beside the cloud API: health and metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from huidu import __version__, compiled
from huidu.cloudapi.app import App, Receive, Scope, Send

#: Where the Serverless command line asks for the roles that an account still needs: none.
ROLES = "/release/serverless/v2/role/bindv2"


class Collected(Collector):
    """Metrics as they were at one moment of the event loop; their text is made in a thread.

    Where thousands of aliases share their calls, making it takes 6 µs for each line.
    """

    def __init__(self, found: Iterable[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""
        return self._found


def pages(
    calls: Callable[[], Awaitable[bytes]],
    registry: CollectorRegistry,
    sandbox: Mapping[str, object],
    console: App,
) -> App:
    """Return the application behind every path but `/`; the console's pages are another's."""

    async def healthz(_: Request) -> Response:
        told = {"status": "ok", "version": __version__, "code": compiled.how()}
        return JSONResponse(told | {"sandbox": sandbox})

    async def metrics(_: Request) -> Response:
        moment = CollectorRegistry()
        moment.register(Collected([*registry.collect()]))
        text = await asyncio.to_thread(generate_latest, moment)
        return Response(await calls() + text, media_type=CONTENT_TYPE_LATEST)

    async def bound(_: Request) -> Response:
        return JSONResponse({"message": {}})

    beside = Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/metrics", metrics),
            Route(f"{ROLES}/{{asked}}", bound, methods=["POST"]),
        ]
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        theirs = scope["type"] == "http" and f"{scope['path']}/".startswith("/console/")
        await (console if theirs else beside)(scope, receive, send)

    return app
