"""What there is of instances, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from huidu.model.alias import Alias
from huidu.model.function import FunctionName
from huidu.model.sharing import Tenant
from huidu.model.standing import Standing

VERSION = ("namespace", "function", "version")


class Gauges(Collector):
    """What there is of instances, by function and version, and what is put around them."""

    def __init__(
        self,
        standings: Callable[[], Sequence[Standing]],
        sandbox: Mapping[str, str],
        most_instances: int,
    ) -> None:
        self._standings = standings
        self._most_instances = most_instances
        self._sandbox = sandbox

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics as they are now."""
        instances = GaugeMetricFamily(
            "huidu_instances", "Instances: starting, idle or busy.", labels=(*VERSION, "state")
        )
        waiting = GaugeMetricFamily(
            "huidu_waiting_calls", "Calls that wait for an instance.", labels=VERSION
        )
        provisioned = GaugeMetricFamily(
            "huidu_provisioned_instances",
            "Provisioned instances: wanted, and ready of them.",
            labels=(*VERSION, "state"),
        )
        # More than one of a version: $LATEST, as it is and as it was.
        for labels, standing in _by_version(self._standings()).items():
            for state in ("starting", "idle", "busy"):
                instances.add_metric((*labels, state), getattr(standing, state))
            waiting.add_metric(labels, standing.waiting)
            if standing.provisioned:
                provisioned.add_metric((*labels, "wanted"), standing.provisioned)
                provisioned.add_metric((*labels, "ready"), standing.available)
        yield from (instances, waiting, provisioned)
        yield GaugeMetricFamily(
            "huidu_instances_limit",
            "How many instances there may be, over all functions.",
            value=self._most_instances,
        )
        yield InfoMetricFamily(
            "huidu_sandbox", "What is put around functions.", dict(self._sandbox)
        )


class Processes(Collector):
    """How many processes answer at the gateway."""

    def __init__(self, there_are: Callable[[], int], restarts: Callable[[], int]) -> None:
        self._there_are = there_are
        self._restarts = restarts

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics as they are now."""
        yield GaugeMetricFamily(
            "huidu_gateway_processes",
            "Processes that take connections at the gateway, the server's own among them.",
            value=self._there_are(),
        )
        yield CounterMetricFamily(
            "huidu_gateway_restarts",
            "Processes of the gateway that ended and were started anew.",
            value=self._restarts(),
        )


class Reservations(Collector):
    """What functions have of the concurrency for themselves."""

    def __init__(self, reserved: Callable[[], Sequence[tuple[FunctionName, Tenant]]]) -> None:
        self._reserved = reserved

    def collect(self) -> Iterable[Metric]:
        """Yield the metric as it is now."""
        reserved = GaugeMetricFamily(
            "huidu_reserved_concurrency_mb",
            "Reserved concurrency: reserved, and what the instances of the function have of it.",
            labels=("namespace", "function", "state"),
        )
        for named, tenant in self._reserved():
            mb = tenant.reserved.mb if tenant.reserved else 0
            reserved.add_metric((named.namespace, named.name, "reserved"), mb)
            reserved.add_metric((named.namespace, named.name, "used"), tenant.used_mb)
        yield reserved


class Deliveries(Collector):
    """What became of what happened on its way to webhooks."""

    def __init__(self, results: Mapping[tuple[str, str], int], pending: Mapping[str, int]) -> None:
        self._results = results
        self._pending = pending

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics as they are now. Webhooks that are gone are not among them."""
        tries = CounterMetricFamily(
            "huidu_webhook_deliveries",
            "Tries to deliver an event to a webhook: delivered, failed, or dead (given up).",
            labels=("webhook", "result"),
        )
        pending = GaugeMetricFamily(
            "huidu_webhook_pending", "Events that wait for a webhook.", labels=("webhook",)
        )
        there = dict(self._pending)
        for (webhook, result), count in list(self._results.items()):
            if webhook in there:
                tries.add_metric((webhook, result), count)
        for webhook, count in there.items():
            pending.add_metric((webhook,), count)
        yield from (tries, pending)


class Queued(Collector):
    """How many events nobody has run to their end yet, and what became of attempts at them."""

    def __init__(
        self,
        waiting: Callable[[], Mapping[FunctionName, int]],
        dead: Callable[[], Mapping[FunctionName, int]],
        results: Mapping[str, int],
    ) -> None:
        self._waiting = waiting
        self._dead = dead
        self._results = results

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics as they are now."""
        for name, what, counts in (
            ("huidu_events_waiting", "Asynchronous calls that wait or run.", self._waiting()),
            ("huidu_events_dead", "Asynchronous calls that were given up.", self._dead()),
        ):
            gauge = GaugeMetricFamily(name, what, labels=VERSION[:2])
            for named, count in list(counts.items()):
                gauge.add_metric((named.namespace, named.name), count)
            yield gauge
        attempts = CounterMetricFamily(
            "huidu_event_attempts",
            "Attempts at asynchronous calls, by what came of the call: finished, delayed (it is "
            "tried again), dead (given up) or aborted.",
            labels=("result",),
        )
        for result, count in list(self._results.items()):
            attempts.add_metric((result,), count)
        yield attempts


class Ticks(Collector):
    """What became of the ticks of timers."""

    def __init__(self, results: Mapping[str, int]) -> None:
        self._results = results

    def collect(self) -> Iterable[Metric]:
        """Yield the metric as it is now."""
        ticks = CounterMetricFamily(
            "huidu_timer_ticks",
            "Ticks of timers: fired; passed_over counts how often some were missed for good.",
            labels=("result",),
        )
        for result in ("fired", "passed_over"):
            ticks.add_metric((result,), self._results.get(result, 0))
        yield ticks


class Onward(Collector):
    """What was sent on from asynchronous events that have ended."""

    def __init__(self, sent: Mapping[str, int]) -> None:
        self._sent = sent

    def collect(self) -> Iterable[Metric]:
        """Yield the metric as it is now."""
        sent = CounterMetricFamily(
            "huidu_destinations",
            "Asynchronous calls that went on to a function or a webhook; too_deep: not run, for it "
            "looks like a loop; full: not run, for the room to wait in was taken; lost: to a "
            "webhook that is gone or closed.",
            labels=("result",),
        )
        for result in ("function", "webhook", "too_deep", "full", "lost"):
            sent.add_metric((result,), self._sent.get(result, 0))
        yield sent


class Denials(Collector):
    """Who was not let in at the gateway; such requests reach no function and leave no record."""

    def __init__(self, denied: Mapping[str, int]) -> None:
        self._denied = denied

    def collect(self) -> Iterable[Metric]:
        """Yield the metric as it is now."""
        denied = CounterMetricFamily(
            "huidu_gateway_denied", "Requests that were not let in, by reason.", labels=("reason",)
        )
        for reason, count in list(self._denied.items()):
            denied.add_metric([reason], count)
        yield denied


class Releases(Collector):
    """Which versions share the calls of an alias, so that a rule can tell who is new."""

    def __init__(self, shared: Callable[[], Iterable[Alias]]) -> None:
        self._shared = shared

    def collect(self) -> Iterable[Metric]:
        """Yield the metric as it is now; nothing of an alias that leads to one version alone."""
        weights = GaugeMetricFamily(
            "huidu_alias_weight",
            "What a version is to get of an alias's calls by weight, where several share them.",
            labels=("namespace", "function", "alias", "version", "role"),
        )
        for alias in list(self._shared()):
            by_weight = {share.version: share.fraction for share in alias.shares}
            for version in sorted(alias.versions):
                role = "main" if version == alias.version else "additional"
                named = alias.function
                labels = (named.namespace, named.name, alias.name, version, role)
                weights.add_metric(labels, by_weight.get(version, 0.0))
        yield weights


def _by_version(standings: Iterable[Standing]) -> Mapping[tuple[str, str, str], Standing]:
    found: dict[tuple[str, str, str], Standing] = {}
    for one in standings:
        labels = (one.function.namespace, one.function.name, one.number)
        found[labels] = one.and_also(found[labels]) if labels in found else one
    return found
