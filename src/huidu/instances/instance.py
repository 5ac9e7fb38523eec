"""Instance: a live worker that has loaded one version and runs its calls, one at a time."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from time import perf_counter

from huidu.instances import answers, endings, wire
from huidu.instances.channel import Channel, Lost, Undelivered
from huidu.instances.launch import Exit, Launched
from huidu.instances.lease import Lease, Returned
from huidu.instances.living import Living, Rider, Stopped, TimedOut
from huidu.instances.outcomes import Ending, StartFailed
from huidu.instances.told import Ready
from huidu.instances.wire import KINDS, Frame, Kind, ProtocolError, TooLarge
from huidu.model.capacity import NEVER
from huidu.model.invocation import Outcome, Status
from huidu.model.task import Task
from huidu.model.version import Version
from huidu.runtimes.table import CUSTOM

MOMENT_MS, ASK_AGAIN_S = 5.0, 0.1
NONCES = 256  #: Drawn at once: the kernel is asked for each call else.


class Turn:
    """A call that an instance has."""

    __slots__ = ("began", "instance", "nonce", "rider", "task")

    def __init__(self, instance: Instance, task: Task, rider: Rider, nonce: bytes) -> None:
        self.instance = instance
        self.task = task
        self.rider: Rider = rider
        self.nonce = nonce
        self.began = 0.0

    def leave(self) -> None:
        """Wait for it no more. It takes the instance with it: nobody can tell what it left."""
        self.rider = NOBODY
        self.instance.left(self)


class Nobody:
    """Who is told nothing."""

    def begins(self) -> None:
        """Nobody cares."""

    def hears(self, outcome: Outcome | None) -> None:
        """Nobody listens."""


class Waiting:
    """A rider that is a coroutine."""

    def __init__(self) -> None:
        self.heard: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()

    def begins(self) -> None:
        """Go on waiting."""

    def hears(self, outcome: Outcome | None) -> None:
        """Wake it up."""
        self.heard.set_result(outcome)


NOBODY = Nobody()


class Nonces:
    """Marks that only who was sent a call can know."""

    def __init__(self) -> None:
        self._drawn = b""
        self._at = 0

    def draw(self) -> bytes:
        """Return one that was never used."""
        begin = self._at
        self._at = end = begin + wire.NONCE_BYTES
        if end > len(self._drawn):
            self._drawn = secrets.token_bytes(NONCES * wire.NONCE_BYTES)
            begin, self._at = 0, wire.NONCE_BYTES
        return self._drawn[begin : self._at]


NONCE = Nonces()


class Instance(Living):
    """A process that runs the calls of one version, until it ends or is ended.

    It ends with the first thing about it that is not as agreed; from then on `alive` is false.
    `exhausted` is what its language prints where it ends by itself for want of memory.
    """

    def __init__(self, version: Version, launched: Launched, exhausted: str = "") -> None:
        super().__init__(version, launched, Channel(launched.end, self._broken))
        self._exhausted = exhausted
        self._killed_unused = False
        self._peak_bytes = 0
        self._deadline = NEVER
        self._asked_at = 0.0  #: When it was asked whether memory was used up.
        self._timer: asyncio.TimerHandle | None = None
        self._turn: Turn | None = None
        self._after: deque[Turn] = deque()  #: The calls that were sent ahead, in their order.
        self._takes_ahead = 0  #: How many it takes.
        self._cutting: set[asyncio.Task[None]] = set()

    async def load(self, order: bytes) -> Ready:
        """Have the worker load its version, or raise `StartFailed`."""
        loaded = await self._load(order)
        self._init_ms = (perf_counter() - self._born) * 1000
        if isinstance(loaded, Ending):
            await self.stop()
            raise StartFailed(loaded, self._pipe.take(), self._init_ms, another=self._killed_unused)
        self._listen()
        self._takes_ahead = loaded.ahead
        return loaded

    def _listen(self) -> None:
        """Hear what the worker answers from now on."""
        self._wire.hear = self._hear
        self._wire.before, self._wire.after = self._pipe.see, self._pipe.forget

    async def run(self, task: Task) -> Outcome:
        """Run one call to its end, whatever that is.

        Raises `Undelivered` where the call certainly never began. A caller that is cancelled
        takes the instance with it.
        """
        waiting = Waiting()
        turn = self.start(task, waiting)
        try:
            outcome = await waiting.heard
        except asyncio.CancelledError:
            turn.leave()
            raise
        if outcome is None:
            raise Undelivered
        return outcome

    @property
    def ahead(self) -> bool:
        """Whether it can be given another call before it has answered those that it has.

        Not where what it prints does not say of which of them it is.
        """
        return len(self._after) < self._takes_ahead and self._pipe.tells_apart

    def start(self, task: Task, rider: Rider) -> Turn:
        """Run one call, or have it run once those have ended that came before it.

        What was sent ahead begins when the answer before it comes. Until then it has certainly not
        begun, whatever becomes of the instance: a worker begins nothing before it has answered.
        """
        if task.version.digest != self._version.digest:
            raise ValueError(f"instance {self.name} was not started for this version")
        turn = Turn(self, task, rider, NONCE.draw())
        if self._wire.fault is not None:
            self._loop.call_soon(rider.hears, None)
            return turn
        if self._turn is None:
            self._begin(turn)
        elif len(self._after) < self._takes_ahead:
            self._after.append(turn)
        else:
            raise ValueError(f"{self!r} has as many calls as it can have")
        self._wire.send(wire.call(turn.nonce, task.context(), task.invocation.event))
        return turn

    def left(self, turn: Turn) -> None:
        """End, now or when it would begin with this call."""
        if self._turn is turn:
            self._wire.fail(Stopped())
        elif turn in self._after:
            self._retire()

    def _begin(self, turn: Turn) -> None:
        turn.began = perf_counter()
        self._turn = turn
        self._running = (turn.task, turn.began)
        self._set_deadline()
        turn.rider.begins()

    def _hear(self, kind: int, body: bytes) -> None:
        turn = self._turn
        if turn is None:
            raise ProtocolError(f"{KINDS[kind].name} that nobody asked for")
        ending = answers.ending(kind, body, turn.nonce)
        self._turn = self._running = None
        self._deadline = NEVER
        duration_ms = (perf_counter() - turn.began) * 1000
        self.took_s = ending.took_s or duration_ms / 1000
        self._peak_bytes = ending.peak_bytes
        outcome = self._outcome(turn.task, ending, duration_ms)
        if self._after:
            if ending.ends:  # What was sent ahead does not begin: it goes to another.
                self._wire.fail(Lost())
            else:
                self._go_on(self._after.popleft())
        turn.rider.hears(outcome)

    def _go_on(self, turn: Turn) -> None:
        """Begin with a call that was sent ahead, unless nobody waits for it any more."""
        self._begin(turn)
        if turn.rider is NOBODY:
            self._wire.fail(Stopped())

    def _broken(self) -> None:
        self._process.kill()
        self._retire()
        turn, ahead, fault = self._turn, self._after, self._wire.fault
        self._turn = self._running = None
        self._after = deque()
        self._deadline = NEVER
        for one in ahead:
            self._loop.call_soon(one.rider.hears, None)
        if turn is None or fault is None or turn.rider is NOBODY:
            return
        if isinstance(fault, Undelivered):
            if not ahead:
                self._loop.call_soon(turn.rider.hears, None)
                return
            fault = Lost()  # It is the one that was sent ahead that was not read.
        cutting = self._loop.create_task(self._cut_off(turn, fault))
        self._cutting.add(cutting)
        cutting.add_done_callback(self._cutting.discard)

    def lend(self, stop: Callable[[], None]) -> tuple[Lease, tuple[int, int]]:
        """Leave it to another process until `resume`; return what that must know and have.

        `stop` is called where it is to end meanwhile: the one who has it is to end its call.
        """
        self._home.clear()
        self._stop_elsewhere = stop
        self._wire.rest()
        lease = Lease(
            name=self.name,
            pid=self._process.pid,
            fresh=self._fresh,
            init_ms=self._init_ms,
            ahead=self._takes_ahead,
            exhausted=self._exhausted,
            place=self._pipe.rest(),
        )
        return lease, (self._wire.fd, self._pipe.fd)

    def resume(self, returned: Returned) -> None:
        """Go on with it as it comes back; one that is not sound is ended."""
        self.took_s, self._fresh = returned.took_s, returned.fresh
        self._wire.wake()
        self._pipe.wake(returned.place)
        self._home.set()
        if self._stopping or not returned.sound:
            self._wire.fail(Stopped())

    def kill(self) -> None:
        """End its process, whoever has it."""
        self._process.kill()

    async def ended(self) -> Exit:
        """Return how its process ended, once it has."""
        return await self._process.wait()

    async def _load(self, order: bytes) -> Ready | Ending:
        limit = self._version.configuration.init_timeout_s
        try:
            async with asyncio.timeout(limit):
                frame = await self._wire.exchange(wire.pack(Frame(Kind.LOAD, order)))
            return answers.loading(frame, self._version.digest)
        except TimeoutError:
            message = f"Initialization timed out after {limit} seconds"
            if self._version.configuration.runtime == CUSTOM.spelling:
                message += "; a bootstrap is ready once it has asked POST /runtime/init/ready"
            return Ending(status=Status.INIT_TIMED_OUT, message=message)
        except ProtocolError as error:
            return endings.never_agreed(error)
        except (Undelivered, Lost) as fault:
            ended = await self._process.wait()
            unused = isinstance(fault, Undelivered) and not ended.why and not ended.out_of_memory
            self._killed_unused = unused and ended.code < 0
            return endings.never_ready(ended)

    async def _watch(self) -> None:
        try:
            await super()._watch()
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def _set_deadline(self) -> None:
        """Have the call end in time. One timer serves many calls: it looks again when it rings."""
        self._deadline = self._loop.time() + self._timeout_s
        if self._timer is None:
            self._timer = self._loop.call_at(self._deadline, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._deadline == NEVER:
            return
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._ring)
        else:
            self._peak_bytes = self._process.peak_bytes()
            self._wire.fail(TimedOut())

    async def _cut_off(self, turn: Turn, fault: Exception) -> None:
        """Tell of a call that the instance did not, or may not, answer."""
        duration_ms = (perf_counter() - turn.began) * 1000
        ended = await self._process.wait()
        ending = self._told(fault, ended)
        ending = ending if ending.peak_bytes else ending.but(peak_bytes=self._peak_bytes)
        self.took_s = duration_ms / 1000
        self._peak_bytes = ending.peak_bytes
        turn.rider.hears(self._outcome(turn.task, ending, duration_ms))

    def _told(self, fault: Exception, ended: Exit) -> Ending:
        if isinstance(fault, TimedOut):
            return endings.timed_out(self._version.configuration)
        if isinstance(fault, TooLarge):
            return Ending(status=Status.RESULT_TOO_LARGE, message=str(fault))
        if isinstance(fault, ProtocolError):
            message = f"the instance does not speak as agreed, and was ended: {fault}"
            return Ending(status=Status.PROCESS_EXITED, message=message)
        if isinstance(fault, Stopped):
            return endings.stopped()
        if ended.out_of_memory or self._gave_up(ended):
            return endings.out_of_memory(self._version.configuration, ended.peak_bytes)
        return endings.exited(ended)

    def _printed(self, duration_ms: float) -> str:
        """Return what was printed, and a line where memory was used up and yet the call went on.

        Nobody uses up memory in a moment: after calls as short as that it is asked now and then.
        """
        printed = super()._printed(duration_ms)
        if not self._alive:
            return printed
        now = self._loop.time()
        if duration_ms < MOMENT_MS and now - self._asked_at < ASK_AGAIN_S:
            return printed
        self._asked_at = now
        if not self._process.starved():
            return printed
        limit = self._version.configuration.memory_mb
        return f"{printed}(a process was killed: the memory limit of {limit} MB was reached)\n"

    def _gave_up(self, ended: Exit) -> bool:
        """Tell whether the language ended the process, since it has no memory left to give."""
        return ended.code < 0 and self._pipe.shows(self._exhausted)
