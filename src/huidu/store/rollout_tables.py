"""The table of rollouts, as SQLAlchemy knows it."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, Table, Text

from huidu.store.tables import CATALOG

ROLLOUT = Table(
    "rollout",
    CATALOG,
    Column("id", Text, primary_key=True),
    Column("function_id", Text, ForeignKey("function.id", ondelete="CASCADE"), nullable=False),
    Column("namespace", Text, nullable=False),
    Column("function", Text, nullable=False),
    Column("alias", Text, nullable=False),
    Column("stable", Text, nullable=False),
    Column("candidate", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("owning", Boolean, nullable=False),
    Column("weight", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("began_at", Float, nullable=False),
    Column("ended_at", Float, nullable=False),
    Column("terms", Text, nullable=False),
    Column("body", Text, nullable=False),
    #: What was found out so far: saved about once a second, and lost without harm.
    Column("evidence", Text, nullable=False, server_default=""),
    #: Why it was taken back, and what that was like.
    Column("report", Text, nullable=False, server_default=""),
    Index("rollout_of_alias", "function_id", "alias", "began_at"),
    Index("rollout_by_start", "began_at"),
)
