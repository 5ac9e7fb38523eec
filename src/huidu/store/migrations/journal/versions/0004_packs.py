"""Records that are kept together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "pack",
        sa.Column("first", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("function_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("low_started", sa.Float(), nullable=False),
        sa.Column("high_started", sa.Float(), nullable=False),
        sa.Column("low_duration", sa.Float(), nullable=False),
        sa.Column("high_duration", sa.Float(), nullable=False),
        sa.Column("low_memory", sa.Integer(), nullable=False),
        sa.Column("high_memory", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )
    op.create_index("pack_by_end", "pack", ["function_id", "high_started", "first"])
    op.create_index("pack_by_start", "pack", ["function_id", "low_started", "first"])
