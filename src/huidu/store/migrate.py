"""Brings a database to the newest form of its tables."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

MIGRATIONS = Path(__file__).parent / "migrations"
TREES = ("catalog", "journal", "series")


def upgrade(connection: Connection, tree: str) -> None:
    """Run the migrations of `tree` (one of `TREES`) that the database has not seen."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS / tree))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
