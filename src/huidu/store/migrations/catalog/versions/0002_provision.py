"""How many instances a version is to have, and what was to be said of a move of an alias."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table, and the column."""
    op.create_table(
        "provision",
        sa.Column("function_id", sa.Text(), primary_key=True),
        sa.Column("number", sa.Text(), primary_key=True),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("modified_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["function_id", "number"],
            ["version.function_id", "version.number"],
            ondelete="CASCADE",
        ),
    )
    op.add_column(
        "alias_history", sa.Column("warning", sa.Text(), nullable=False, server_default="")
    )
