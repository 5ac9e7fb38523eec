"""Uses: how much was used of the quotas of usage plans, written down in batches."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import bindparam, update

from huidu.store.access_tables import PLAN
from huidu.store.database import Database


class Uses:
    """The counts in the catalog; those of a plan that is gone meanwhile are nobody's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, used: Mapping[str, int]) -> None:
        """Keep how often each of these plans was used in all."""
        query = update(PLAN).where(PLAN.c.id == bindparam("plan")).values(used=bindparam("count"))
        rows = [{"plan": plan_id, "count": count} for plan_id, count in used.items()]
        await self._database.write(lambda connection: connection.execute(query, rows))
