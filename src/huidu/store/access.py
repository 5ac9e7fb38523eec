"""Who may call the gateway's APIs, as the catalog keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    RowMapping,
    Table,
    and_,
    delete,
    insert,
    select,
    update,
)

from huidu.model.effect import (
    Effect,
    KeyGone,
    KeyKept,
    LimitKept,
    PlanGone,
    PlanKept,
    StrategyGone,
    StrategyKept,
)
from huidu.model.errors import NotFound
from huidu.model.key import Key
from huidu.model.plan import UNLIMITED, Granted, Place, Plan
from huidu.model.strategy import IpStrategy, Limit
from huidu.store.access_tables import (
    KEY,
    LIMIT,
    PLAN,
    PLAN_KEY,
    PLAN_PLACE,
    STRATEGY,
    STRATEGY_PLACE,
)


class AccessReading:
    """Questions to the catalog about keys, usage plans, limits and lists of addresses."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def key(self, key_id: str) -> Key:
        """Return a key, or raise `NotFound`."""
        row = self._one(KEY, key_id)
        if row is None:
            raise NotFound("InvalidAccessKeyId", key_id[:80])
        return Key(**row)

    def every_key(self) -> Sequence[Key]:
        """Return all keys, the newest first."""
        return [Key(**row) for row in self._every(KEY)]

    def plan(self, plan_id: str) -> Plan:
        """Return a usage plan, or raise `NotFound`."""
        row = self._one(PLAN, plan_id)
        if row is None:
            raise NotFound("InvalidUsagePlan", plan_id[:80])
        return Plan(**row)

    def plans(self) -> Sequence[Plan]:
        """Return all usage plans, the newest first."""
        return [Plan(**row) for row in self._every(PLAN)]

    def granted(self, plan: Plan) -> Granted:
        """Return a plan with what it is bound to."""
        keys = select(PLAN_KEY.c.key_id).where(PLAN_KEY.c.plan_id == plan.id)
        return Granted(
            plan,
            frozenset(self._connection.execute(keys).scalars()),
            frozenset(place for _, place, _ in self.bindings(PLAN_PLACE.c.plan_id == plan.id)),
        )

    def every_granted(self) -> Sequence[Granted]:
        """Return all plans with what they are bound to, in three questions."""
        keys: dict[str, set[str]] = {}
        for plan_id, key_id in self._connection.execute(
            select(PLAN_KEY.c.plan_id, PLAN_KEY.c.key_id)
        ):
            keys.setdefault(plan_id, set()).add(key_id)
        places: dict[str, set[Place]] = {}
        for plan_id, place, _ in self.bindings():
            places.setdefault(plan_id, set()).add(place)
        return [
            Granted(plan, frozenset(keys.get(plan.id, ())), frozenset(places.get(plan.id, ())))
            for plan in self.plans()
        ]

    def keys_of(self, plan: Plan) -> Sequence[Key]:
        """Return the keys of a plan, in the order in which they were bound."""
        mine = and_(PLAN_KEY.c.plan_id == plan.id, PLAN_KEY.c.key_id == KEY.c.id)
        query = select(KEY).where(mine).order_by(PLAN_KEY.c.added_at, KEY.c.id)
        return [Key(**row) for row in self._connection.execute(query).mappings()]

    def plans_of(self, key_id: str) -> Sequence[str]:
        """Return the ids of the plans that a key is bound to."""
        query = select(PLAN_KEY.c.plan_id).where(PLAN_KEY.c.key_id == key_id)
        return self._connection.execute(query).scalars().all()

    def bindings(self, *where: ColumnElement[bool]) -> Sequence[tuple[str, Place, float]]:
        """Return which plan is bound where, and since when, the newest first."""
        query = select(PLAN_PLACE).where(*where)
        order = (PLAN_PLACE.c.added_at.desc(), PLAN_PLACE.c.plan_id, PLAN_PLACE.c.api_id)
        found = self._connection.execute(query.order_by(*order))
        return [(row.plan_id, _place(row), row.added_at) for row in found]

    def bindings_of_service(self, service_id: str) -> Sequence[tuple[str, Place, float]]:
        """Return which plan is bound to a service, or an API of it, and since when."""
        return self.bindings(PLAN_PLACE.c.service_id == service_id)

    def bindings_of_plan(self, plan_id: str) -> Sequence[tuple[str, Place, float]]:
        """Return where a plan is bound, and since when."""
        return self.bindings(PLAN_PLACE.c.plan_id == plan_id)

    def limits(self, service_id: str | None = None) -> Sequence[Limit]:
        """Return all limits there are, or those of a service and its APIs."""
        query = select(LIMIT)
        if service_id is not None:
            query = query.where(LIMIT.c.service_id == service_id)
        return [Limit(_place(row), row.rate_per_s) for row in self._connection.execute(query)]

    def strategy(self, service_id: str, strategy_id: str) -> IpStrategy:
        """Return a list of addresses of a service, or raise `NotFound`."""
        row = self._one(STRATEGY, strategy_id)
        if row is None or row["service_id"] != service_id:
            raise NotFound("InvalidIPStrategy", strategy_id[:80])
        return IpStrategy(**row)

    def strategies(self, service_id: str | None = None) -> Sequence[IpStrategy]:
        """Return all lists of addresses, or those of a service, the newest first."""
        every = [IpStrategy(**row) for row in self._every(STRATEGY)]
        return [one for one in every if service_id in (None, one.service_id)]

    def places_of(self, strategy: IpStrategy) -> frozenset[Place]:
        """Return the APIs that a list of addresses is bound to."""
        query = select(STRATEGY_PLACE).where(STRATEGY_PLACE.c.strategy_id == strategy.id)
        return frozenset(_place(row) for row in self._connection.execute(query))

    def strategy_at(self, service_id: str) -> Mapping[Place, str]:
        """Return which list of addresses is bound to which API of a service."""
        query = select(STRATEGY_PLACE).where(STRATEGY_PLACE.c.service_id == service_id)
        return {_place(row): row.strategy_id for row in self._connection.execute(query)}

    def everything(self) -> Sequence[Effect]:
        """Return all that is kept, as if it had just been written."""
        return [
            *map(KeyKept, self.every_key()),
            *map(PlanKept, self.every_granted()),
            *map(LimitKept, self.limits()),
            *(StrategyKept(one, self.places_of(one)) for one in self.strategies()),
        ]

    def _one(self, table: Table, row_id: str) -> RowMapping | None:
        query = select(table).where(table.c.id == row_id)
        return self._connection.execute(query).mappings().first()

    def _every(self, table: Table) -> Iterable[RowMapping]:
        order = (table.c.added_at.desc(), table.c.id)
        return self._connection.execute(select(table).order_by(*order)).mappings()


class AccessWriting(AccessReading):
    """What may be changed of it."""

    def __init__(self, connection: Connection, effects: list[Effect]) -> None:
        super().__init__(connection)
        self._effects = effects

    def put_key(self, key: Key) -> None:
        """Keep a key, in the place of the one with its id if there is one."""
        self._put(KEY, asdict(key))
        self._effects.append(KeyKept(key))

    def delete_key(self, key: Key) -> None:
        """Forget a key, which must be in no plan."""
        self._connection.execute(delete(KEY).where(KEY.c.id == key.id))
        self._effects.append(KeyGone(key.id))

    def put_plan(self, plan: Plan) -> None:
        """Keep a plan; what was used of its quota is kept by whoever counts it (`Uses`)."""
        row = asdict(plan)
        if self._one(PLAN, plan.id) is not None:
            del row["used"]
        self._put(PLAN, row)
        self._told(plan)

    def delete_plan(self, plan: Plan) -> None:
        """Forget a plan with its bindings."""
        self._connection.execute(delete(PLAN).where(PLAN.c.id == plan.id))
        self._effects.append(PlanGone(plan.id))

    def bind_key(self, plan: Plan, key: Key, at: float) -> None:
        """Bind a key that is not in the plan yet."""
        row = {"plan_id": plan.id, "key_id": key.id, "added_at": at}
        self._connection.execute(insert(PLAN_KEY).values(row))

    def unbind_key(self, plan: Plan, key_id: str) -> None:
        """Take a key out of a plan."""
        mine = and_(PLAN_KEY.c.plan_id == plan.id, PLAN_KEY.c.key_id == key_id)
        self._connection.execute(delete(PLAN_KEY).where(mine))

    def bind_place(self, plan: Plan, place: Place, at: float) -> None:
        """Bind a plan to where it is not bound yet."""
        row = {"plan_id": plan.id, **asdict(place), "added_at": at}
        self._connection.execute(insert(PLAN_PLACE).values(row))

    def unbind_place(self, plan: Plan, place: Place) -> None:
        """Unbind a plan from a place."""
        mine = and_(PLAN_PLACE.c.plan_id == plan.id, _is(PLAN_PLACE, place))
        self._connection.execute(delete(PLAN_PLACE).where(mine))

    def bound(self, plan: Plan) -> None:
        """Say that all is bound and unbound that a request asked for."""
        self._told(plan)

    def put_limit(self, limit: Limit) -> None:
        """Keep a limit, or forget it where it is none."""
        self._connection.execute(delete(LIMIT).where(_is(LIMIT, limit.place)))
        if limit.rate_per_s != UNLIMITED:
            row = {**asdict(limit.place), "rate_per_s": limit.rate_per_s}
            self._connection.execute(insert(LIMIT).values(row))
        self._effects.append(LimitKept(limit))

    def put_strategy(self, strategy: IpStrategy) -> None:
        """Keep a list of addresses, in the place of the one with its id if there is one."""
        row = {one.name: getattr(strategy, one.name) for one in fields(IpStrategy) if one.init}
        self._put(STRATEGY, row)
        self._effects.append(StrategyKept(strategy, self.places_of(strategy)))

    def delete_strategy(self, strategy: IpStrategy) -> None:
        """Forget a list of addresses with its bindings."""
        self._connection.execute(delete(STRATEGY).where(STRATEGY.c.id == strategy.id))
        self._effects.append(StrategyGone(strategy.id))

    def bind_strategy(
        self, strategy: IpStrategy, bind: Iterable[Place], unbind: Iterable[Place]
    ) -> None:
        """Bind a list of addresses to APIs that have none, and unbind it from others."""
        for place in unbind:
            mine = and_(STRATEGY_PLACE.c.strategy_id == strategy.id, _is(STRATEGY_PLACE, place))
            self._connection.execute(delete(STRATEGY_PLACE).where(mine))
        for place in bind:
            row = {"strategy_id": strategy.id, **asdict(place)}
            self._connection.execute(insert(STRATEGY_PLACE).values(row))
        self._effects.append(StrategyKept(strategy, self.places_of(strategy)))

    def forget_service(self, service_id: str) -> None:
        """Forget what is bound to a service, and to its APIs, that is being deleted."""
        for strategy in self.strategies(service_id):
            self.delete_strategy(strategy)
        for limit in self.limits(service_id):
            self.put_limit(Limit(limit.place, UNLIMITED))
        unbound = {plan_id for plan_id, _, _ in self.bindings_of_service(service_id)}
        mine = PLAN_PLACE.c.service_id == service_id
        self._connection.execute(delete(PLAN_PLACE).where(mine))
        for plan_id in sorted(unbound):
            self._told(self.plan(plan_id))

    def _told(self, plan: Plan) -> None:
        self._effects.append(PlanKept(self.granted(plan)))

    def _put(self, table: Table, row: Mapping[str, Any]) -> None:
        query = update(table).where(table.c.id == row["id"]).values(row)
        if not self._connection.execute(query).rowcount:
            self._connection.execute(insert(table).values(row))


def _place(row: Row[Any]) -> Place:
    return Place(row.service_id, row.api_id, row.environment)


def _is(table: Table, place: Place) -> ColumnElement[bool]:
    return and_(
        table.c.service_id == place.service_id,
        table.c.api_id == place.api_id,
        table.c.environment == place.environment,
    )
