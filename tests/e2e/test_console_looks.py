"""How the console looks in a real browser: for everybody, at any width, in either language."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from huidu.console.table import PAGES
from tests.e2e.browsing import NEEDS_AXE, NEEDS_CHROMIUM, barriers, seated, sign_in, too_wide
from tests.e2e.shop import HIDDEN, MARK, Shop
from tests.gallery.furnishing import furnished
from tests.gallery.pictures import DOCS, NAMES, PLACE, TASTES, take, visit
from tests.platform import Platform

NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1360, "height": 900}
WHOLE = [page.path for page in PAGES if not page.path.endswith("preview")]
MORE = ["rules", "rollouts?state=finished", "functions?q=nothing", "alias?form=rules"]

pytestmark = [NEEDS_CHROMIUM, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def looker(browser: Browser, shop: Shop) -> Iterator[Page]:
    """Somebody who looks at one page after the other."""
    with seated(browser) as shown:
        sign_in(shown, shop.platform)
        shown.goto("about:blank")
        yield shown


def address(shop: Shop, which: str) -> str:
    """Return where a page is."""
    more = {
        "rules": f"/console/functions/{shop.release.name}/aliases/rules",
        "rollouts?state=finished": "/console/rollouts?state=finished&function=nobodys",
        "functions?q=nothing": "/console/functions?q=nothing",
        "alias?form=rules": f"{shop.alias}?form=rules&main=1&place=header&name=U&to=2",
    }
    return shop.platform.api + (HIDDEN | more | shop.paths())[which]


@NEEDS_AXE
@pytest.mark.parametrize("which", [*WHOLE, *MORE, *HIDDEN], ids=lambda which: which or "overview")
def test_a_page_keeps_nobody_out_and_needs_no_moving_sideways(
    looker: Page, shop: Shop, which: str
) -> None:
    looker.set_viewport_size(WIDE)  # type: ignore[arg-type]
    looker.emulate_media(color_scheme="light")
    looker.goto(address(shop, which))
    found = barriers(looker)
    looker.emulate_media(color_scheme="dark")
    assert looker.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 16, 17)"
    found += barriers(looker, "color-contrast")
    looker.set_viewport_size(NARROW)  # type: ignore[arg-type]
    found += ["too wide"] if too_wide(looker) else []
    looker.context.add_cookies(
        [{"name": "huidu_language", "value": "zh-CN", "url": f"{shop.platform.api}/console"}]
    )
    looker.reload()
    assert looker.get_attribute("html", "lang") == "zh-CN"
    found += ["too wide in Chinese"] if too_wide(looker) else []
    found += [f"narrow: {one}" for one in barriers(looker)]
    looker.context.clear_cookies(name="huidu_language")

    assert found == []
    assert looker.evaluate("window.evil") is None, MARK
    assert looker.locator("img[src=x]").count() == 0


def test_pictures_of_every_page_are_in_the_documents() -> None:
    there = {file.name: file.stat().st_size for file in PLACE.glob("*.webp")}
    told = "".join((DOCS / page).read_text("utf-8") for page in ("console.md", "zh-CN/console.md"))

    assert set(there) == {f"{name}-{taste}.webp" for name in NAMES for taste in TASTES}
    assert [name for name in there if told.count(f"images/console/{name}") < 2] == []
    assert sum(there.values()) < 3_000_000


def test_the_server_of_the_pictures_can_be_furnished_and_its_picture_taken(
    browser: Browser, start: Callable[..., Platform], tmp_path: Path
) -> None:
    """With next to no traffic: what `make screenshots` does but for its patience."""
    platform = start("--set", "webhook_allow=127.0.0.1", "--set", "warm_s=0")
    with furnished(platform, pace=0.0) as house, seated(browser) as page:
        assert {*house.paths(), "sign-in"} == {*NAMES}
        sign_in(page, platform)
        visit(page, f"{platform.api}/console/{house.paths()['taken-back']}")
        take(page, tmp_path / "taken-back.webp")
        assert "rolled back" in page.inner_text("#state")
    assert (tmp_path / "taken-back.webp").read_bytes()[8:12] == b"WEBP"
