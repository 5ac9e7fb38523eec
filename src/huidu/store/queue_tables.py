"""The tables of events that nobody waits for, as SQLAlchemy knows them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)

from huidu.store.tables import CATALOG


def _where(state: str) -> dict[str, Any]:
    """Index only what is in a state: finding what is due costs the same beside a million others."""
    condition = text(f"state = '{state}'")
    return {"sqlite_where": condition, "postgresql_where": condition}


def _empty(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _zero(name: str, kind: Any) -> Column[Any]:  # noqa: ANN401 - a type of SQL
    return Column(name, kind, nullable=False, server_default="0")


#: Events: to be run, given up, and what became of those that are over.
QUEUED = Table(
    "async_event",
    CATALOG,
    Column("sequence", Integer, primary_key=True),
    Column("request_id", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("function", Text, nullable=False),
    Column("function_id", Text, nullable=False),
    Column("qualifier", Text, nullable=False),
    Column("routing_key", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("traceparent", Text, nullable=False),
    Column("tracestate", Text, nullable=False),
    Column("accepted_at", Float, nullable=False),
    Column("since", Float, nullable=False),
    Column("state", Text, nullable=False),
    _zero("attempts", Integer),
    _zero("failures", Integer),
    _zero("next_at", Float),
    _empty("owner"),
    _zero("leased_until", Float),
    Column("stopping", Boolean, nullable=False, server_default="0"),
    _empty("version"),
    _zero("status", Integer),
    _empty("error"),
    _zero("ended_at", Float),
    _zero("redriven", Integer),
    _empty("history"),
    _empty("log"),
    Column("event", LargeBinary, nullable=False),
    _zero("depth", Integer),  #: Events that led to it, each by the destination of the one before.
    Index("async_event_by_request", "request_id", unique=True),
    Index("async_event_of_function", "namespace", "function", "accepted_at"),
    Index("async_event_ready", "function_id", "since", **_where("ready")),
    Index("async_event_delayed", "next_at", **_where("delayed")),
    Index("async_event_running", "leased_until", **_where("running")),
    Index("async_event_dead", "namespace", "function", "ended_at", **_where("dead")),
)

#: How often events of a function are tried again, where that is not the usual.
EVENT_CONFIG = Table(
    "event_config",
    CATALOG,
    Column("function_id", Text, ForeignKey("function.id", ondelete="CASCADE"), primary_key=True),
    Column("retries", Integer, nullable=False),
    Column("ttl_s", Integer, nullable=False),
)

#: The aliases of which a retry stays on the version that had the event first.
RETRY_TARGET = Table(
    "retry_target",
    CATALOG,
    Column("function_id", Text, ForeignKey("function.id", ondelete="CASCADE"), primary_key=True),
    Column("alias", Text, primary_key=True),
    Column("target", Text, nullable=False),
)
