"""The console in a real browser: a release is watched, steered and undone by looking at it."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from tencentcloud.common import credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.scf.v20180416.scf_client import ScfClient

from tests.e2e.browsing import AXE, NEEDS_CHROMIUM, barriers, seated, sign_in, too_wide
from tests.e2e.rolling_out import BAD, Load, Release
from tests.e2e.visiting import Visitor
from tests.platform import REGION, Platform, until, zipped

pytestmark = [NEEDS_CHROMIUM, pytest.mark.timeout(120)]


def seen_share(page: Page, version: str) -> float:
    """Return the share of a version as a reader finds it in the page now."""
    told = page.get_attribute(f'#lanes [data-version="{version}"]', "data-seen")
    return float(told or 0)


def answered(load: Load, count: int = 10) -> set[str]:
    """Return who answers calls that begin from now on."""
    seen = len(load.answers) + load.callers
    until(lambda: len(load.answers) >= seen + count, 30)
    return {body for _, body in load.answers[seen : seen + count]}


def test_a_release_is_steered_by_looking_at_it(page: Page, platform: Platform, name: str) -> None:
    release = Release.make(platform, name)
    with Load(release, callers=2, pause_s=0.03).running() as load:
        page.goto(f"{platform.api}/console/functions/{name}/aliases/release")
        page.fill("form.steer [name=version] >> nth=0", "2")
        page.click("text='10 %'")
        page.wait_for_selector("text=10 % of all calls move from 1 to 2.")
        page.click('form[action$="set/weights"] button.main')
        assert "10 % to version 2, the rest to version 1." in page.inner_text(".flash")
        until(lambda: 0.04 < seen_share(page, "2") < 0.2, 30)
        page.click("text='50 %'")
        page.click('form[action$="set/weights"] button.main')
        until(lambda: 0.4 < seen_share(page, "2") < 0.6, 30)  # without a reload
        assert page.locator('[data-chart="calls"] canvas').count() == 1
        assert int(page.get_attribute("#charts", "data-seconds") or 0) > 60
        _serves_everybody(page)

        page.click("text='Roll back now'")
        assert "All calls go to version 1." in page.inner_text(".flash")
        assert answered(load) == {"1"}
        page.click("#history tbody tr:first-child button")
        assert "50 % to version 2" in page.inner_text(".flash")
        assert release.weight() == 0.5


def test_a_move_by_another_shows_without_a_reload(
    page: Page, platform: Platform, name: str
) -> None:
    Release.make(platform, name)
    page.goto(f"{platform.api}/console/functions/{name}/aliases/release")
    platform.call("UpdateAlias", FunctionName=name, Name="release", FunctionVersion="2")

    page.wait_for_selector("#sentence:has-text('All calls go to version 2.')")
    page.wait_for_selector("#history :text('main version')")


def test_a_rollout_is_seen_to_be_taken_back_by_evidence(
    page: Page, platform: Platform, name: str
) -> None:
    release = Release.make(platform, name, second=BAD)
    with Load(release, callers=2, pause_s=0.02).running():
        started = release.start(Plan="evidence")
        page.goto(f"{platform.api}/console/rollouts/{started['RolloutId']}")
        page.wait_for_selector('#state[data-state="rolled back"]')

    assert "worse than version 1" in page.inner_text("#state")
    assert page.locator(".evidence .bound").count() == 1
    _serves_everybody(page)


def test_lines_come_into_the_page_as_they_are_printed(
    page: Page, platform: Platform, name: str, tmp_path: Path
) -> None:
    code = "def main_handler(event, context):\n    print('<b>a line</b>', event['n'])\n"
    platform.make(name, code)
    page.goto(f"{platform.api}/console/logs?function={name}")
    platform.invoke(name, {"n": 41})

    page.wait_for_selector(".logs :text('<b>a line</b> 41')")
    assert page.locator(".logs b").count() == 0

    flood = "def main_handler(event, context):\n    for n in range(700):\n        print('n', n)\n"
    platform.call("UpdateFunctionCode", FunctionName=name, ZipFile=zipped(flood))
    platform.invoke(name)
    page.wait_for_selector(".logs :text('n 699')")
    assert page.locator(".logs li").count() == 500  # a tail left open must not fill the machine


def test_a_wrong_secret_lets_nobody_in(browser: Browser, platform: Platform) -> None:
    with seated(browser) as page:
        sign_in(page, platform, secret="not the secret")
        assert "do not belong together" in page.inner_text("[role=alert]")
        page.goto(f"{platform.api}/console/functions")
        assert page.title() == "Sign in · Huidu"
        assert page.input_value("[name=secret_key]") == ""


def test_who_may_only_look_is_refused_by_the_page_and_by_the_api(
    browser: Browser, platform: Platform, name: str
) -> None:
    release = Release.make(platform, name)
    key = platform.ours("CreateKey", Name=f"{name}-viewer", Role="view")
    with seated(browser) as page:
        sign_in(page, platform, key["SecretId"], key["SecretKey"])
        page.goto(f"{platform.api}/console/functions/{name}/aliases/release")
        assert "Your role is view: you may look on." in page.inner_text("#steer")
        assert page.is_disabled("text='Roll back now'")
        assert page.locator("form[method=post] button.main:enabled").count() == 0

    pair = credential.Credential(key["SecretId"], key["SecretKey"])
    viewer = ScfClient(pair, REGION, platform.profile())
    asked = {"FunctionName": name, "Name": "release", "FunctionVersion": "2"}
    with pytest.raises(TencentCloudSDKException, match="needs the role release"):
        viewer.call_json("UpdateAlias", asked)
    assert viewer.call_json("GetAlias", asked)["Response"]["FunctionVersion"] == "1"
    assert release.weight() == 0


def test_a_page_whose_session_is_over_says_so_and_leads_back_to_where_one_was(
    browser: Browser, platform: Platform, name: str
) -> None:
    Release.make(platform, name)
    pair = _key(platform, name)
    with seated(browser) as page:
        sign_in(page, platform, *pair)
        place = f"{platform.api}/console/functions/{name}/aliases/release?page=1"
        page.goto(place)
        page.wait_for_selector("#pulse.live")
        elsewhere = Visitor(platform).sign_in(*pair)
        elsewhere.fill("/console/settings", "/console/sign-out-everywhere")
        page.wait_for_selector("#pulse:has-text('not live')")
        page.click("text='Roll back now'")
        assert page.title() == "Sign in · Huidu"

        page.goto(place)
        sign_in(page, platform, *pair)
        assert page.url == place
        page.wait_for_selector("#pulse.live")
        _runs_out(page)
        page.reload()
        assert page.title() == "Sign in · Huidu"


def test_without_a_script_pages_read_and_forms_post(
    browser: Browser, platform: Platform, name: str
) -> None:
    release = Release.make(platform, name)
    platform.invoke(name, Qualifier="release")
    with seated(browser, java_script_enabled=False) as page:
        sign_in(page, platform)
        page.goto(f"{platform.api}/console/functions/{name}/aliases/release")
        until(lambda: page.reload() and page.locator("svg.still path").count(), 10)
        page.fill("form.steer [name=version] >> nth=0", "2")
        page.fill("form.steer [name=weight] >> nth=0", "25")
        page.click("form.steer >> nth=0 >> text='Preview'")
        assert "25 % of all calls move from 1 to 2." in page.inner_text("#preview-weights")
        page.click('form[action$="set/weights"] button.main')
        assert "25 % to version 2, the rest to version 1." in page.inner_text(".flash")
        page.click("text='Roll back now'")
        assert "All calls go to version 1." in page.inner_text(".flash")
        for place in ("functions?q=", "logs?function="):
            page.goto(f"{platform.api}/console/{place}{name}")
            assert name in page.inner_text("main") or page.input_value("[name=function]") == name
        assert not page.is_visible(".js-only")
    assert release.weight() == 0


def test_a_link_that_two_browsers_open_at_once_lets_one_of_them_in(
    browser: Browser, platform: Platform
) -> None:
    path = platform.ours("CreateConsoleLink", Role="view")["Path"]
    with seated(browser) as one, seated(browser) as other:
        for page in (one, other):
            page.goto(f"{platform.api}{path}")
        for page in (one, other):  # neither waits for what comes of it
            page.click("button.main", no_wait_after=True)
        for page in (one, other):
            page.wait_for_url(re.compile("/console/(sign-in.*)?$"))
        titles = sorted(page.title() for page in (one, other))

    assert titles == ["Overview · Huidu", "Sign in · Huidu"]


def _key(platform: Platform, name: str) -> tuple[str, str]:
    """Return a pair of its own for a test that ends all of its sessions."""
    made = platform.ours("CreateKey", Name=f"{name}-key", Role="release")
    return made["SecretId"], made["SecretKey"]


def _runs_out(page: Page) -> None:
    """Have the hours pass after which the browser forgets its session."""
    kept = [one for one in page.context.cookies() if one["name"].startswith("huidu_console_")]
    assert 0 < kept[0]["expires"] - time.time() <= 43_200
    page.context.clear_cookies(name=kept[0]["name"])


def _serves_everybody(page: Page) -> None:
    """See that a page that is full keeps nobody out, and needs no moving sideways where narrow."""
    if AXE.exists():
        assert barriers(page) == []
    wide = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 844})
    assert not too_wide(page)
    page.set_viewport_size(wide or {"width": 1360, "height": 900})
