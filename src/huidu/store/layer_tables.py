"""The tables of layers, as SQLAlchemy knows them."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, ForeignKeyConstraint, Integer, Table, Text

from huidu.store.tables import CATALOG

#: Stays when its versions are gone, so that no number is ever used twice.
LAYER = Table(
    "layer",
    CATALOG,
    Column("name", Text, primary_key=True),
    Column("next_number", Integer, nullable=False),
)

LAYER_VERSION = Table(
    "layer_version",
    CATALOG,
    Column("name", Text, ForeignKey("layer.name"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("code_sha256", Text, nullable=False),
    Column("code_bytes", Integer, nullable=False),
    Column("runtimes", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("license", Text, nullable=False),
    Column("added_at", Float, nullable=False),
)

#: The packages that a version of a function needs beside its own; its configuration names them.
LAYER_USE = Table(
    "layer_use",
    CATALOG,
    Column("function_id", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("code_sha256", Text, primary_key=True),
    ForeignKeyConstraint(
        ["function_id", "version"], ["version.function_id", "version.number"], ondelete="CASCADE"
    ),
)
