"""Version: code and configuration of a function at one moment; once numbered, never changed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields, replace

from huidu.model import names
from huidu.model.function import Code, Configuration, FunctionName

ACTIVE = "Active"


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
    told = asdict(configuration)
    chosen = {
        field.name: told[field.name]
        for field in fields(configuration)
        if getattr(configuration, field.name) != field.default
    }
    whole = {"code": code.sha256, "configuration": chosen}
    text = json.dumps(whole, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
