"""The tables of the gateway: services, their APIs, what is released of them, and where."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from huidu.store.tables import CATALOG


def _service_id() -> Column[str]:
    return Column(
        "service_id", Text, ForeignKey("service.id", ondelete="CASCADE"), primary_key=True
    )


SERVICE = Table(
    "service",
    CATALOG,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, index=True),
    Column("protocol", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("net_types", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("added_at", Float, nullable=False),
    Column("modified_at", Float, nullable=False),
)

API = Table(
    "api",
    CATALOG,
    Column("id", Text, primary_key=True),
    Column("service_id", Text, ForeignKey("service.id", ondelete="CASCADE"), nullable=False),
    Column("path", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("function", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("added_at", Float, nullable=False),
    UniqueConstraint("service_id", "path", "method", name="api_asked_for"),
    Index("api_by_function", "namespace", "function"),
)

RELEASE = Table(
    "release",
    CATALOG,
    _service_id(),
    Column("name", Text, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("description", Text, nullable=False),
    Column("protocol", Text, nullable=False),
    Column("apis", Text, nullable=False),
    Column("released_at", Float, nullable=False),
)

#: Which function an API of a release calls, so that nobody need read all releases to know.
RELEASED_API = Table(
    "released_api",
    CATALOG,
    Column("service_id", Text, primary_key=True),
    Column("release", Text, primary_key=True),
    Column("api_id", Text, primary_key=True),
    Column("namespace", Text, nullable=False),
    Column("function", Text, nullable=False),
    Column("qualifier", Text, nullable=False),
    ForeignKeyConstraint(
        ["service_id", "release"], ["release.service_id", "release.name"], ondelete="CASCADE"
    ),
    Index("released_api_by_function", "namespace", "function"),
)

ENVIRONMENT = Table(
    "environment",
    CATALOG,
    _service_id(),
    Column("name", Text, primary_key=True),
    Column("release", Text, nullable=False),
    Column("online", Boolean, nullable=False),
    Column("changed_at", Float, nullable=False),
)

SWITCH = Table(
    "environment_history",
    CATALOG,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("service_id", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("release", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("moved", Text, nullable=False),
    Index("history_of_environment", "service_id", "environment", "number"),
)
