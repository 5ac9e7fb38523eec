"""How the ids of calls begin that are kept together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table; packs that are there go without, and are looked through."""
    op.create_table(
        "mark",
        sa.Column("first", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("ids", sa.LargeBinary(), nullable=False),
    )
