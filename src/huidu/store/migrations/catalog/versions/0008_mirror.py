"""Mirrors of aliases, and the functions that are safe to be called twice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def upgrade() -> None:
    """Make the tables."""
    function_id = sa.ForeignKey("function.id", ondelete="CASCADE")
    op.create_table(
        "mirror_mark",
        sa.Column("function_id", sa.Text(), function_id, primary_key=True, nullable=False),
        *_texts("who", "why"),
        sa.Column("at", sa.Float(), nullable=False),
    )
    op.create_table(
        "mirror",
        sa.Column("function_id", sa.Text(), primary_key=True, nullable=False),
        sa.Column("alias", sa.Text(), primary_key=True, nullable=False),
        *_texts("id", "version", "body", "findings"),
        sa.Column("ended_at", sa.Float(), nullable=False),
        *_texts("end"),
        sa.ForeignKeyConstraint(
            ["function_id", "alias"], ["alias.function_id", "alias.name"], ondelete="CASCADE"
        ),
    )
