"""The exposition: what Prometheus reads of calls and instances."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from huidu.model.function import FunctionName
from huidu.model.routing import Share, Weighted
from huidu.model.sharing import Reserved, Tenant
from huidu.model.standing import Standing
from huidu.observe.exposition import Denials, Gauges, Queued, Releases, Reservations, Ticks
from tests.fakes_store import alias

HELLO = FunctionName("default", "hello")
OF_ONE = 'function="hello",namespace="default"'


def standing(number: str = "1", **more: Any) -> Standing:
    return Standing(function=HELLO, function_id="f-1", number=number, **more)


def told(*standings: Standing) -> set[str]:
    registry = CollectorRegistry()
    registry.register(Gauges(lambda: standings, {"tier": "sandbox", "network": "none"}, 200))
    lines = generate_latest(registry).decode().splitlines()
    return {line for line in lines if not line.startswith("#")}


def test_the_instances_of_a_version_are_told_by_their_state() -> None:
    lines = told(standing(starting=1, idle=2, busy=3, waiting=4))

    for state, count in (("starting", 1), ("idle", 2), ("busy", 3)):
        assert f'huidu_instances{{{OF_ONE},state="{state}",version="1"}} {count}.0' in lines
    assert f'huidu_waiting_calls{{{OF_ONE},version="1"}} 4.0' in lines
    assert not any("provisioned" in line for line in lines)


def test_what_is_provisioned_is_told_with_what_of_it_is_ready() -> None:
    lines = told(standing(provisioned=3, idle=1))

    for state, count in (("wanted", 3), ("ready", 1)):
        line = f'huidu_provisioned_instances{{{OF_ONE},state="{state}",version="1"}} {count}.0'
        assert line in lines


def test_latest_as_it_is_and_as_it_was_is_one() -> None:
    lines = told(standing("$LATEST", idle=1), standing("$LATEST", idle=1, busy=1, waiting=2))

    assert f'huidu_instances{{{OF_ONE},state="idle",version="$LATEST"}} 2.0' in lines
    assert f'huidu_waiting_calls{{{OF_ONE},version="$LATEST"}} 2.0' in lines


def test_the_walls_around_functions_are_told_where_there_are_none_yet_too() -> None:
    assert told() == {
        'huidu_sandbox_info{network="none",tier="sandbox"} 1.0',
        "huidu_instances_limit 200.0",
    }


def test_who_shares_the_calls_of_an_alias_is_told_and_who_of_them_is_new() -> None:
    routing = Weighted((Share("2", 1000), Share("3", 0)))
    registry = CollectorRegistry()
    registry.register(Releases(lambda: [alias("release", at="1", routing=routing)]))
    lines = generate_latest(registry).decode().splitlines()

    of = 'alias="release",function="hello",namespace="default"'
    assert [line for line in lines if not line.startswith("#")] == [
        f'huidu_alias_weight{{{of},role="main",version="1"}} 0.9',
        f'huidu_alias_weight{{{of},role="additional",version="2"}} 0.1',
        f'huidu_alias_weight{{{of},role="additional",version="3"}} 0.0',
    ]


def test_what_waits_and_what_was_given_up_is_told_by_function() -> None:
    named = FunctionName("default", "hello")
    registry = CollectorRegistry()
    registry.register(Queued(lambda: {named: 3}, lambda: {named: 1}, {"finished": 7, "dead": 1}))
    lines = generate_latest(registry).decode().splitlines()

    assert 'huidu_events_waiting{function="hello",namespace="default"} 3.0' in lines
    assert 'huidu_events_dead{function="hello",namespace="default"} 1.0' in lines
    assert 'huidu_event_attempts_total{result="finished"} 7.0' in lines


def test_who_was_not_let_in_is_counted_by_reason() -> None:
    registry = CollectorRegistry()
    registry.register(Denials({"rate": 3, "address": 1}))
    lines = generate_latest(registry).decode().splitlines()

    assert 'huidu_gateway_denied_total{reason="rate"} 3.0' in lines
    assert 'huidu_gateway_denied_total{reason="address"} 1.0' in lines


def test_ticks_of_timers_are_told_by_what_became_of_them() -> None:
    registry = CollectorRegistry()
    registry.register(Ticks({"fired": 3}))

    assert registry.get_sample_value("huidu_timer_ticks_total", {"result": "fired"}) == 3
    assert registry.get_sample_value("huidu_timer_ticks_total", {"result": "passed_over"}) == 0


def test_what_is_reserved_is_told_beside_what_is_used_of_it() -> None:
    registry = CollectorRegistry()
    tenant = Tenant(instances=2, used_mb=256, reserved=Reserved(mb=512, unit_mb=128))
    registry.register(Reservations(lambda: [(FunctionName("default", "shop"), tenant)]))

    def told(state: str) -> float | None:
        labels = {"namespace": "default", "function": "shop", "state": state}
        return registry.get_sample_value("huidu_reserved_concurrency_mb", labels)

    assert (told("reserved"), told("used")) == (512, 256)
