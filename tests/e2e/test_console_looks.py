"""How the console looks in a real browser: for everybody, at any width, in either language."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from huidu.console.table import PAGES
from tests.e2e.browsing import NEEDS_AXE, NEEDS_CHROMIUM, barriers, seated, sign_in, too_wide
from tests.e2e.shop import HIDDEN, MARK, Shop

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
