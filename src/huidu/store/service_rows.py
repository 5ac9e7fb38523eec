"""Nouns of the gateway to rows and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import RowMapping

from huidu.model.service import Api, Environment, Release, Service, Switch

Row = Mapping[str, Any]
TEXTS = msgspec.json.Decoder(tuple[str, ...])
PAIRS = msgspec.json.Decoder(tuple[tuple[str, str], ...])
API, APIS = msgspec.json.Decoder(Api), msgspec.json.Decoder(tuple[Api, ...])


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def service_row(service: Service) -> Row:
    """Return the row of a service; what is online of it has rows of its own."""
    return {
        "id": service.id,
        "name": service.name,
        "protocol": service.protocol,
        "description": service.description,
        "net_types": _text(service.net_types),
        "settings": _text(service.settings),
        "added_at": service.added_at,
        "modified_at": service.modified_at,
    }


def service_from(row: RowMapping, online: Mapping[str, str]) -> Service:
    """Return the service of a row, of which this is online."""
    return Service(
        id=row["id"],
        name=row["name"],
        protocol=row["protocol"],
        description=row["description"],
        net_types=TEXTS.decode(row["net_types"]),
        settings=PAIRS.decode(row["settings"]),
        online=online,
        added_at=row["added_at"],
        modified_at=row["modified_at"],
    )


def api_row(api: Api) -> Row:
    """Return the row of an API."""
    return {
        "id": api.id,
        "service_id": api.service_id,
        "path": api.path,
        "method": api.method,
        "namespace": api.backend.function.namespace,
        "function": api.backend.function.name,
        "body": _text(api),
        "added_at": api.added_at,
    }


def api_from(row: RowMapping) -> Api:
    """Return the API of a row."""
    return API.decode(row["body"])


def release_row(release: Release, number: int) -> Row:
    """Return the row of a release, the so many-th of its service."""
    return {
        "service_id": release.service_id,
        "name": release.name,
        "number": number,
        "description": release.description,
        "protocol": release.protocol,
        "apis": _text(release.apis),
        "released_at": release.released_at,
    }


def release_from(row: RowMapping) -> Release:
    """Return the release of a row."""
    return Release(
        service_id=row["service_id"],
        name=row["name"],
        description=row["description"],
        apis=APIS.decode(row["apis"]),
        protocol=row["protocol"],
        released_at=row["released_at"],
    )


def released_rows(release: Release) -> Sequence[Row]:
    """Return the rows that tell which functions a release calls."""
    return [
        {
            "service_id": release.service_id,
            "release": release.name,
            "api_id": api.id,
            "namespace": api.backend.function.namespace,
            "function": api.backend.function.name,
            "qualifier": api.backend.qualifier,
        }
        for api in release.apis
    ]


def environment_row(environment: Environment) -> Row:
    """Return the row of an environment."""
    return {
        "service_id": environment.service_id,
        "name": environment.name,
        "release": environment.release,
        "online": environment.online,
        "changed_at": environment.changed_at,
    }


def environment_from(row: RowMapping) -> Environment:
    """Return the environment of a row."""
    return Environment(**row)


def switch_row(switch: Switch) -> Row:
    """Return the row of a line of an environment's history."""
    return {
        "service_id": switch.service_id,
        "environment": switch.environment,
        "release": switch.release,
        "action": switch.action,
        "description": switch.description,
        "who": switch.who,
        "at": switch.at,
        "moved": _text(switch.moved),
    }


def switch_from(row: RowMapping) -> Switch:
    """Return the line of a history that a row holds."""
    return Switch(
        service_id=row["service_id"],
        environment=row["environment"],
        release=row["release"],
        action=row["action"],
        description=row["description"],
        who=row["who"],
        at=row["at"],
        moved=TEXTS.decode(row["moved"]),
    )
