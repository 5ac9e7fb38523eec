"""Speaks to a server over the cloud API, as the official clients do."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from huidu.actions.action import Action
from huidu.cloudapi.keys import Pair
from huidu.cloudapi.signature import ALGORITHM, tc3_signatures
from huidu.cloudapi.wire import Request

TIMEOUT_S = 910.0  #: A function may run for 900 seconds.
SIGNED = "content-type;host"
OTHER = "what answers there is something else, such as its gateway"
WRONG_KEYS = frozenset({"AuthFailure.SignatureFailure", "AuthFailure.SecretIdNotFound"})
KEYS = """; take the keys of a server from its directory: eval "$(huidu env --data .huidu)\""""


class Refused(Exception):
    """The server said no; the message holds its code and its reason."""

    def __init__(self, code: str, reason: str) -> None:
        # A refusal may quote what others have named things; a terminal obeys some signs.
        plain = "".join(one if one.isprintable() or one == "\n" else " " for one in reason)
        super().__init__(f"{code}: {plain}")
        self.code = code


class Unreachable(Exception):
    """No server answered; the message says where it was looked for."""


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
            answer = json.loads(connection.getresponse().read())["Response"]
        except (OSError, HTTPException, ValueError, KeyError) as error:
            what = OTHER if isinstance(error, (ValueError, KeyError)) else error
            raise Unreachable(
                f"no Huidu server answers at {self.endpoint} ({what}); start one with "
                "'huidu serve', or name it in HUIDU_ENDPOINT, as in http://127.0.0.1:9000"
            ) from error
        finally:
            connection.close()
        if "Error" in answer:
            code, reason = answer["Error"]["Code"], answer["Error"]["Message"]
            raise Refused(code, reason + (KEYS if code in WRONG_KEYS else ""))
        return dict(answer)

    def signed(
        self, action: Action[Any, Any], parameters: Mapping[str, object]
    ) -> tuple[dict[str, str], bytes]:
        """Return headers and body of a request; they are good for five minutes."""
        body = json.dumps(parameters, ensure_ascii=False).encode()
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
