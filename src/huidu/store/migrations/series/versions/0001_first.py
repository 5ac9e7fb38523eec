"""The first tables of the time series."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "lane",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("function_id", sa.Text(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.UniqueConstraint("function_id", "alias", "version", name="one_of_each"),
    )
    op.create_table(
        "period",
        sa.Column("lane", sa.Integer(), primary_key=True),
        sa.Column("length_s", sa.Integer(), primary_key=True),
        sa.Column("start", sa.Integer(), primary_key=True),
        sa.Column("tally", sa.LargeBinary(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("period_by_start", "period", ["length_s", "start"])
    op.create_table(
        "folded",
        sa.Column("one", sa.Integer(), primary_key=True),
        sa.Column("minute", sa.Integer(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
    )
