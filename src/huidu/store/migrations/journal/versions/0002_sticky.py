"""Which sticky key a call had, as nobody can read it back, and how long its instance loaded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the columns."""
    op.add_column("record", sa.Column("sticky_key", sa.Text(), nullable=False, server_default=""))
    op.add_column("record", sa.Column("init_ms", sa.Float(), nullable=False, server_default="0"))
