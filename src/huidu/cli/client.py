"""Speaks to a server over the cloud API, as the official clients do."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    IncompleteRead,
)
from typing import Any
from urllib.parse import urlsplit

from huidu.actions.action import Action
from huidu.cli.harmless import in_lines
from huidu.cloudapi.keys import Pair
from huidu.cloudapi.signature import ALGORITHM, tc3_signatures
from huidu.cloudapi.wire import Request

TIMEOUT_S = 910.0  #: A function may run for 900 seconds.
MOST_ANSWER_BYTES = 256 << 20  #: More than any server of ours says at once.
#: What comes of an answer that is no JSON, or not of the shape of ours.
MISSHAPEN = (ValueError, KeyError, TypeError, RecursionError)
SIGNED = "content-type;host"
OTHER = "what answers there is something else, such as its gateway"
WRONG_KEYS = frozenset({"AuthFailure.SignatureFailure", "AuthFailure.SecretIdNotFound"})
KEYS = """; take the keys of a server from its directory: eval "$(huidu env --data .huidu)\""""


class Refused(Exception):
    """The server said no; the message holds its code and its reason."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(in_lines(f"{code}: {reason}"))
        self.code = code


class Unreachable(Exception):
    """No server answered; the message says where it was looked for."""

    def __init__(self, reason: str) -> None:
        super().__init__(in_lines(reason))


def told(answer: HTTPResponse) -> bytes:
    """Return the body of an answer, or raise `HTTPException` where it does not end."""
    body = answer.read(MOST_ANSWER_BYTES + 1)
    if len(body) > MOST_ANSWER_BYTES:
        raise HTTPException(f"an answer of more than {MOST_ANSWER_BYTES >> 20} MB")
    if answer.length:
        raise IncompleteRead(body, answer.length)
    return body


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Asks one server, as one key pair."""

    endpoint: str  #: `http://HOST:PORT`
    pair: Pair
    region: str = "ap-guangzhou"

    def call(
        self,
        action: Action[Any, Any],
        parameters: Mapping[str, object],
        timeout_s: float = TIMEOUT_S,
    ) -> dict[str, Any]:
        """Return the answer to an action, or raise `Refused` or `Unreachable`."""
        where = urlsplit(self.endpoint)
        kind = HTTPSConnection if where.scheme == "https" else HTTPConnection
        connection = kind(where.hostname or "", where.port, timeout=timeout_s)
        headers, body = self.signed(action, parameters)
        try:
            connection.request("POST", "/", body, headers)
            answer = dict(json.loads(told(connection.getresponse()))["Response"])
            refusal = answer.get("Error")
            code, reason = (f"{refusal[part]}" if refusal else "" for part in ("Code", "Message"))
        except (OSError, HTTPException, *MISSHAPEN) as error:
            what = OTHER if isinstance(error, MISSHAPEN) else error
            raise Unreachable(
                f"no Huidu server answers at {self.endpoint} ({what}); start one with "
                "'huidu serve', or name it in HUIDU_ENDPOINT, as in http://127.0.0.1:9000"
            ) from error
        finally:
            connection.close()
        if refusal:
            raise Refused(code, reason + (KEYS if code in WRONG_KEYS else ""))
        return answer

    def signed(
        self, action: Action[Any, Any], parameters: Mapping[str, object]
    ) -> tuple[dict[str, str], bytes]:
        """Return headers and body of a request; they are good for five minutes."""
        body = json.dumps(parameters, ensure_ascii=False).encode("utf-8", "replace")
        return self._headers(action, urlsplit(self.endpoint).netloc, body), body

    def _headers(self, action: Action[Any, Any], host: str, body: bytes) -> dict[str, str]:
        now = int(time.time())
        date = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
        headers = {
            "host": host,
            "content-type": "application/json",
            "x-tc-action": action.name,
            "x-tc-version": action.version,
            "x-tc-region": self.region,
            "x-tc-timestamp": str(now),
        }
        request = Request(method="POST", path="/", headers=headers, body=body)
        signature = next(
            iter(tc3_signatures(request, SIGNED, date, action.service, self.pair.secret_key))
        )
        scope = f"{self.pair.secret_id}/{date}/{action.service}/tc3_request"
        headers["authorization"] = (
            f"{ALGORITHM} Credential={scope}, SignedHeaders={SIGNED}, Signature={signature}"
        )
        return headers
