"""The tables of access keys and sign-ins, as SQLAlchemy knows them."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Table, Text

from huidu.store.tables import CATALOG

ACCESS_KEY = Table(
    "access_key",
    CATALOG,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("seal", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("added_by", Text, nullable=False),
    Column("added_at", Float, nullable=False),
    Column("modified_at", Float, nullable=False),
    Column("used_at", Float, nullable=False),
)

SESSION = Table(
    "console_session",
    CATALOG,
    Column("id", Text, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("seal", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("began_at", Float, nullable=False),
    Column("used_at", Float, nullable=False),
    Column("source_ip", Text, nullable=False),
)

LINK = Table(
    "console_link",
    CATALOG,
    Column("id", Text, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("seal", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("until", Float, nullable=False),
)
