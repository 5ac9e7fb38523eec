"""Said: a call's attributes, by the conventions for functions, and by names of ours beyond them."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from huidu.model.invocation import Record

SCOPE = InstrumentationScope("huidu")
#: https://opentelemetry.io/docs/specs/semconv/attributes-registry/faas/
NAME, VERSION, INSTANCE = "faas.name", "faas.version", "faas.instance"
TRIGGER, COLD = "faas.trigger", "faas.coldstart"
INVOCATION, MEMORY = "faas.invocation_id", "faas.max_memory"
NAMESPACE, ALIAS, QUALIFIER = "huidu.namespace", "huidu.alias", "huidu.qualifier"
REASON, PROBABILITY = "huidu.routing.reason", "huidu.routing.probability"
STATUS, RETRY, ROOT = "huidu.status", "huidu.retry_number", "huidu.root_request_id"

#: What the conventions call the ways to be called; what they do not know is `other`.
TRIGGERS: Mapping[str, str] = {"http": "http", "apigw": "http", "timer": "timer"}


def resource(version: str, instance_id: str) -> Resource:
    """Return what all that this process tells is told of; the usual variables have the last word.

    One server runs many functions, so these are not resources: each call says which it was.
    """
    ours = {
        "service.name": "huidu",
        "service.version": version,
        "service.instance.id": instance_id,
    }
    return Resource(ours).merge(OTELResourceDetector().detect())


def attributes(record: Record) -> dict[str, str | int | float | bool]:
    """Return what is said of a call wherever it is spoken of."""
    named = {
        NAME: record.function.name,
        VERSION: record.version,
        NAMESPACE: record.function.namespace,
        ALIAS: record.alias,
        INSTANCE: record.instance,
        INVOCATION: record.request_id,
    }
    return {name: value for name, value in named.items() if value} | {STATUS: record.status}


def more(record: Record) -> dict[str, str | int | float | bool]:
    """Return what a span says beside that."""
    said: dict[str, str | int | float | bool] = {
        TRIGGER: TRIGGERS.get(record.trigger, "other"),
        COLD: record.cold,
        MEMORY: record.memory_mb << 20,
        QUALIFIER: record.qualifier,
        REASON: record.reason,
        PROBABILITY: record.probability,
    }
    if record.retry_number:
        said[RETRY] = record.retry_number
    if record.root_request_id != record.request_id:
        said[ROOT] = record.root_request_id
    return said
