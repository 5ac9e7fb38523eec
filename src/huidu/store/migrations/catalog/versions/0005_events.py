"""What happened, the webhooks that are told of it, and what is on its way to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TEXTS = ("namespace", "function", "alias", "version", "subject", "who", "why")
MORE_TEXTS = ("before", "after", "detail", "request_id")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _floats(*names: str) -> list[sa.Column[float]]:
    return [sa.Column(name, sa.Float(), nullable=False) for name in names]


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "happening",
        sa.Column("sequence", sa.Integer(), primary_key=True, autoincrement=True),
        *_texts("kind"),
        *_floats("at"),
        *_texts(*TEXTS, *MORE_TEXTS),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_happening_at", "happening", ["at"])
    op.create_index("happening_of_function", "happening", ["namespace", "function", "sequence"])
    op.create_index("happening_of_kind", "happening", ["kind", "sequence"])
    op.create_table(
        "webhook",
        sa.Column("id", sa.Text(), primary_key=True),
        *_texts("name", "url", "secret", "kinds", "namespace", "function"),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        *_texts("description"),
        *_floats("added_at", "modified_at"),
        sa.Column("failing_since", sa.Float(), nullable=False, server_default="0"),
        sa.Column("delivered_at", sa.Float(), nullable=False, server_default="0"),
        sa.Column("last_error", sa.Text(), nullable=False, server_default=""),
        sa.Column("told_dead", sa.Boolean(), nullable=False, server_default="0"),
        sa.UniqueConstraint("name", name="webhook_named"),
    )
    _make_delivery()


def _make_delivery() -> None:
    cascade = "CASCADE"
    op.create_table(
        "delivery",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column(
            "webhook_id", sa.Text(), sa.ForeignKey("webhook.id", ondelete=cascade), nullable=False
        ),
        sa.Column(
            "sequence",
            sa.Integer(),
            sa.ForeignKey("happening.sequence", ondelete=cascade),
            nullable=False,
        ),
        *_floats("since"),
        *_texts("state"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        *_floats("next_at", "held_until", "failed_at"),
        sa.Column("status", sa.Integer(), nullable=False),
        *_texts("error"),
    )
    op.create_index("ix_delivery_sequence", "delivery", ["sequence"])
    op.create_index("delivery_in_line", "delivery", ["webhook_id", "state", "sequence"])
