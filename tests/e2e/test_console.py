"""The console in a real browser: a release is watched, steered and undone by looking at it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.rolling_out import BAD, Load, Release
from tests.platform import SECRET_ID, SECRET_KEY, Platform, until

CHROMIUM = shutil.which("chromium")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
PATIENCE_MS = 20_000

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here (tests/needs)"),
    pytest.mark.timeout(120),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser, platform: Platform) -> Iterator[Page]:
    """A page of somebody who has signed in; whatever the browser complains of fails the test."""
    context = browser.new_context(locale="en-US", viewport={"width": 1360, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    shown = context.new_page()
    complaints: list[str] = []
    shown.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    shown.on("pageerror", lambda error: complaints.append(str(error)))
    shown.goto(f"{platform.api}/console/")
    shown.fill("[name=secret_id]", SECRET_ID)
    shown.fill("[name=secret_key]", SECRET_KEY)
    shown.click("button.main")
    yield shown
    context.close()
    assert complaints == []


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


def test_lines_come_into_the_page_as_they_are_printed(
    page: Page, platform: Platform, name: str, tmp_path: Path
) -> None:
    code = "def main_handler(event, context):\n    print('<b>a line</b>', event['n'])\n"
    platform.make(name, code)
    page.goto(f"{platform.api}/console/logs?function={name}")
    platform.invoke(name, {"n": 41})

    page.wait_for_selector(".logs :text('<b>a line</b> 41')")
    assert page.locator(".logs b").count() == 0
