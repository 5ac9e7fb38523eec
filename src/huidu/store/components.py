"""Components, as the catalog keeps them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, insert, select

from huidu.model.component import BUSY, Component, ComponentKey
from huidu.store.component_tables import COMPONENT

KEY = ("org", "app", "stage", "name")


class ComponentReading:
    """Questions to the catalog about components."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, key: ComponentKey) -> Component | None:
        """Return a component, or None where nobody has ever deployed it."""
        query = select(COMPONENT).where(_is(key))
        row = self._connection.execute(query).mappings().first()
        return _from(row) if row else None

    def busy(self) -> Sequence[Component]:
        """Return those with a run under way."""
        query = select(COMPONENT).where(COMPONENT.c.status.in_(sorted(BUSY)))
        return [_from(row) for row in self._connection.execute(query).mappings()]


class ComponentWriting(ComponentReading):
    """Changes to components."""

    def put(self, component: Component) -> Component:
        """Keep a component, in the place of what was kept."""
        self._connection.execute(delete(COMPONENT).where(_is(component.key)))
        row = {name: value for name, value in asdict(component).items() if name != "key"}
        self._connection.execute(insert(COMPONENT).values(**asdict(component.key), **row))
        return component

    def by_run(
        self, key: ComponentKey, run: str, change: Callable[[Component], Component]
    ) -> Component | None:
        """Keep what a run makes of it; None, and nothing kept, where that is not under way."""
        kept = self.find(key)
        if kept is None or kept.run != run or not kept.is_busy:
            return None
        return self.put(change(kept))


def _is(key: ComponentKey) -> ColumnElement[bool]:
    return and_(*(COMPONENT.c[name] == getattr(key, name) for name in KEY))


def _from(row: RowMapping) -> Component:
    facts = {name: row[name] for name in row if name not in KEY}
    return Component(key=ComponentKey(*(row[name] for name in KEY)), **facts)
