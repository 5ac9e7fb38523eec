"""What tests with a real browser have in common: a Chromium, somebody in it, and what axe finds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.platform import SECRET_ID, SECRET_KEY, Platform

CHROMIUM = shutil.which("chromium")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
PATIENCE_MS = 20_000
AXE = Path(__file__).parents[1] / "npm" / "node_modules" / "axe-core" / "axe.min.js"
NOWHERE = "/console/nowhere"  #: A page that is not there, of which a browser complains.
GRAVE = ("serious", "critical")

NEEDS_CHROMIUM = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no chromium here (tests/needs)"
)
NEEDS_AXE = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not here (tests/needs)")


@contextmanager
def launched() -> Iterator[Browser]:
    """Start a Chromium, and end it."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@contextmanager
def seated(browser: Browser, **options: Any) -> Iterator[Page]:
    """Open a page of a browser that nobody has used; what it complains of fails the test."""
    usual = {"locale": "en-US", "viewport": {"width": 1360, "height": 900}}
    context = browser.new_context(**usual | options)
    context.set_default_timeout(PATIENCE_MS)
    shown = context.new_page()
    complaints: list[str] = []

    def hear(said: ConsoleMessage) -> None:
        if said.type == "error" and not said.location.get("url", "").endswith(NOWHERE):
            complaints.append(said.text)

    shown.on("console", hear)
    shown.on("pageerror", lambda error: complaints.append(str(error)))
    yield shown
    context.close()
    assert complaints == []


def sign_in(page: Page, platform: Platform, key: str = SECRET_ID, secret: str = SECRET_KEY) -> None:
    """Sign in where one is led to."""
    if "/sign-in" not in page.url:
        page.goto(f"{platform.api}/console/")
    page.fill("[name=secret_id]", key)
    page.fill("[name=secret_key]", secret)
    page.click("button.main")


def too_wide(page: Page) -> bool:
    """Tell whether a page has to be moved sideways to be read, once its charts have room."""
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    for _ in range(50):
        if not page.evaluate(wide):
            return False
        page.wait_for_timeout(100)
    return True


def barriers(page: Page, *rules: str) -> list[str]:
    """Return what axe finds in the page that keeps people out: all rules, or some."""
    if not page.evaluate("typeof window.axe === 'object'"):
        page.evaluate(AXE.read_text("utf-8"))
    asked: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        asked["runOnly"] = list(rules)
    found = page.evaluate("asked => axe.run(document, asked)", asked)
    return [
        f"{one['id']}: {node['target']} {node['html'][:120]}"
        for one in found["violations"]
        if one["impact"] in GRAVE
        for node in one["nodes"][:3]
    ]
