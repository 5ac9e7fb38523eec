"""Account: whose, and in which region, functions and callers are told that they are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """What names of the cloud are made of here, where there is no region and no account."""

    region: str = "ap-guangzhou"
    appid: str = "1250000000"
    uin: str = "100000000000"
