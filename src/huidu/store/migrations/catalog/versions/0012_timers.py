"""Ticks of timers that were fired, reserved concurrency, and destinations of events."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the columns and the table; what has ticked so far counts as fired."""
    op.create_table(
        "reservation",
        _of_function(),
        sa.Column("mb", sa.Integer(), nullable=False),
        sa.Column("modified_at", sa.Float(), nullable=False),
    )
    op.create_table(
        "destination",
        _of_function(),
        sa.Column("side", sa.Text(), primary_key=True, nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("namespace", "function", "qualifier", "webhook_id")
        ),
    )
    op.add_column(
        "async_event", sa.Column("depth", sa.Integer(), nullable=False, server_default="0")
    )
    for column in (
        sa.Column("missed", sa.Text(), nullable=False, server_default="skip"),
        sa.Column("fired_at", sa.Float(), nullable=False, server_default="0"),
    ):
        op.add_column("trigger", column)
    op.execute(
        sa.text("UPDATE trigger SET fired_at = :now WHERE type = 'timer'").bindparams(
            now=time.time()
        )
    )


def _of_function() -> sa.Column[str]:
    key = sa.ForeignKey("function.id", ondelete="CASCADE")
    return sa.Column("function_id", sa.Text(), key, primary_key=True, nullable=False)
