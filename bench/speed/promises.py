"""Promises: what is to hold between figures of one run, one row each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bench.cold import share
from bench.speed.found import Found
from bench.speed.ways import MANY, ONE

RATE, P50, CPU = "calls_a_second", "p50_us", "cpu_us"
P99 = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What is promised."""

    said: str
    chinese: str
    goal: float
    figure: Callable[[Found], float | None]  #: Nothing where it was not measured, or went wrong.
    at_most: bool = False
    unit: str = ""

    def kept(self, found: Found) -> bool | None:
        """Tell whether it holds; nothing where there is no figure."""
        figure = self.figure(found)
        if figure is None:
            return None
        return figure <= self.goal if self.at_most else figure >= self.goal


def _to(
    name: str, other: str, what: str = RATE, connections: int = MANY
) -> Callable[[Found], float | None]:
    return partial(_ratio, (name, connections), (other, connections), what)


def _ratio(of: tuple[str, int], to: tuple[str, int], what: str, found: Found) -> float | None:
    return found.ratio(of, to, what)


def _tail(found: Found) -> float | None:
    p50, p99 = (found.median("url", ONE, what) for what in (P50, "p99_us"))
    return p99 / p50 if p50 and p99 else None


def _effect(found: Found) -> float | None:
    """Return the worst server's; nothing where a call was answered by the version before."""
    if not found.moves or any(one.stale or one.failed for one in found.moves):
        return None
    return max(share(one.effect_ms, P99) for one in found.moves)


def _goodput(found: Found) -> float | None:
    if found.peak is None or found.crush is None or found.crush.other or not found.peak.good:
        return None
    return found.crush.good / found.peak.good


PROMISES: Sequence[Promise] = (
    Promise(
        said="calls/s, to functions-framework with two processes",
        chinese="每秒调用数，对两个进程的 functions-framework",
        goal=4,
        figure=_to("url", "framework-two"),
    ),
    Promise(
        said="calls/s, to functions-framework as it comes",
        chinese="每秒调用数，对默认的 functions-framework",
        goal=10,
        figure=_to("url", "framework"),
    ),
    Promise(
        said="calls/s, to serverless-offline",
        chinese="每秒调用数，对 serverless-offline",
        goal=5,
        figure=_to("url", "offline"),
    ),
    Promise(
        said="calls/s, to functions-framework in ASGI mode",
        chinese="每秒调用数，对 ASGI 模式的 functions-framework",
        goal=1,
        figure=_to("url", "framework-asgi"),
    ),
    Promise(
        said="the same with one instance",
        chinese="同上，一个实例",
        goal=0.8,
        figure=_to("url-one", "framework-asgi"),
    ),
    Promise(
        said="calls/s, to nginx before a minimal worker",
        chinese="每秒调用数，对 nginx 后接最小工作进程",
        goal=0.45,
        figure=_to("url", "nginx-worker"),
    ),
    Promise(
        said="p50 at one connection, to nginx before a minimal worker",
        chinese="一个连接时的 p50，对 nginx 后接最小工作进程",
        goal=1.6,
        figure=_to("url", "nginx-worker", P50, ONE),
        at_most=True,
    ),
    Promise(
        said="CPU of a call at one connection, to the same",
        chinese="一个连接时每次调用的 CPU，对同上",
        goal=2.2,
        figure=_to("url", "nginx-worker", CPU, ONE),
        at_most=True,
    ),
    Promise(
        said="CPU of a call at 64 connections, to the same",
        chinese="64 个连接时每次调用的 CPU，对同上",
        goal=2.2,
        figure=_to("url", "nginx-worker", CPU),
        at_most=True,
    ),
    Promise(
        said="p99 at one connection, to its p50",
        chinese="一个连接时的 p99，对其 p50",
        goal=3,
        figure=_tail,
        at_most=True,
    ),
    Promise(
        said="signed `InvokeFunction`, calls/s, to the function's URL",
        chinese="已签名的 `InvokeFunction`，每秒调用数，对函数 URL",
        goal=0.6,
        figure=_to("invoke", "url"),
    ),
    Promise(
        said="by weight, calls/s, to an alias with one version",
        chinese="按权重，每秒调用数，对只有一个版本的别名",
        goal=0.97,
        figure=_to("weight", "url"),
    ),
    Promise(
        said="by a rule, to the same",
        chinese="按规则，对同上",
        goal=0.97,
        figure=_to("rule", "url"),
    ),
    Promise(
        said="sticky, to the same",
        chinese="粘滞，对同上",
        goal=0.97,
        figure=_to("sticky", "url"),
    ),
    Promise(
        said="recording, calls/s, to a server that records nothing",
        chinese="带记录，每秒调用数，对什么都不记录的服务器",
        goal=0.95,
        figure=_to("url", "unrecorded"),
    ),
    Promise(
        said="among the most functions, calls/s, to one function",
        chinese="函数最多时，每秒调用数，对只有一个函数",
        goal=0.95,
        figure=_to("functions-many", "url"),
    ),
    Promise(
        said="good answers at four times the capacity, to the peak",
        chinese="四倍于容量时的成功应答，对峰值",
        goal=0.9,
        figure=_goodput,
    ),
    Promise(
        said="from an alias's change to its effect, p99",
        chinese="从别名变更到生效，p99",
        goal=10,
        figure=_effect,
        at_most=True,
        unit=" ms",
    ),
)
