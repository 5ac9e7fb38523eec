"""Events that nobody waits for: leases, states, attempts, dead letters, how they are retried."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

TAKE_OVER = """
INSERT INTO async_event (
  request_id, namespace, function, function_id, qualifier, routing_key, "trigger", traceparent,
  tracestate, accepted_at, since, state, attempts, event
)
SELECT request_id, namespace, function, function_id, qualifier, routing_key, "trigger",
  traceparent, tracestate, accepted_at, accepted_at, 'ready', attempts, event
FROM event ORDER BY accepted_at
"""


def upgrade() -> None:
    """Make the tables, and take over what waits."""
    _table()
    _indexes()
    op.execute(TAKE_OVER)
    op.drop_table("event")
    op.create_table(
        "event_config",
        _of_function(),
        sa.Column("retries", sa.Integer(), nullable=False),
        sa.Column("ttl_s", sa.Integer(), nullable=False),
    )
    op.create_table(
        "retry_target",
        _of_function(),
        sa.Column("alias", sa.Text(), primary_key=True),
        sa.Column("target", sa.Text(), nullable=False),
    )


def _of_function() -> sa.Column[str]:
    key = sa.ForeignKey("function.id", ondelete="CASCADE")
    return sa.Column("function_id", sa.Text(), key, primary_key=True)


def _table() -> None:
    texts = ("request_id", "namespace", "function", "function_id", "qualifier", "routing_key")
    op.create_table(
        "async_event",
        sa.Column("sequence", sa.Integer(), primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in texts),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("trigger", "traceparent", "tracestate")
        ),
        sa.Column("accepted_at", sa.Float(), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        _zero("attempts", sa.Integer()),
        _zero("failures", sa.Integer()),
        _zero("next_at", sa.Float()),
        _empty("owner"),
        _zero("leased_until", sa.Float()),
        _zero("stopping", sa.Boolean()),
        _empty("version"),
        _zero("status", sa.Integer()),
        _empty("error"),
        _zero("ended_at", sa.Float()),
        _zero("redriven", sa.Integer()),
        _empty("history"),
        _empty("log"),
        sa.Column("event", sa.LargeBinary(), nullable=False),
    )


def _empty(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def _zero(name: str, kind: Any) -> sa.Column[Any]:  # noqa: ANN401 - a type of SQL
    return sa.Column(name, kind, nullable=False, server_default="0")


def _indexes() -> None:
    op.create_index("async_event_by_request", "async_event", ["request_id"], unique=True)
    by_name = ["namespace", "function", "accepted_at"]
    op.create_index("async_event_of_function", "async_event", by_name)
    for state, columns in (
        ("ready", ["function_id", "since"]),
        ("delayed", ["next_at"]),
        ("running", ["leased_until"]),
        ("dead", ["namespace", "function", "ended_at"]),
    ):
        where = sa.text(f"state = '{state}'")
        name = f"async_event_{state}"
        kept: dict[str, Any] = {"sqlite_where": where, "postgresql_where": where}
        op.create_index(name, "async_event", columns, **kept)
