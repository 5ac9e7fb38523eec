"""The tables of who may call the gateway's APIs, as SQLAlchemy knows them."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, Table, Text

from huidu.store.tables import CATALOG

KEY = Table(
    "api_key",
    CATALOG,
    Column("id", Text, primary_key=True),
    Column("secret", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("manual", Boolean, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("added_at", Float, nullable=False),
    Column("modified_at", Float, nullable=False),
)

PLAN = Table(
    "usage_plan",
    CATALOG,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("rate_per_s", Integer, nullable=False),
    Column("quota", Integer, nullable=False),
    Column("used", Integer, nullable=False),
    Column("added_at", Float, nullable=False),
    Column("modified_at", Float, nullable=False),
)

PLAN_KEY = Table(
    "usage_plan_key",
    CATALOG,
    Column("plan_id", Text, ForeignKey("usage_plan.id", ondelete="CASCADE"), primary_key=True),
    Column("key_id", Text, ForeignKey("api_key.id"), primary_key=True),
    Column("added_at", Float, nullable=False),
    Index("usage_plan_by_key", "key_id"),
)

# Neither services nor APIs are foreign keys here: who deletes one says so (`forget_service`).
PLAN_PLACE = Table(
    "usage_plan_place",
    CATALOG,
    Column("plan_id", Text, ForeignKey("usage_plan.id", ondelete="CASCADE"), primary_key=True),
    Column("service_id", Text, primary_key=True),
    Column("api_id", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    Column("added_at", Float, nullable=False),
    Index("usage_plan_by_place", "service_id", "api_id", "environment"),
)

LIMIT = Table(
    "gateway_limit",
    CATALOG,
    Column("service_id", Text, primary_key=True),
    Column("api_id", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    Column("rate_per_s", Integer, nullable=False),
)

STRATEGY = Table(
    "ip_strategy",
    CATALOG,
    Column("id", Text, primary_key=True),
    Column("service_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("added_at", Float, nullable=False),
    Column("modified_at", Float, nullable=False),
    Index("ip_strategy_of_service", "service_id"),
)

STRATEGY_PLACE = Table(
    "ip_strategy_place",
    CATALOG,
    Column("strategy_id", Text, ForeignKey("ip_strategy.id", ondelete="CASCADE"), nullable=False),
    Column("service_id", Text, primary_key=True),
    Column("api_id", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
)
