"""Metrics: what the cloud's monitoring knows of functions, worked out from what was counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from huidu.model.fault import Fault
from huidu.model.tally import Tally

KB, MB = 1024, 1 << 20
#: What `FunctionErrorPercentage` is of; the platform's share is `ServerErrorPercentage`.
OF_THE_FUNCTION = (Fault.USER, Fault.TIMEOUT, Fault.MEMORY)
ERRORS = (*OF_THE_FUNCTION, Fault.PLATFORM)


class Statistic(StrEnum):
    """How the values of several minutes become one."""

    SUM = "sum"
    AVERAGE = "avg"
    MOST = "max"
    LAST = "last"


@dataclass(frozen=True, slots=True)
class Metric:
    """A row of the table.

    `of` is told what was counted, and how many calls ran at once at most; it returns None where
    no call says anything.
    """

    statistic: Statistic
    unit: str
    meaning: str
    chinese: str
    of: Callable[[Tally, int], float | None]


def _count(*faults: Fault) -> Callable[[Tally, int], float | None]:
    return lambda tally, _: float(sum(tally.errors.get(fault, 0) for fault in faults))


def _statuses(first: int, last: int) -> Callable[[Tally, int], float | None]:
    return lambda tally, _: float(
        sum(count for status, count in tally.statuses if first <= status <= last)
    )


def _percent(*faults: Fault) -> Callable[[Tally, int], float | None]:
    counted = _count(*faults)
    return lambda tally, _: 100 * (counted(tally, 0) or 0.0) / tally.calls


def _of_what_ran(value: Callable[[Tally], float]) -> Callable[[Tally, int], float | None]:
    return lambda tally, _: value(tally) if tally.ran else None


SUM, AVERAGE, MOST, LAST = Statistic


def _quantile(share: float) -> Metric:
    """Durations of what versions are compared by; ours, the cloud has none."""
    percent = f"{share:.0%}"
    return Metric(
        AVERAGE,
        "ms",
        f"how long {percent} of the calls ran at most, of those that succeeded and were not cold",
        f"{percent} 的调用不超过的运行时间，只算成功且不是冷启动的",
        lambda tally, _: tally.steady.quantile(share) * 1000 if tally.steady.count else None,
    )


#: Section 8.3 of the specification (documents 248/37207 and 248/34638); one row for each metric.
METRICS: Mapping[str, Metric] = {
    "Invocation": Metric(SUM, "", "calls", "调用次数", lambda tally, _: float(tally.calls)),
    "Error": Metric(
        SUM,
        "",
        "calls that failed, not counting throttled ones",
        "错误次数，不含受限",
        _count(*ERRORS),
    ),
    "Throttle": Metric(SUM, "", "calls there was no room for", "受限次数", _count(Fault.THROTTLED)),
    "Syserr": Metric(SUM, "", "failures of the platform", "平台错误次数", _count(Fault.PLATFORM)),
    "Http2xx": Metric(
        SUM,
        "",
        "calls with a status of 200 to 299",
        "状态码为 200 至 299 的调用",
        _statuses(200, 299),
    ),
    "Http4xx": Metric(
        SUM,
        "",
        "calls with a status of 400 to 499",
        "状态码为 400 至 499 的调用",
        _statuses(400, 499),
    ),
    "Http432": Metric(SUM, "", "calls with status 432", "状态码为 432 的调用", _statuses(432, 432)),
    "Http433": Metric(SUM, "", "calls with status 433", "状态码为 433 的调用", _statuses(433, 433)),
    "Http434": Metric(SUM, "", "calls with status 434", "状态码为 434 的调用", _statuses(434, 434)),
    "FunctionErrorPercentage": Metric(
        AVERAGE, "%", "share of failures of the function", "函数错误率", _percent(*OF_THE_FUNCTION)
    ),
    "ServerErrorPercentage": Metric(
        AVERAGE, "%", "share of failures of the platform", "平台错误率", _percent(Fault.PLATFORM)
    ),
    "Duration": Metric(
        AVERAGE,
        "ms",
        "how long calls ran",
        "运行时间",
        _of_what_ran(lambda t: t.duration_us / 1000 / t.ran),
    ),
    "DurationP50": _quantile(0.5),
    "DurationP95": _quantile(0.95),
    "DurationP99": _quantile(0.99),
    "BillDuration": Metric(
        SUM,
        "ms",
        "durations, each rounded up",
        "计费时间，逐次向上取整",
        _of_what_ran(lambda t: float(t.billed_ms)),
    ),
    "ConcurrentExecutions": Metric(
        MOST, "", "calls that ran at once", "并发执行个数", lambda _, most: float(most)
    ),
    "Mem": Metric(
        MOST,
        "MB",
        "memory that was used",
        "运行内存",
        _of_what_ran(lambda t: t.most_memory_bytes / MB),
    ),
    "MemDuration": Metric(
        SUM,
        "MB·ms",
        "configured memory times duration",
        "配置内存乘以运行时间",
        _of_what_ran(lambda t: float(t.billed_mb_ms)),
    ),
    "ConfigMem": Metric(
        LAST, "MB", "configured memory", "配置内存", _of_what_ran(lambda t: float(t.most_memory_mb))
    ),
    "OutFlow": Metric(
        SUM, "KB", "what was answered", "返回的流量", lambda tally, _: tally.result_bytes / KB
    ),
    "DlqFailedNum": Metric(
        SUM,
        "",
        "events that no dead-letter queue could take",
        "无法写入死信队列的事件数",
        lambda tally, _: 0.0,
    ),
}
