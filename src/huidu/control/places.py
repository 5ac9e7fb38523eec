"""Places: what a request about usage plans and limits means by a service and its APIs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from huidu.model.errors import MissingParameter
from huidu.model.plan import API, Place, check_bind_type
from huidu.model.service import Api, check_environment
from huidu.store.reading import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A service as far as it is shown beside what is bound to it."""

    name: str
    apis: Mapping[str, Api]
    online: Mapping[str, str]  #: By environment, the released version.


def site(reading: Reading, service_id: str) -> Site:
    """Return what is known of a service, or raise `NotFound`."""
    service = reading.service(service_id)
    apis = {api.id: api for api in reading.apis(service)}
    return Site(name=service.name, apis=apis, online=service.online)


def check_apis(reading: Reading, service_id: str, api_ids: Collection[str]) -> Site:
    """Return what is known of a service, or raise `NotFound` if it, or an API of it, is not."""
    for api_id in api_ids:
        reading.api(reading.service(service_id), api_id)
    return site(reading, service_id)


def described(known: Site, api_id: str) -> dict[str, str]:
    """Return the fields by which an answer shows an API; empty where the service is meant."""
    api = known.apis.get(api_id)
    return {
        "api_id": api_id,
        "api_name": api.name if api else "",
        "path": api.path if api else "",
        "method": api.method if api else "",
    }


def to_bind(
    reading: Reading, bind_type: str, service_id: str, environment: str, api_ids: Collection[str]
) -> list[Place]:
    """Return the places that a request to bind means, or raise what is wrong."""
    meant = to_unbind(reading, bind_type, service_id, environment, api_ids)
    check_apis(reading, service_id, [place.api_id for place in meant if place.api_id])
    return meant


def to_unbind(
    reading: Reading, bind_type: str, service_id: str, environment: str, api_ids: Collection[str]
) -> list[Place]:
    """Return the same of a request to unbind; an API may be deleted and still be bound.

    It is called where it is released, so what holds for it goes on until somebody says otherwise.
    """
    check_environment(environment)
    site(reading, service_id)
    if check_bind_type(bind_type) != API:
        return [Place(service_id, "", environment)]
    if not api_ids:
        raise MissingParameter("", "ApiIds: name at least one API")
    return [Place(service_id, api_id, environment) for api_id in dict.fromkeys(api_ids)]
