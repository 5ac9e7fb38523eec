"""Keys, usage plans, limits and lists of addresses: who may call the gateway's APIs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables."""
    _plans()
    _places()


def _plans() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("manual", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("added_at", sa.Float(), nullable=False),
        sa.Column("modified_at", sa.Float(), nullable=False),
    )
    op.create_table(
        "usage_plan",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("rate_per_s", sa.Integer(), nullable=False),
        sa.Column("quota", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("added_at", sa.Float(), nullable=False),
        sa.Column("modified_at", sa.Float(), nullable=False),
    )
    op.create_table(
        "usage_plan_key",
        _plan_id(),
        sa.Column("key_id", sa.Text(), sa.ForeignKey("api_key.id"), primary_key=True),
        sa.Column("added_at", sa.Float(), nullable=False),
    )
    op.create_index("usage_plan_by_key", "usage_plan_key", ["key_id"])


def _places() -> None:
    op.create_table(
        "usage_plan_place",
        _plan_id(),
        *_place(),
        sa.Column("added_at", sa.Float(), nullable=False),
    )
    op.create_index(
        "usage_plan_by_place", "usage_plan_place", ["service_id", "api_id", "environment"]
    )
    op.create_table(
        "gateway_limit", *_place(), sa.Column("rate_per_s", sa.Integer(), nullable=False)
    )
    op.create_table(
        "ip_strategy",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("service_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("added_at", sa.Float(), nullable=False),
        sa.Column("modified_at", sa.Float(), nullable=False),
    )
    op.create_index("ip_strategy_of_service", "ip_strategy", ["service_id"])
    op.create_table(
        "ip_strategy_place",
        sa.Column(
            "strategy_id",
            sa.Text(),
            sa.ForeignKey("ip_strategy.id", ondelete="CASCADE"),
            nullable=False,
        ),
        *_place(),
    )


def _plan_id() -> sa.Column[str]:
    return sa.Column(
        "plan_id", sa.Text(), sa.ForeignKey("usage_plan.id", ondelete="CASCADE"), primary_key=True
    )


def _place() -> list[sa.Column[str]]:
    return [
        sa.Column(name, sa.Text(), primary_key=True)
        for name in ("service_id", "api_id", "environment")
    ]
