"""The story: plays a gray release on a real server with real traffic, and checks each step."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from demo.entrance import Entrance
from demo.operator import Operator
from demo.scenes import DRAW_S, NEW, Scenes, phase_of
from demo.screen import Screen
from demo.stage import Load, NotUp, Server, StockService, free, stock_service
from demo.unattended import AFTER_S, release_unattended

FUNCTION = "function-B"
DATA = Path(".huidu/demo")
PORTS, ANY_PORTS = (9000, 9001), (0, 0)
CALLERS, PAUSE_S = 8, 0.015
GENTLY, GENTLE_PAUSE_S = 2, 0.1
WINDOW_S = 10.0
MOVE = """\
{huidu} api update-alias --function-name function-B \\
  --name release --function-version 1 --routing-config \\
  '{{"AdditionalVersionWeights": [{{"Version": "2", "Weight": 0.1}}]}}'"""
FAILED, BROKEN = 1, 2


@dataclass(frozen=True, slots=True)
class Stage:
    """What the story is played on."""

    screen: Screen
    server: Server
    stock: StockService
    operator: Operator
    entrance: Entrance


@contextmanager
def stage(screen: Screen, *, once: bool) -> Iterator[Stage]:
    """Set everything up, and take it down at the end of the block. Raises `NotUp`."""
    with ExitStack() as stack:
        data, ports = DATA, PORTS if free(*PORTS) else ANY_PORTS
        if once:
            data, ports = Path(stack.enter_context(tempfile.TemporaryDirectory())), ANY_PORTS
        server = Server(data, ports)
        stack.callback(server.stop)
        stock = stack.enter_context(stock_service())
        operator = Operator(server.api, server.pair, FUNCTION)
        entrance = Entrance(server.api, server.pair, FUNCTION)
        yield Stage(screen, server, stock, operator, entrance)


@contextmanager
def load_on(at: Stage, callers: int, pause_s: float) -> Iterator[Load]:
    """Call alias `release` until the end of the block."""
    load = Load(at.server, FUNCTION, "release", callers, pause_s)
    try:
        yield load
    finally:
        load.stop()


class Interrupted:
    """Whether whoever watches has had enough.

    The exception alone will not do: one that is raised while something is thrown away is lost.
    """

    def __init__(self) -> None:
        self._told = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._tell)

    def heed(self) -> None:
        """Raise `KeyboardInterrupt` if it was told before, and not heard."""
        if self._told:
            raise KeyboardInterrupt

    def _tell(self, _number: int, _frame: object) -> None:
        self._told = True
        raise KeyboardInterrupt


def play(at: Stage, interrupted: Interrupted, pace: float) -> None:
    """Play the story."""
    scenes = Scenes(at.screen, at.operator, at.entrance, at.stock, at.server.gateway, pace)
    for scene in (
        scenes.set_up,
        scenes.open_the_gateway,
        scenes.publish,
        scenes.develop,
        scenes.rehearse,
        scenes.let_bob_in,
    ):
        scene()
        interrupted.heed()
    with load_on(at, CALLERS, PAUSE_S) as load:
        load.wait()
        for busy in (scenes.release, scenes.fail, scenes.roll_back, scenes.look_back):
            interrupted.heed()
            busy(load)
        interrupted.heed()
        release_unattended(at.screen, at.operator, load, AFTER_S * pace)
    interrupted.heed()


def keep_serving(at: Stage) -> None:
    """Serve on under a gentle load, with who answers on the screen, until interrupted."""
    at.stock.is_mended()
    huidu = Path(sys.executable).with_name("huidu")
    with suppress(ValueError):
        huidu = huidu.relative_to(Path.cwd())
    at.screen.say(
        ("Huidu keeps serving; Ctrl-C ends it.", "bold"),
        (f"API      {at.server.api}\ngateway  {at.server.gateway}", ""),
        ("Watch it, and steer it, in a browser (good once, within ten minutes):", "bold"),
        (f"{at.server.api}{at.operator.console()}", ""),
        ("Version 2 is well again. Release it yourself, from another terminal:", "bold"),
        (f'eval "$({huidu} env --data {at.server.data})"', ""),
        (MOVE.format(huidu=huidu), ""),
        ("Or have it move by itself, and watch:", "bold"),
        (f"{huidu} rollout start function-B release 2 --watch", ""),
        (f"curl -H 'User: Bob' {at.server.gateway}{at.entrance.path('prepub')}", ""),
        (f"Who answered calls of release in the last {WINDOW_S:.0f} seconds:", "bold"),
    )
    with load_on(at, GENTLY, GENTLE_PAUSE_S) as load:
        weight, phases = 0.0, [phase_of([], 0.0)]
        with at.screen.live(phases) as draw:
            while True:
                with suppress(TencentCloudSDKException):  # whoever plays may delete the alias
                    weight = at.operator.share("release", NEW)
                for _ in range(10):
                    now = time.monotonic()
                    phases[0] = phase_of(load.between(now - WINDOW_S, now), weight)
                    draw()
                    time.sleep(DRAW_S)


def main() -> NoReturn:
    """Play the story; with --once leave with 0 where every check held, else serve on."""
    parser = argparse.ArgumentParser(prog="python -m demo.story", description=main.__doc__)
    parser.add_argument("--once", action="store_true", help="check and leave")
    parser.add_argument(
        "--pace", type=float, default=1.0, help="of each phase; 0.5 is half as long"
    )
    told = parser.parse_args()
    once = told.once
    # The SDK warns of answers that hold more than the cloud's; ours do, on purpose.
    warnings.filterwarnings("ignore", message=".* fileds are useless")
    interrupted = Interrupted()
    screen, began, played = Screen(), time.monotonic(), False
    screen.title(
        "Huidu 灰度: a gray release on real traffic",
        "A server, a load and an operator with the official SDK, each in its process.",
    )
    try:
        with stage(screen, once=once) as at:
            play(at, interrupted, told.pace)
            ok = screen.end(time.monotonic() - began)
            played = True
            if not once:
                keep_serving(at)
    except NotUp as error:
        print(f"the server did not come up: {error}", file=sys.stderr)
        sys.exit(BROKEN)
    except KeyboardInterrupt:
        print()
        sys.exit(0 if played else 128 + signal.SIGINT)
    sys.exit(0 if ok else FAILED)


if __name__ == "__main__":
    main()
