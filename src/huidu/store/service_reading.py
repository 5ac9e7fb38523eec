"""What may be asked of the catalog about services, at one moment of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import Select, and_, func, select

from huidu.model.errors import NotFound
from huidu.model.function import FunctionName
from huidu.model.service import Api, Environment, Release, Served, Service, Switch, Use
from huidu.store import service_rows as rows
from huidu.store.service_tables import (
    API,
    ENVIRONMENT,
    RELEASE,
    RELEASED_API,
    SERVICE,
    SWITCH,
)
from huidu.store.told import Told

RELEASE_LINE = (RELEASE.c.name, RELEASE.c.description)


class ServiceReading(Told):
    """Questions about services; each answer is of the moment at which the reading began."""

    def service(self, service_id: str) -> Service:
        """Return a service, or raise `NotFound`."""
        query = select(SERVICE).where(SERVICE.c.id == service_id)
        row = self._connection.execute(query).mappings().first()
        if row is None:
            raise NotFound("InvalidService", service_id[:80])
        online = {e.name: e.release for e in self.environments(service_id) if e.online}
        return rows.service_from(row, online)

    def services(self) -> Sequence[Service]:
        """Return all services, the oldest first."""
        query = select(ENVIRONMENT).where(ENVIRONMENT.c.online)
        online = defaultdict[str, dict[str, str]](dict)
        for row in self._connection.execute(query):
            online[row.service_id][row.name] = row.release
        found = self._connection.execute(select(SERVICE).order_by(SERVICE.c.added_at, SERVICE.c.id))
        return [rows.service_from(row, online[row["id"]]) for row in found.mappings()]

    def count_services(self) -> int:
        """Return how many services there are."""
        return self._number(select(func.count()).select_from(SERVICE))

    def environments(self, service_id: str) -> Sequence[Environment]:
        """Return the environments that something was ever released to."""
        query = select(ENVIRONMENT).where(ENVIRONMENT.c.service_id == service_id)
        found = self._connection.execute(query)
        return [rows.environment_from(row) for row in found.mappings()]

    def api(self, service: Service, api_id: str) -> Api:
        """Return an API of a service as it is edited, or raise `NotFound`."""
        mine = and_(API.c.service_id == service.id, API.c.id == api_id)
        row = self._connection.execute(select(API).where(mine)).mappings().first()
        if row is None:
            raise NotFound("InvalidApi", api_id[:80], f"; it is none of {service.id}")
        return rows.api_from(row)

    def apis(self, service: Service) -> Sequence[Api]:
        """Return the APIs of a service as they are edited, the oldest first."""
        query = select(API).where(API.c.service_id == service.id)
        found = self._connection.execute(query.order_by(API.c.added_at, API.c.id))
        return [rows.api_from(row) for row in found.mappings()]

    def apis_of(self, named: FunctionName) -> Sequence[Api]:
        """Return the APIs of all services that call a function as they are edited."""
        mine = and_(API.c.namespace == named.namespace, API.c.function == named.name)
        found = self._connection.execute(select(API).where(mine).order_by(API.c.added_at, API.c.id))
        return [rows.api_from(row) for row in found.mappings()]

    def release(self, service: Service, name: str) -> Release:
        """Return a released version of a service, or raise `NotFound`."""
        mine = and_(RELEASE.c.service_id == service.id, RELEASE.c.name == name)
        row = self._connection.execute(select(RELEASE).where(mine)).mappings().first()
        if row is None:
            raise NotFound(
                "ReleaseVersion", name[:80], f"; {service.id} has released no such version"
            )
        return rows.release_from(row)

    def releases(
        self, service: Service, offset: int, limit: int
    ) -> tuple[int, Sequence[tuple[str, str]]]:
        """Return how many versions were released, and some: name, description; newest first."""
        mine = RELEASE.c.service_id == service.id
        query = select(*RELEASE_LINE).where(mine).order_by(RELEASE.c.number.desc())
        found = self._connection.execute(query.limit(limit).offset(offset))
        return self._released(service), [(row.name, row.description) for row in found]

    def _released(self, service: Service) -> int:
        mine = RELEASE.c.service_id == service.id
        return self._number(select(func.count()).select_from(RELEASE).where(mine))

    def switches(
        self, service: Service, environment: str, offset: int, limit: int
    ) -> tuple[int, Sequence[Switch]]:
        """Return how often an environment was changed, and some of it, the newest first."""
        mine = and_(SWITCH.c.service_id == service.id, SWITCH.c.environment == environment)
        total = self._number(select(func.count()).select_from(SWITCH).where(mine))
        query = select(SWITCH).where(mine).order_by(SWITCH.c.number.desc())
        found = self._connection.execute(query.limit(limit).offset(offset))
        return total, [rows.switch_from(row) for row in found.mappings()]

    def served(self, service: Service) -> Served:
        """Return a service as callers meet it."""
        online = {name: self.release(service, told) for name, told in service.online.items()}
        return Served(service.id, online)

    def live(self, service: Service) -> Mapping[str, Sequence[str]]:
        """Return for each API that is online somewhere the environments that it is online in."""
        found = defaultdict[str, list[str]](list)
        query = _uses().where(ENVIRONMENT.c.service_id == service.id)
        for row in self._connection.execute(query):
            found[row.api_id].append(row.environment)
        return found

    def uses(self, named: FunctionName, qualifier: str) -> Sequence[Use]:
        """Return the APIs that are online and call a function through a qualifier."""
        mine = and_(
            RELEASED_API.c.namespace == named.namespace,
            RELEASED_API.c.function == named.name,
            RELEASED_API.c.qualifier == qualifier,
        )
        return [Use(**row) for row in self._connection.execute(_uses().where(mine)).mappings()]

    def _number(self, query: object) -> int:
        return int(self._connection.execute(query).scalar_one())  # type: ignore[call-overload]


def _uses() -> Select[tuple[str, str, str]]:
    online = and_(
        ENVIRONMENT.c.service_id == RELEASED_API.c.service_id,
        ENVIRONMENT.c.release == RELEASED_API.c.release,
        ENVIRONMENT.c.online,
    )
    columns = (
        ENVIRONMENT.c.service_id,
        ENVIRONMENT.c.name.label("environment"),
        RELEASED_API.c.api_id,
    )
    query = select(*columns).select_from(ENVIRONMENT.join(RELEASED_API, online))
    return query.order_by(*columns)
