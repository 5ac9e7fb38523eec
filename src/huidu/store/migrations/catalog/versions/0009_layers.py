"""Layers, their versions, and who needs their packages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "layer",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("next_number", sa.Integer(), nullable=False),
    )
    op.create_table(
        "layer_version",
        sa.Column("name", sa.Text(), sa.ForeignKey("layer.name"), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("code_sha256", sa.Text(), nullable=False),
        sa.Column("code_bytes", sa.Integer(), nullable=False),
        sa.Column("runtimes", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("license", sa.Text(), nullable=False),
        sa.Column("added_at", sa.Float(), nullable=False),
    )
    op.create_table(
        "layer_use",
        sa.Column("function_id", sa.Text(), primary_key=True),
        sa.Column("version", sa.Text(), primary_key=True),
        sa.Column("code_sha256", sa.Text(), primary_key=True),
        sa.ForeignKeyConstraint(
            ["function_id", "version"],
            ["version.function_id", "version.number"],
            ondelete="CASCADE",
        ),
    )
