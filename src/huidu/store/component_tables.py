"""The table of components, as SQLAlchemy knows it."""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, Table, Text

from huidu.store.tables import CATALOG

COMPONENT = Table(
    "component",
    CATALOG,
    Column("org", Text, primary_key=True),
    Column("app", Text, primary_key=True),
    Column("stage", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("outputs", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("deployments", Integer, nullable=False),
    Column("removals", Integer, nullable=False),
    Column("errors", Integer, nullable=False),
    Column("made_at", Float, nullable=False),
    Column("acted_at", Float, nullable=False),
    Column("deployed_at", Float, nullable=False),
)
