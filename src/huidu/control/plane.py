"""Plane: what the handlers of actions work with, and who asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from msgspec import Struct

from huidu.control.keyring import Keyring
from huidu.invoke.flight import Answered, Caller, UnderWay
from huidu.invoke.routes import Target
from huidu.invoke.tracing import HANDED_ON, Tracing
from huidu.model.account import Account
from huidu.model.comparison import Comparison
from huidu.model.component import Component, Order
from huidu.model.delivery import Reply
from huidu.model.event import Kept, QueuedEvent, State
from huidu.model.findings import Findings
from huidu.model.function import Code, FunctionName
from huidu.model.happening import Happening
from huidu.model.invocation import Invocation, Record
from huidu.model.log import Wanted
from huidu.model.mirror import Mirror
from huidu.model.quota import Quota
from huidu.model.role import Role
from huidu.model.rollout import Rollout, Step
from huidu.model.rollup import Selection
from huidu.model.standing import Standing
from huidu.model.tally import Lane, Tally
from huidu.model.trace import NOTHING_SENT, Sent
from huidu.model.trigger import Trigger
from huidu.model.version import Version
from huidu.model.webhook import Webhook
from huidu.store.object_file import Facts
from huidu.store.queue_asking import Search as Which
from huidu.store.reading import Reading
from huidu.store.searching import Search
from huidu.store.shelf import Cursor, Page
from huidu.store.writing import Writing

T = TypeVar("T")


class Catalog(Protocol):
    """What is known of functions, versions, aliases and triggers."""

    async def read(self, ask: Callable[[Reading], T]) -> T: ...

    async def write(self, change: Callable[[Writing], T]) -> T: ...


class Packages(Protocol):
    """Where code is kept. All of these block."""

    def keep(self, zip_bytes: bytes) -> Code: ...

    def unpacked(self, code: Code) -> Path: ...

    def unpacked_bytes(self, code: Code) -> int: ...

    def discard(self, code: Code) -> None: ...


class Objects(Protocol):
    """What was uploaded for packages to be made of."""

    def open(self, bucket: str, key: str) -> tuple[Facts, BinaryIO]:
        """Return an object and its file, or raise `Absent`. Blocks; who asks closes the file."""
        ...


class Queue(Protocol):
    """Events that nobody waits for."""

    @property
    def waiting(self) -> Mapping[FunctionName, int]: ...

    @property
    def dead(self) -> Mapping[FunctionName, int]: ...

    async def put(self, event: QueuedEvent) -> None: ...

    async def holds(self, request_id: str) -> bool: ...

    async def find(self, request_id: str) -> Kept | None: ...

    async def search(self, search: Which) -> tuple[int, Sequence[Kept]]: ...


class EndEvent(Protocol):
    """Ends an event that waits or runs."""

    async def __call__(self, request_id: str, *, graceful: bool) -> State | None:
        """Return the state in which it was; None where there is none."""
        ...


async def nobody(request_id: str, *, graceful: bool) -> State | None:
    """End nothing: nobody runs events."""
    return None


class Recorder(Protocol):
    """Takes the records of calls."""

    async def flush(self) -> None: ...


class Journal(Protocol):
    """The records of calls."""

    async def find(self, search: Search) -> tuple[int, Sequence[Record]]: ...


class Logs(Protocol):
    """What functions print."""

    @property
    def newest(self) -> int:
        """The sequence of the last chunk that a search can find."""
        ...

    @property
    def hushed(self) -> bool:
        """Whether nobody is to wait for news any more."""
        ...

    async def flush(self) -> None: ...

    async def search(
        self, wanted: Wanted, start: Cursor, limit: int, *, newest_first: bool
    ) -> Page: ...

    async def printed(self, request_ids: Sequence[str]) -> Mapping[tuple[str, int], str]: ...

    async def wait(self, after: int, most_s: float) -> None: ...


class Point(Protocol):
    """What was counted of calls within a period."""

    @property
    def start(self) -> int: ...

    @property
    def tally(self) -> Tally: ...

    @property
    def concurrent(self) -> int:
        """The most calls that ran at once."""
        ...


class Series(Protocol):
    """The counts of calls, over time."""

    async def read(self, wanted: Selection) -> Sequence[Point]:
        """Return what was counted; of periods without a call there is none."""
        ...

    async def by_version(self, wanted: Selection) -> Mapping[str, Sequence[Point]]:
        """Return the same for each version apart."""
        ...

    async def lanes(
        self, since: int, until: int, function_id: str | None
    ) -> Mapping[Lane, Sequence[Point]]:
        """Return what was counted lately by second: of one function, or of all."""
        ...


class Rollouts(Protocol):
    """Who moves the rollouts that are under way."""

    def close(self, rollout: Rollout) -> None:
        """Let no call reach the candidate from now on, whatever is written."""
        ...

    def reopen(self, rollout_id: str) -> None:
        """Let calls reach it again."""
        ...

    def insist(self, rollout_id: str, step: Step) -> None:
        """Write a rollback that could not be written, as soon as that can be."""
        ...

    def findings(self, rollout_id: str) -> Findings | None:
        """Return what was seen so far; None where it is not under way."""
        ...

    def seen(self, rollout_id: str) -> str:
        """Return a mark of what there is to see of a rollout, which changes when that does."""
        ...

    async def wait(self, rollout_id: str, seen: str, most_s: float) -> None:
        """Return once there is something else to see than what bears this mark."""
        ...

    async def quiet(self, lane: Lane, most_s: float) -> int:
        """Return once no call takes a way, or how many still do after so long."""
        ...


class Invoker(Protocol):
    """The one way from a call to its outcome."""

    async def invoke(self, invocation: Invocation) -> Answered: ...

    def begin(self, invocation: Invocation, caller: Caller) -> UnderWay: ...


class Routes(Protocol):
    """Where calls go now."""

    def target(self, named: FunctionName, qualifier: str) -> Target | None: ...

    def id_of(self, named: FunctionName) -> str | None: ...

    def is_web(self, named: FunctionName) -> bool: ...


class Instances(Protocol):
    """The running copies of versions."""

    async def kill(self, version: Version) -> None: ...

    async def ready(self, version: Version, count: int) -> str:
        """Have so many instances, as far as there is room; return why not, or nothing."""
        ...

    def soon(self, version: Version, count: int) -> None:
        """Begin to have so many instances, as far as there is room."""
        ...

    def hold(self, version: Version, count: int) -> None:
        """Keep so many of the instances that there are of a version, and one at least; 0: none.

        They do not end for being idle. It is forgotten when the version goes.
        """
        ...

    def held(self) -> Mapping[tuple[str, str, str], int]:
        """Return how many instances there are by function id, version number and digest."""
        ...

    def standings(self) -> Sequence[Standing]:
        """Return how things stand with each version that has instances, or is to have some."""
        ...


class Mirroring(Protocol):
    """Who runs copies of calls."""

    @property
    def most(self) -> int:
        """How many copies may run at once; 0: there are to be no mirrors."""
        ...

    def found(self, mirror: Mirror) -> tuple[Mirror, Comparison] | None:
        """Return a mirror and what it found, where that is newer than what is kept."""
        ...


class Runtimes(Protocol):
    """The languages that a function may be written in."""

    def check(self, runtime: str, handler: str) -> None:
        """Raise `InvalidValue` unless the runtime exists and takes such a handler."""
        ...

    def web(self, name: str) -> object:
        """Raise `InvalidValue` unless the runtime exists and can be a web function's."""
        ...

    def note(self, runtime: str) -> str:
        """Return what a user must know of this runtime on this machine, or nothing."""
        ...

    def told(self, runtime: str, *, web: bool) -> tuple[str, str, str]:
        """Return which language a runtime is, what runs it here, and such a note."""
        ...


class Kind(Protocol):
    """A type of trigger: reads its definition, and tells how it is shown."""

    @property
    def of_web(self) -> bool:
        """Whether it can call a web function."""
        ...

    @property
    def of_gateway(self) -> bool:
        """Whether it is an API of a service, and kept as one."""
        ...

    @property
    def upcoming(self) -> Callable[[str, float, tzinfo, int], Sequence[float]] | None:
        """Says when one fires next, by definition, from a moment on, in a zone, so many times."""
        ...

    def define(self, text: str) -> str:
        """Return the definition as it is kept, or raise `InvalidValue`."""
        ...

    def show(self, trigger: Trigger, gateway_url: str) -> str:
        """Return the definition as it is read back."""
        ...


class Courier(Protocol):
    """Who posts to webhooks."""

    def check_url(self, url: str) -> str:
        """Return a URL that may be posted to, or raise `InvalidValue`."""
        ...

    async def knock(self, webhook: Webhook, delivery_id: str, told: Happening) -> Reply:
        """Post one happening once, and return what came of it."""
        ...


class Components(Protocol):
    """Who carries out what `sls` asks."""

    async def addresses(self) -> tuple[str, str, str]:
        """Return where code is put, where it is then to be had, and where there is nothing."""
        ...

    async def begin(self, asked: Asked, order: Order) -> Component:
        """Begin a run, and return the component as it stands then; or raise a refusal."""
        ...


class Uploads:
    """How many packages are between being kept and being referred to."""

    def __init__(self) -> None:
        self.under_way = 0
        self.turn = asyncio.Lock()


class Asked(Struct, frozen=True, kw_only=True, gc=False):
    """Who asked, and under which request id."""

    request_id: str
    who: str
    source_ip: str | None = None
    key_id: str = ""  #: The key that signed; empty where nobody did.
    role: Role = Role.ADMIN
    sent: Sent = NOTHING_SENT  #: Of the trace that the request is part of.


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """Everything that carrying out an action may need. Time and chance are parts like any other."""

    catalog: Catalog
    packages: Packages
    objects: Objects
    uploads: Uploads = field(default_factory=Uploads)
    queue: Queue
    journal: Journal
    logs: Logs
    recorder: Recorder
    series: Series
    rollouts: Rollouts
    invoker: Invoker
    routes: Routes
    instances: Instances
    keyring: Keyring
    runtimes: Runtimes
    triggers: Mapping[str, Kind]
    courier: Courier
    components: Components
    download: Callable[[Code, str], str]  #: Where a package can be had, under a name for it.
    gateway_url: str  #: Where function URLs and services begin.
    account: Account = field(default_factory=Account)
    quota: Quota
    zone: tzinfo
    default_qualifier: str
    warm_s: float  #: How long a move of an alias may wait for instances.
    mirroring: Mirroring
    wake_queue: Callable[[], None]
    clock: Callable[[], float] = time.time
    timer: Callable[[], float] = time.perf_counter  #: Seconds, never backwards.
    draw: Callable[[], float]
    new_id: Callable[[], str]
    tracing: Tracing = HANDED_ON
    end_event: EndEvent = nobody
