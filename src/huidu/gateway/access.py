"""Access: lets callers of APIs in by their address, their signature and their plan."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence

from huidu.gateway import signature
from huidu.gateway.guard import Asked, Denied, Headers, Passed
from huidu.gateway.limits import Limits, Taken
from huidu.gateway.message import Request, Response
from huidu.gateway.nonces import Nonces
from huidu.gateway.signature import Claim, Unproven
from huidu.model.effect import (
    Effect,
    KeyGone,
    KeyKept,
    LimitKept,
    PlanGone,
    PlanKept,
    ServiceGone,
    StrategyGone,
    StrategyKept,
)
from huidu.model.key import Key
from huidu.model.plan import Granted, Place, Plan
from huidu.model.service import NO_AUTH, SECRET
from huidu.model.strategy import IpStrategy, read_address

NO_ADDRESS = "Cannot identify the client IP address, unix domain sockets are not supported."
WRONG_ADDRESS = "Your IP address is not allowed"
INVALID = "HMAC apikey is invalid for API"
NO_PLAN = "Found no validate usage plan"
NO_SUCH_AUTH = "API config error"

#: Reasons by which the denied are counted.
ADDRESS, SIGNATURE, PLAN, RATE, SPENT, AUTH = (
    *("address", "signature", "plan", "rate", "quota", "auth"),
)


class Barred(Exception):
    """A request goes no further, and is answered with this."""

    def __init__(self, reason: str, status: int, message: str, headers: Headers = ()) -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status
        self.headers = headers


class Access:
    """The guard of the gateway. All that it decides from is in memory, and as last published.

    `clock` tells the seconds since the epoch, `ticks` nanoseconds that never go back. Who is
    denied is counted by reason in `denied`, and seen nowhere else.
    """

    def __init__(self, clock: Callable[[], float], ticks: Callable[[], int]) -> None:
        self.denied: Counter[str] = Counter()
        self.limits = Limits()
        self._clock = clock
        self._ticks = ticks
        self._nonces = Nonces()
        self._keys: dict[str, Key] = {}
        self._plans: dict[str, Granted] = {}
        self._bound: dict[Place, set[str]] = {}
        self._strategies: dict[str, frozenset[Place]] = {}
        self._listed: dict[Place, IpStrategy] = {}

    def apply(self, effects: Sequence[Effect]) -> None:
        """Let every later request be judged as a commit says; only what it changed is touched."""
        for effect in effects:
            match effect:
                case KeyKept(key):
                    self._keys[key.id] = key
                case KeyGone(key_id):
                    self._keys.pop(key_id, None)
                    self._nonces.forget(key_id)
                case PlanKept(granted):
                    self._unbind(granted.plan.id)
                    self._bind(granted)
                case PlanGone(plan_id):
                    self._unbind(plan_id)
                    self.limits.forget_plan(plan_id)
                case LimitKept(limit):
                    self.limits.limit(limit, self._ticks())
                case StrategyKept(strategy, places):
                    self._unlist(strategy.id)
                    self._strategies[strategy.id] = places
                    self._listed |= dict.fromkeys(places, strategy)
                case StrategyGone(strategy_id):
                    self._unlist(strategy_id)
                case ServiceGone(service_id):
                    self.limits.forget_service(service_id)
                case _:
                    pass

    def _bind(self, granted: Granted) -> None:
        self._plans[granted.plan.id] = granted
        self.limits.grant(granted.plan, self._ticks())
        for place in granted.places:
            self._bound.setdefault(place, set()).add(granted.plan.id)

    def _unbind(self, plan_id: str) -> None:
        before = self._plans.pop(plan_id, None)
        for place in before.places if before else ():
            plans = self._bound[place]
            plans.discard(plan_id)
            if not plans:
                del self._bound[place]

    def _unlist(self, strategy_id: str) -> None:
        for place in self._strategies.pop(strategy_id, ()):
            listed = self._listed.get(place)
            if listed is not None and listed.id == strategy_id:
                del self._listed[place]

    def admit(self, asked: Asked) -> Passed | Denied:
        """Let a request in, or say why not: by its address, its signature, its limits."""
        place = Place(asked.api.service_id, asked.api.id, asked.environment)
        now = self._clock()
        try:
            self._check_address(place, asked.request)
            if asked.api.auth == NO_AUTH:
                return self._take(place, None, "")
            claim = self._proven(asked, now)
            passed = self._take(place, self._plan(place, claim), claim.key_id)
        except Unproven as reason:
            return self._deny(SIGNATURE, 401, str(reason))
        except Barred as barred:
            return self._deny(barred.reason, barred.status, str(barred), barred.headers)
        self._nonces.keep(claim, now)
        return passed

    def _check_address(self, place: Place, request: Request) -> None:
        """Raise `Barred` where a caller may not call from where it is."""
        strategy = self._listed.get(place)
        if strategy is None:
            return
        address = read_address(request.source_ip)
        if address is None:
            raise Barred(ADDRESS, 403, NO_ADDRESS)
        if not strategy.allows(address):
            raise Barred(ADDRESS, 403, WRONG_ADDRESS)

    def _proven(self, asked: Asked, now: float) -> Claim:
        """Return who signed a request, or raise `Unproven`. What is cheap comes first."""
        if asked.api.auth != SECRET:
            raise Barred(AUTH, 481, NO_SUCH_AUTH)
        claim = signature.read(asked.request.headers)
        signature.check_age(claim, now)
        key = self._keys.get(claim.key_id)
        if key is None or not key.enabled:
            raise Unproven(INVALID)
        signature.check(claim, key.secret)
        self._nonces.check(claim)
        return claim

    def _plan(self, place: Place, claim: Claim) -> Plan:
        """Return the plan by which a key may call; of those bound to a place, it is in one."""
        plans = self._bound.get(place, set()) | self._bound.get(place.whole, set())
        if not plans:
            raise Barred(PLAN, 403, NO_PLAN)
        for plan_id in plans:
            granted = self._plans[plan_id]
            if claim.key_id in granted.keys:
                return granted.plan
        raise Unproven(INVALID)

    def _take(self, place: Place, plan: Plan | None, key_id: str) -> Passed:
        taken = self.limits.take(place, plan, self._ticks())
        if isinstance(taken, Taken):
            return Passed(secret_id=key_id, headers=taken.headers)
        if taken.wait_s is None:  # nobody can say when somebody will raise the quota
            raise Barred(SPENT, 429, taken.message)
        raise Barred(RATE, 429, taken.message, [("retry-after", str(taken.wait_s))])

    def _deny(self, reason: str, status: int, message: str, more: Headers = ()) -> Denied:
        self.denied[reason] += 1
        headers = [("content-type", "application/json"), *more]
        body = json.dumps({"message": message}, separators=(",", ":")).encode()
        return Denied(Response(status=status, headers=headers, body=body))
