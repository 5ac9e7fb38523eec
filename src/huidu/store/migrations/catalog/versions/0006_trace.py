"""Which trace an event belongs to, as whoever sent it said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the columns."""
    for name in ("traceparent", "tracestate"):
        op.add_column("event", sa.Column(name, sa.Text(), nullable=False, server_default=""))
