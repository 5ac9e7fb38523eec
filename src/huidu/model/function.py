"""Function: code and configuration under a name; `$LATEST` is the one that can be edited."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from huidu.model import names
from huidu.model.errors import InvalidValue, LimitExceeded

ENVIRONMENT_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,63}")
RESERVED = ("SCF_", "QCLOUD_", "TENCENTCLOUD_")
MOST_ENVIRONMENT_BYTES = 4096
MOST_LAYERS = 5
MEMORY_STEP_MB = 128
MOST_MEMORY_MB = 3072
SMALL_MEMORY_MB = 64
MOST_TIMEOUT_S = 900
MOST_INIT_TIMEOUT_S = 300
HANDLER_PART = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,58}[A-Za-z0-9_])?")
EVENT, WEB = "Event", "HTTP"


class FunctionName(msgspec.Struct, frozen=True, order=True, cache_hash=True):
    """A namespace and a name in it: what a caller says to mean one function.

    A struct, since it is looked up for every call there is; not a tuple, since it is kept within
    other things in the store, by the names of its fields.
    """

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Code:
    """A package of code, known by the SHA-256 of its zip file."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Layer:
    """A version of a layer, unpacked to `/opt`, with the package that it is.

    So a version of a function knows all that it is made of, whatever becomes of the layer.
    """

    name: str
    version: int
    code: Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What a version freezes beside its code.

    `settings` holds the fields that Huidu keeps and gives back, each as the JSON text that was
    sent (`VpcConfig`, `DeadLetterConfig`, ...). Of these it acts on `PublicNetConfig`.
    """

    handler: str
    runtime: str
    memory_mb: int = 128
    timeout_s: int = 3
    init_timeout_s: int = 65
    environment: tuple[tuple[str, str], ...] = ()
    layers: tuple[Layer, ...] = ()
    type: str = EVENT
    role: str = ""
    settings: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        _check_memory(self.memory_mb)
        _check_seconds("Timeout", self.timeout_s, MOST_TIMEOUT_S)
        _check_seconds("InitTimeout", self.init_timeout_s, MOST_INIT_TIMEOUT_S)
        _check_environment(self.environment)
        if len(self.layers) > MOST_LAYERS:
            raise InvalidValue(
                "Layers", f"Layers: {len(self.layers)} layers, at most {MOST_LAYERS} are allowed"
            )


def check_handler(handler: str) -> str:
    """Return a handler of the form `file.function` (the file may lie in folders), or refuse it."""
    file, _, function = handler.rpartition(".")
    parts = [*file.split("/"), function]
    if not file or not all(HANDLER_PART.fullmatch(part) for part in parts):
        raise InvalidValue(
            "Handler",
            f"Handler {handler[:80]!r}: must read file.function, as in index.main_handler; each "
            "part is 1 to 60 letters, digits, '_' and '-', beginning with a letter and not ending "
            "in '-'",
        )
    return handler


def _check_memory(memory_mb: int) -> None:
    if memory_mb > MOST_MEMORY_MB:
        raise LimitExceeded("Memory", f"MemorySize {memory_mb}: at most {MOST_MEMORY_MB} MB")
    if memory_mb != SMALL_MEMORY_MB and (memory_mb < 1 or memory_mb % MEMORY_STEP_MB):
        raise InvalidValue(
            "MemorySize",
            f"MemorySize {memory_mb}: must be {SMALL_MEMORY_MB}, or {MEMORY_STEP_MB} to "
            f"{MOST_MEMORY_MB} in steps of {MEMORY_STEP_MB} (MB)",
        )


def _check_seconds(field: str, seconds: int, most: int) -> None:
    if not 1 <= seconds <= most:
        raise LimitExceeded(field, f"{field} {seconds}: must be 1 to {most} seconds")


def _check_environment(environment: Sequence[tuple[str, str]]) -> None:
    for key, value in environment:
        if key.upper().startswith(RESERVED):
            raise InvalidValue(
                "EnvironmentSystemProtect",
                f"Environment key {key[:80]!r}: the prefixes {', '.join(RESERVED)} are the "
                "platform's own",
            )
        if not ENVIRONMENT_KEY.fullmatch(key):
            raise InvalidValue(
                "Environment",
                f"Environment key {key[:80]!r}: 2 to 64 letters, digits and '_', beginning with "
                "a letter",
            )
        if "\0" in value:
            raise InvalidValue("Environment", f"Environment {key!r}: a value may not hold NUL")
    names_given = [key for key, _ in environment]
    if len(set(names_given)) < len(names_given):
        raise InvalidValue("Environment", "Environment: a key is given twice")
    size = sum(len(key.encode()) + len(value.encode()) for key, value in environment)
    if size > MOST_ENVIRONMENT_BYTES:
        raise InvalidValue(
            "EnvironmentExceededLimit",
            f"Environment: {size} bytes of keys and values, at most {MOST_ENVIRONMENT_BYTES}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function, apart from its versions and aliases.

    `id` is new each time a function of this name is made. `next_number` only grows, so that no
    version number is ever used twice (D-01).
    """

    named: FunctionName
    id: str
    next_number: int = 1
    added_at: float = 0.0
    modified_at: float = 0.0
    tags: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        names.check_namespace(self.named.namespace)
        names.check_function(self.named.name)


def environment_of(variables: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return environment variables in the order that does not depend on who wrote them down."""
    return tuple(sorted(variables.items()))
