"""Indexes for lists of functions: a page of ten thousand is read without sorting them."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the indexes."""
    op.create_index("function_by_age", "function", ["namespace", "added_at"])
    op.create_index("function_by_change", "function", ["namespace", "modified_at"])
