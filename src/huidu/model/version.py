"""Version: code and configuration of a function at one moment; once numbered, never changed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields, replace
from functools import lru_cache

from huidu.model import names
from huidu.model.function import Code, Configuration, FunctionName

ACTIVE = "Active"
MOST_TOLD = 256  #: Configurations whose text is remembered; one has some 4 kB at most.
IN_JSON = json.JSONEncoder(default=asdict, sort_keys=True, separators=(",", ":")).encode
#: What the fields of a configuration are where nobody says otherwise.
USUAL = {field.name: field.default for field in fields(Configuration)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of one function: `$LATEST`, or a number.

    `digest` is taken over everything that decides how the version behaves: the code, and every
    field of the configuration, environment and layers included. What an instance is about to run
    is held against it. The description is frozen with a version but decides nothing.
    """

    function: FunctionName
    function_id: str
    number: str
    code: Code
    configuration: Configuration
    description: str = ""
    status: str = ACTIVE
    status_reason: str = ""
    added_at: float = 0.0
    modified_at: float = 0.0
    digest: str = field(init=False, default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", digest(self.code, self.configuration))

    @property
    def is_latest(self) -> bool:
        """Whether this is the one version that can be edited."""
        return self.number == names.LATEST

    @property
    def is_active(self) -> bool:
        """Whether calls may be sent to this version."""
        return self.status == ACTIVE

    def published_as(self, number: int, description: str, at: float) -> Version:
        """Return the numbered version that is this one, frozen."""
        return replace(
            self, number=str(number), description=description, added_at=at, modified_at=at
        )


def digest(code: Code, configuration: Configuration) -> str:
    """Return the SHA-256 over code and configuration, in a form that order cannot change.

    What has its default value is left out, so that a field which a later release of the platform
    adds does not change the digest of what was published before.
    """
    text = f'{{"code":{IN_JSON(code.sha256)},"configuration":{_told(configuration)}}}'
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=MOST_TOLD)  # versions of one function mostly differ in their code alone
def _told(configuration: Configuration) -> str:
    chosen = {
        name: value
        for name, usual in USUAL.items()
        if (value := getattr(configuration, name)) != usual
    }
    return IN_JSON(chosen)
