"""The tables of mirrors, as SQLAlchemy knows them."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, ForeignKeyConstraint, Table, Text

from huidu.store.tables import CATALOG

#: The functions that somebody has marked as safe to be called twice.
MARK = Table(
    "mirror_mark",
    CATALOG,
    Column("function_id", Text, ForeignKey("function.id", ondelete="CASCADE"), primary_key=True),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("at", Float, nullable=False),
)

MIRROR = Table(
    "mirror",
    CATALOG,
    Column("function_id", Text, primary_key=True),
    Column("alias", Text, primary_key=True),
    Column("id", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("findings", Text, nullable=False),
    Column("ended_at", Float, nullable=False),
    Column("end", Text, nullable=False),
    ForeignKeyConstraint(
        ["function_id", "alias"], ["alias.function_id", "alias.name"], ondelete="CASCADE"
    ),
)
