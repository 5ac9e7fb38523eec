"""Indexes for lists of functions: a page of ten thousand is read without sorting them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the indexes."""
    for name, column in (("function_by_age", "added_at"), ("function_by_change", "modified_at")):
        op.create_index(name, "function", ["namespace", sa.text(f"{column} DESC"), "name"])
