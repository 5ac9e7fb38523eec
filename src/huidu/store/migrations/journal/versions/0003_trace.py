"""Where in a trace a call was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the columns."""
    for name in ("trace_id", "span_id", "parent_span_id"):
        op.add_column("record", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("record", sa.Column("sampled", sa.Boolean(), nullable=False, server_default="0"))
