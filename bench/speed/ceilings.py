"""Ceilings: what bounds every platform: the handler alone, nginx alone, nginx before a worker."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from bench.speed import worker
from bench.speed.places import Opener, Place, Program, await_answer, await_file, free_port
from bench.speed.wrk import Ask, Load, Unusable

MAIN = """
daemon off;
pid {folder}/pid;
error_log {folder}/errors;
worker_processes auto;
worker_rlimit_nofile 65536;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  {upstream}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ {answer} }}
  }}
}}
"""
STATIC = "return 200 ok;"
PROXY = 'proxy_pass http://workers; proxy_http_version 1.1; proxy_set_header Connection "";'


def handled(seconds: float) -> Load:
    """Return what the handler does alone, called in a loop."""
    calls, began = 0, time.perf_counter()
    while (taken := time.perf_counter() - began) < seconds:
        for _ in range(1000):
            worker.main_handler(None, None)
        calls += 1000
    each_us = taken / calls * 1e6
    return Load(calls=calls, seconds=taken, p50_us=each_us, p99_us=each_us, errors=0)


def configured(folder: Path, port: int, workers: int) -> str:
    """Return what nginx is told: to answer by itself, or to lead to so many workers."""
    servers = " ".join(f"server unix:{folder}/{n}.sock max_fails=0;" for n in range(workers))
    upstream = f"upstream workers {{ {servers} keepalive 256; keepalive_requests 1000000000; }}"
    return MAIN.format(
        folder=folder,
        port=port,
        upstream=upstream if workers else "",
        answer=PROXY if workers else STATIC,
    )


@contextmanager
def nginx(name: str, workers: int, folder: Path) -> Iterator[Place]:
    """Have nginx up, before so many workers of the least kind."""
    found = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if found is None:
        raise Unusable("nginx is not there; bench/needs installs it")
    folder.chmod(0o755)
    port = free_port()
    file = folder / "nginx.conf"
    file.write_text(configured(folder, port, workers))
    with ExitStack() as up:
        pids = [up.enter_context(_minimal(folder, number).running()) for number in range(workers)]
        for number in range(workers):
            await_file(folder / f"{number}.sock")
        command = (found, "-p", folder, "-c", file, "-e", folder / "errors")
        pids.append(up.enter_context(Program(command=command, folder=folder).running()))
        ask = Ask(url=f"http://127.0.0.1:{port}/")
        await_answer(ask)
        yield Place(pids=pids, asks={name: lambda: ask})


def _minimal(folder: Path, number: int) -> Program:
    return Program(
        command=(sys.executable, "-I", "-S", Path(worker.__file__), folder / f"{number}.sock"),
        folder=folder,
    )


#: The openers, by the name of the way.
CEILINGS: Mapping[str, Opener] = {
    "nginx-static": partial(nginx, "nginx-static", 0),
    "nginx-worker": partial(nginx, "nginx-worker", 1),
    "nginx-workers": partial(nginx, "nginx-workers", 2),
}
