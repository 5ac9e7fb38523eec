"""Pictures of every page of the console for the documents: `make screenshots`."""

from __future__ import annotations

import argparse
import base64
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from tests.e2e.browsing import CHROMIUM, launched, seated, sign_in
from tests.gallery.furnishing import furnished
from tests.platform import Platform

DOCS = Path(__file__).parents[2] / "docs"
PLACE = DOCS / "images" / "console"
NAMES = (
    *("sign-in", "overview", "functions", "function", "compare", "alias", "rollouts", "rollout"),
    *("taken-back", "queue", "logs", "gateway", "service", "events", "settings"),
)
MOST_HIGH = 1800  #: Of a picture; what is below that is more of the same.
QUALITY = 78


@dataclass(frozen=True)
class Taste:
    """How a page is looked at."""

    locale: str = "en-US"
    theme: str = "light"
    width: int = 1280
    height: int = 800

    @property
    def options(self) -> Mapping[str, Any]:
        """What the browser is told of it."""
        size = {"width": self.width, "height": self.height}
        return {"locale": self.locale, "color_scheme": self.theme, "viewport": size}


TASTES = {
    "light": Taste(),
    "dark": Taste(theme="dark"),
    "narrow": Taste(width=390, height=844),
    "chinese": Taste(locale="zh-CN"),
}


def take(page: Page, file: Path) -> None:
    """Take a picture of a whole page as it is shown now."""
    page.evaluate("document.fonts.ready")
    high = min(page.evaluate("document.documentElement.scrollHeight"), MOST_HIGH)
    size = page.viewport_size or {"width": 0, "height": 0}
    page.set_viewport_size({"width": size["width"], "height": high})  # what is beside fills it
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    kind: dict[str, object] = {"format": "webp", "quality": QUALITY}
    if file.suffix == ".png":
        kind = {"format": "png"}
    session = page.context.new_cdp_session(page)
    taken = session.send("Page.captureScreenshot", kind)
    session.detach()
    page.set_viewport_size(size)
    file.write_bytes(base64.b64decode(taken["data"]))


def visit(page: Page, address: str) -> None:
    """Open a page, and wait until it shows what it has to show."""
    page.goto(address)
    for chart in page.locator("[data-chart]").all():
        chart.locator("canvas").first.wait_for()


def take_all(
    browser: Browser, platform: Platform, paths: Mapping[str, str], place: Path, suffix: str
) -> list[Path]:
    """Take every page in every taste; all of them while the same calls are in the charts."""
    files = []
    with ExitStack() as opened:
        for taste, how in TASTES.items():
            page = opened.enter_context(seated(browser, **how.options))
            visit(page, f"{platform.api}/console/sign-in")
            files.append(place / f"sign-in-{taste}{suffix}")
            take(page, files[-1])
            sign_in(page, platform)
            for name, path in paths.items():
                visit(page, f"{platform.api}/console/{path}")
                files.append(place / f"{name}-{taste}{suffix}")
                take(page, files[-1])
            page.goto("about:blank")
    return files


def main(words: list[str]) -> int:
    """Furnish a server, and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=PLACE)
    parser.add_argument("--pace", type=float, default=1.0, help="of the traffic; 1 takes 2 min")
    parser.add_argument("--suffix", default=".webp", choices=[".webp", ".png"])
    asked = parser.parse_args(words)
    if CHROMIUM is None:
        print("there is no chromium here; tests/needs installs one", file=sys.stderr)  # noqa: T201
        return 1
    asked.into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        platform = Platform.start(Path(folder) / "data", "--set", "webhook_allow=127.0.0.1")
        try:
            with furnished(platform, asked.pace) as house, launched() as browser:
                files = take_all(browser, platform, house.paths(), asked.into, asked.suffix)
        finally:
            platform.stop()
    total = sum(file.stat().st_size for file in files)
    print(f"{len(files)} pictures, {total / 1000:.0f} kB, in {asked.into}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
