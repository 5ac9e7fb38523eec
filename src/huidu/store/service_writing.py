"""What may be changed of services, as one step with what was read before."""

from __future__ import annotations

from sqlalchemy import and_, delete, insert, update

from huidu.model.effect import ServiceGone, ServiceKept
from huidu.model.errors import InvalidValue
from huidu.model.service import Api, Environment, Release, Service, Switch
from huidu.store import service_rows as rows
from huidu.store.service_reading import ServiceReading
from huidu.store.service_tables import (
    API,
    ENVIRONMENT,
    RELEASE,
    RELEASED_API,
    SERVICE,
    SWITCH,
)
from huidu.store.telling import Telling


class ServiceWriting(ServiceReading, Telling):
    """A reading that may also write; what is released of a service is in the effects."""

    def add_service(self, service: Service) -> None:
        """Keep a new service."""
        self._connection.execute(insert(SERVICE).values(rows.service_row(service)))
        self.effects.append(ServiceKept(self.served(service)))

    def replace_service(self, service: Service) -> None:
        """Keep a service in the place of the one with its id; what is released stays as it is."""
        query = update(SERVICE).where(SERVICE.c.id == service.id)
        self._connection.execute(query.values(rows.service_row(service)))

    def delete_service(self, service: Service) -> None:
        """Forget a service with its APIs and released versions; the history stays."""
        self._connection.execute(delete(SERVICE).where(SERVICE.c.id == service.id))
        self.effects.append(ServiceGone(service.id))

    def add_api(self, service: Service, api: Api) -> None:
        """Keep a new API, or raise `InvalidValue` where its path and method are taken."""
        self._check_free(service, api)
        self._connection.execute(insert(API).values(rows.api_row(api)))

    def replace_api(self, service: Service, api: Api) -> None:
        """Keep an API in the place of the one with its id, or raise `InvalidValue` as above."""
        self._check_free(service, api)
        self._connection.execute(update(API).where(API.c.id == api.id).values(rows.api_row(api)))

    def _check_free(self, service: Service, api: Api) -> None:
        for other in self.apis(service):
            if (other.path, other.method) == (api.path, api.method) and other.id != api.id:
                raise InvalidValue(
                    "InvalidApiRequestConfig",
                    f"RequestConfig: {other.id} of {service.id} has {api.method} {api.path} "
                    "already; an API is one path and one method of its service",
                )

    def delete_api(self, api: Api) -> None:
        """Forget an API as it is edited; what is released stays as it is."""
        self._connection.execute(delete(API).where(API.c.id == api.id))

    def add_release(self, release: Release) -> None:
        """Keep a released version; it has no successor, and nothing changes it."""
        number = self._released(self.service(release.service_id)) + 1
        self._connection.execute(insert(RELEASE).values(rows.release_row(release, number)))
        used = rows.released_rows(release)
        if used:
            self._connection.execute(insert(RELEASED_API), list(used))

    def switch(self, environment: Environment, note: Switch) -> None:
        """Let an environment be as said from the commit on, and keep it in its history."""
        mine = and_(
            ENVIRONMENT.c.service_id == environment.service_id,
            ENVIRONMENT.c.name == environment.name,
        )
        self._connection.execute(delete(ENVIRONMENT).where(mine))
        self._connection.execute(insert(ENVIRONMENT).values(rows.environment_row(environment)))
        self._connection.execute(insert(SWITCH).values(rows.switch_row(note)))
        self.effects.append(ServiceKept(self.served(self.service(environment.service_id))))
