"""Reports: what mirrors found, written down now and then."""

from __future__ import annotations

from huidu.model.comparison import Comparison
from huidu.model.mirror import Mirror, ended
from huidu.store.catalog import Catalog
from huidu.store.writing import Writing


class Reports:
    """Where findings outlive the server. Of a mirror that is gone meanwhile nothing is kept."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def keep(self, mirror: Mirror, findings: Comparison) -> None:
        """Keep what a mirror found; where it has ended by itself, keep and tell that too."""

        def change(writing: Writing) -> None:
            writing.mirrors.keep_findings(mirror, findings)
            if not mirror.goes_on and writing.mirrors.end(mirror, mirror.end, mirror.ended_at):
                writing.tell(ended(mirror, Mirrored=findings.pairs))

        await self._catalog.write(change)
