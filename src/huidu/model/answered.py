"""Answered: whether a call that succeeded told its caller that the server failed.

Such a call is no error in any count of SCF's (its status is 200), and is a failure to whoever waits
for the answer. A web function that answers so has failed by its status already.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import repeat

#: Doors at which an answer with `statusCode` is one of HTTP (`gateway/`).
HTTP_DOORS = frozenset({"apigw", "http"})
SERVER_ERROR = 500
KEY = '"statusCode"'
#: How most results begin, in the order of SCF's documents or without it: those that say it there
#: need not be decoded.
BEGINS = re.compile(
    r'\{\s*(?:"isBase64Encoded"\s*:\s*(?:true|false)\s*,\s*)?"statusCode"\s*:\s*("?)([0-9]{3})\1\s*[,}]'
)
NO_SERVER_ERROR = re.compile(r'"statusCode"\s*:\s*("?)[1-4][0-9]{2}\1\s*[,}]')
STATUS_CODE = re.compile(r'"statusCode"\s*:\s*"?([0-9]{3})\b')


def answers_5xx(result: str) -> bool:
    """Tell whether a result makes an answer with an HTTP status of 500 or above.

    Only so much of a result is kept as a record holds: beyond that it is read as far as it goes.
    """
    at = result.find(KEY)
    while at >= 0 and NO_SERVER_ERROR.match(result, at):
        at = result.find(KEY, at + len(KEY))
    return at >= 0 and _says(result)


def _says(result: str) -> bool:
    """Tell the same where some `statusCode` in the result may be one: is it the answer's own."""
    begins = BEGINS.match(result)
    if begins is not None:
        return int(begins[2]) >= SERVER_ERROR
    try:
        said = json.loads(result)
    except (ValueError, RecursionError):  # cut off, or too deep
        found = STATUS_CODE.search(result) if result.startswith("{") else None
        return found is not None and int(found[1]) >= SERVER_ERROR
    status = str(said.get("statusCode")) if isinstance(said, dict) else ""
    return status.isdecimal() and int(status[:9]) >= SERVER_ERROR


def how_many_5xx(calls: int, triggers: Sequence[str], results: Sequence[str]) -> int:
    """Return how many of so many calls that succeeded answered their callers so.

    What came in by, and went out, is told of each call, or once where it is the same in all.
    """
    if len(triggers) > 1:
        each = results if len(results) > 1 else repeat(results[0])
        pairs = zip(triggers, each, strict=False)
        return sum(trigger in HTTP_DOORS and answers_5xx(result) for trigger, result in pairs)
    if triggers[0] not in HTTP_DOORS:
        return 0
    if len(results) == 1:
        return calls if answers_5xx(results[0]) else 0
    return sum(map(answers_5xx, [result for result in results if KEY in result]))
