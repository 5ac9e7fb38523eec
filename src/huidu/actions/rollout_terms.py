"""What may be asked of a rollout, beside who and where."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from huidu.actions.action import Wire

Share = Annotated[float, Meta(description="A share of the calls, from 0 to 1.")]


class BudgetTerms(Wire):
    """How much harm may be done before the version is proven; 0 sets no limit."""

    failures: Annotated[int, Meta(description="So many of its calls may fail.")] = 0
    keys: Annotated[int, Meta(description="So many distinct sticky keys may meet it.")] = 0


class GateTerms(Wire):
    """What must say yes before the version may have a share, or more."""

    weight: Share
    kind: Annotated[str, Meta(description="approval or webhook.")] = "approval"
    url: Annotated[str, Meta(description="Of a webhook: posted to until it answers 2xx.")] = ""
    secret: Annotated[
        str, Meta(description="The key of its signatures, if they are to be; never shown again.")
    ] = ""


class GateFacts(Wire):
    """What must say yes before the version may have a share, or more."""

    weight: Share
    kind: str
    url: str
    signed: Annotated[bool, Meta(description="Whether what is posted there is signed.")]


class MetricTerms(Wire):
    """A number that the function reports, and how much worse the version's may be."""

    name: Annotated[str, Meta(description="`memory`, `init`, or a name of your own.")]
    field: Annotated[
        str, Meta(description="Where it is in a line of JSON that is printed, or in the result.")
    ] = ""
    direction: Annotated[str, Meta(description="lower or higher: which is better.")] = "lower"
    quantile: Annotated[float, Meta(description="From the good end.")] = 0.5
    ratio: Annotated[float, Meta(description="So many times worse is tolerated,")] = 1.2
    slack: Annotated[float, Meta(description="and so much more.")] = 0.0


class Tolerance(Wire):
    """What is tolerated, and how sure the judge is to be. Left out: as documented."""

    false_alarm: Annotated[float, Meta(description="Taken back although no worse: 0.01.")] = 0.01
    miss: Annotated[float, Meta(description="Let pass although worse: 0.05.")] = 0.05
    error_ratio: Annotated[float, Meta(description="So many times the errors: 1.1.")] = 1.1
    error_margin: Annotated[float, Meta(description="and so much more: 0.0005.")] = 0.0005
    least_errors: Annotated[int, Meta(description="Fewer prove nothing: 3.")] = 3
    slower: Annotated[float, Meta(description="So many times the duration: 1.2.")] = 1.2
    slack_ms: Annotated[float, Meta(description="and so much more: 5.")] = 5.0
    max_extra: Annotated[float, Meta(description="So many calls more may fail, of all: 0.005.")] = (
        0.005
    )
    failures_per_minute: Annotated[float, Meta(description="or so many a minute: 5.")] = 5.0
    dwell: Annotated[float, Meta(description="Seconds at each weight at least: 60.")] = 60.0
    last_step: Annotated[float, Meta(description="Seconds at the last before all: 300.")] = 300.0
    least_calls: Annotated[int, Meta(description="Of the version, at each weight: 20.")] = 20
    design_effect: Annotated[
        float, Meta(description="How many calls fail together where nothing tells: 1.")
    ] = 1.0
