"""Rollouts: versions on their way to all calls of an alias, and what was found out of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

TEXTS = ("namespace", "function", "alias", "stable", "candidate", "owner", "reason")
MORE_TEXTS = ("terms", "body")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "rollout",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column(
            "function_id",
            sa.Text(),
            sa.ForeignKey("function.id", ondelete="CASCADE"),
            nullable=False,
        ),
        *_texts(*TEXTS, "state"),
        sa.Column("owning", sa.Boolean(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=False),
        *_texts(*MORE_TEXTS),
        sa.Column("evidence", sa.Text(), nullable=False, server_default=""),
        sa.Column("report", sa.Text(), nullable=False, server_default=""),
    )
    op.create_index("rollout_of_alias", "rollout", ["function_id", "alias", "began_at"])
    op.create_index("rollout_by_start", "rollout", ["began_at"])
