"""Ways: every way to the handler that is measured, one row each, in the order of the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CEILING, PEER, OURS = "ceiling", "peer", "ours"
MANY, ONE, CROWD, FEW = 64, 1, 1000, 8
#: Ways that are held against each other to a few hundredths take turns this often as well.
CLOSE = 3
HANDLER = "handler"
#: serverless-offline starts a process or a thread for each call at once.
SLOW_S = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way, as it is named on the command line and in both languages."""

    name: str
    group: str
    said: str
    chinese: str
    place: str = ""  #: Where it leads: the name of an opener; its own where nothing is said.
    connections: Sequence[int] = (MANY, ONE)
    turns: int = 1  #: A round, of those over most connections.
    warm_s: float = 0.5  #: Twice: before its answers are looked into, and while they are.

    @property
    def at(self) -> str:
        """The opener's name."""
        return self.place or self.name

    @property
    def most(self) -> int:
        """Over how many connections its calls a second are told."""
        return self.connections[0]


def key(name: str, connections: int) -> str:
    """Return what the measurements of a way are kept under."""
    return f"{name}@{connections}"


def _ours(name: str, said: str, chinese: str, place: str = "two", **more: object) -> Way:
    given = {"connections": (MANY,), **more}
    return Way(name=name, group=OURS, said=said, chinese=chinese, place=place, **given)  # type: ignore[arg-type]


def _peer(name: str, said: str, chinese: str, warm_s: float = 0.5) -> Way:
    return Way(name=name, group=PEER, said=said, chinese=chinese, warm_s=warm_s)


def _ceiling(name: str, said: str, chinese: str) -> Way:
    return Way(name=name, group=CEILING, said=said, chinese=chinese)


BOTH = (MANY, ONE)
WAYS: Sequence[Way] = (
    Way(
        name=HANDLER,
        group=CEILING,
        said="the handler, called in a loop",
        chinese="在循环中直接调用处理函数",
        connections=(0,),
    ),
    _ceiling("nginx-static", "nginx, an answer of its own", "nginx，静态应答"),
    _ceiling("nginx-worker", "nginx, one minimal worker behind it", "nginx，后接一个最小工作进程"),
    _ceiling("nginx-workers", "nginx, two of them", "nginx，后接两个"),
    _ours("url", "Huidu, two instances", "Huidu，两个实例", connections=BOTH, turns=CLOSE),
    _ours("url-one", "Huidu, one instance", "Huidu，一个实例", "one", connections=BOTH),
    _ours("weight", "alias, by weight 90/10", "别名，按权重 90/10", turns=CLOSE),
    _ours("rule", "alias, by a rule that is met", "别名，按命中的规则", turns=CLOSE),
    _ours("sticky", "alias, by weight and sticky", "别名，按权重且粘滞", turns=CLOSE),
    _ours("unrecorded", "nothing counted or recorded", "不计数也不记录", "unrecorded", turns=CLOSE),
    _ours("functions-100", "among 100 functions", "共 100 个函数", "hundred", turns=CLOSE),
    _ours(
        "functions-many",
        "among {functions} functions",
        "共 {functions} 个函数",
        "many",
        turns=CLOSE,
    ),
    _ours("invoke", "`InvokeFunction`, signed", "已签名的 `InvokeFunction`", connections=BOTH),
    _ours("invoke-one", "the same, one instance", "同上，一个实例", "one"),
    _ours("url-1000", "1,000 connections", "1,000 个连接", connections=(CROWD,)),
    _ours("body-1kb", "a body of 1 kB", "1 kB 的请求体"),
    _ours("body-100kb", "a body of 100 kB", "100 kB 的请求体"),
    _ours("body-5mb", "a body of 5 MB", "5 MB 的请求体", connections=(FEW,)),
    _ours("node", "Huidu, Node.js", "Huidu，Node.js", connections=BOTH),
    _ours("web", "Huidu, a web function", "Huidu，Web 函数", connections=BOTH),
    _peer("framework-asgi", "functions-framework, ASGI", "functions-framework，ASGI"),
    _peer("workerd", "workerd", "workerd"),
    _peer("flask", "Flask under gunicorn, 2 × 4", "gunicorn 下的 Flask，2 × 4"),
    _peer("framework-node", "functions-framework, Node.js", "functions-framework，Node.js"),
    _peer("framework-two", "functions-framework, two processes", "functions-framework，两个进程"),
    _peer("framework", "functions-framework", "functions-framework"),
    _peer("offline", "serverless-offline, Python", "serverless-offline，Python", SLOW_S),
    _peer("offline-node", "serverless-offline, Node.js", "serverless-offline，Node.js", SLOW_S),
)
BY_NAME: Mapping[str, Way] = {way.name: way for way in WAYS}
