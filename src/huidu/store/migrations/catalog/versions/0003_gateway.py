"""Services of the gateway, their APIs, and what is released of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def _text(name: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), primary_key=key, nullable=False)


def _moment(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Float(), nullable=False)


def _of_service(*, key: bool) -> sa.Column[str]:
    owner = sa.ForeignKey("service.id", ondelete="CASCADE")
    return sa.Column("service_id", sa.Text(), owner, primary_key=key, nullable=False)


def upgrade() -> None:
    """Make the tables."""
    _make_services()
    _make_releases()
    _make_environments()


def _make_services() -> None:
    op.create_table(
        "service",
        _text("id", key=True),
        *map(_text, ("name", "protocol", "description", "net_types", "settings")),
        *map(_moment, ("added_at", "modified_at")),
    )
    op.create_index("ix_service_name", "service", ["name"])
    op.create_table(
        "api",
        _text("id", key=True),
        _of_service(key=False),
        *map(_text, ("path", "method", "namespace", "function", "body")),
        _moment("added_at"),
        sa.UniqueConstraint("service_id", "path", "method", name="api_asked_for"),
    )
    op.create_index("api_by_function", "api", ["namespace", "function"])


def _make_releases() -> None:
    op.create_table(
        "release",
        _of_service(key=True),
        _text("name", key=True),
        sa.Column("number", sa.Integer(), nullable=False),
        *map(_text, ("description", "protocol", "apis")),
        _moment("released_at"),
    )
    op.create_table(
        "released_api",
        *(_text(name, key=True) for name in ("service_id", "release", "api_id")),
        *map(_text, ("namespace", "function", "qualifier")),
        sa.ForeignKeyConstraint(
            ["service_id", "release"], ["release.service_id", "release.name"], ondelete="CASCADE"
        ),
    )
    op.create_index("released_api_by_function", "released_api", ["namespace", "function"])


def _make_environments() -> None:
    op.create_table(
        "environment",
        _of_service(key=True),
        _text("name", key=True),
        _text("release"),
        sa.Column("online", sa.Boolean(), nullable=False),
        _moment("changed_at"),
    )
    op.create_table(
        "environment_history",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=True),
        *map(_text, ("service_id", "environment", "release", "action", "description", "who")),
        _moment("at"),
        _text("moved"),
    )
    op.create_index(
        "history_of_environment", "environment_history", ["service_id", "environment", "number"]
    )
