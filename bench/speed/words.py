"""Words: what tables and the page say, in English and in Chinese, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.speed.ways import CEILING, OURS, PEER, Way

ENGLISH, CHINESE = "en", "zh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One language."""

    groups: Mapping[str, str]
    ways: Sequence[str]  #: Headings, as below.
    promises: Sequence[str]
    kept: str
    missed: str
    unknown: str
    void: str
    figures: Sequence[str]
    machine: str
    versions: str
    missing: str
    cold: str
    update: str
    effect: str
    peak: str
    good: str
    refused: str


WORDS: Mapping[str, Words] = {
    ENGLISH: Words(
        groups={CEILING: "what bounds all", OURS: "Huidu", PEER: "others"},
        ways=(
            "way",
            "conns",
            "calls/s",
            "min…max",
            "CPU µs",
            "p50 µs (1)",
            "p99 µs (1)",
            "CPU µs (1)",
        ),
        promises=("what was promised", "goal", "figure", ""),
        kept="ok",
        missed="not",
        unknown="not measured",
        void="void: {errors} errors",
        figures=("what", "middle", "p99"),
        machine="{date}: {cores} cores ({processor}), {memory}, {kernel}; "
        "{rounds} rounds, turns of {seconds} s.",
        versions="Versions: {versions}.",
        missing="Not measured: {name}: {why}",
        cold="cold start of {language}, ms ({plain} for the interpreter alone)",
        update="`UpdateAlias` until its answer, ms; functions deployed: {functions}",
        effect="the same, from its answer to its effect, ms",
        peak="a handler of {ms} ms on two instances, answers/s at the peak, and their p99 in ms",
        good="the same with {offered} calls/s offered, of which {share} were refused",
        refused="those refused: how many a second, and after how long, p99 in ms",
    ),
    CHINESE: Words(
        groups={CEILING: "上限", OURS: "Huidu", PEER: "其他"},
        ways=(
            "方式",
            "连接数",
            "每秒调用数",
            "最小…最大",
            "CPU µs",
            "p50 µs (1)",
            "p99 µs (1)",
            "CPU µs (1)",
        ),
        promises=("承诺", "目标", "结果", ""),
        kept="达到",
        missed="未达到",
        unknown="未测量",
        void="无效：{errors} 个错误",
        figures=("内容", "中位数", "p99"),
        machine="{date}：{cores} 核（{processor}），{memory}，{kernel}；"
        "{rounds} 轮，每次 {seconds} 秒。",
        versions="版本：{versions}。",
        missing="未测量：{name}：{why}",
        cold="{language} 的冷启动，毫秒（只启动解释器为 {plain}）",
        update="`UpdateAlias` 到应答为止，毫秒；已部署的函数：{functions}",
        effect="同上，从应答到生效，毫秒",
        peak="处理函数耗时 {ms} 毫秒、两个实例，峰值时每秒应答数，及其 p99（毫秒）",
        good="同上，每秒送来 {offered} 次调用，其中 {share} 被拒绝",
        refused="被拒绝的：每秒多少次，多久之后（p99，毫秒）",
    ),
}


def named(way: Way, language: str, functions: int) -> str:
    """Return what a way is called."""
    said = way.said if language == ENGLISH else way.chinese
    return said.replace("{functions}", f"{functions:,}")
