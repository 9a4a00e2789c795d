"""A real browser that reports its log and its requests to other hosts."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, TypedDict, Unpack

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, async_playwright

from tests.conftest import leave_out

DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}

# What a browser says of a picture or a request that was refused; tests look at those themselves.
_REFUSED = "Failed to load resource"
_SERIOUS = {"serious", "critical"}
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


class Tab:
    """A page with all that was wrong with it."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("request", lambda request: self._asked(request.url, origin))

    def _heard(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and _REFUSED not in text:
            self.problems.append(text)

    def _asked(self, url: str, origin: str) -> None:
        if not url.startswith((origin, "data:", "blob:")):
            self.problems.append(f"asked {url}")

    async def text(self, selector: str) -> str:
        return (await self.page.locator(selector).first.inner_text()).strip()

    async def width(self) -> int:
        """How wide what can be scrolled is, in pixels."""
        found: int = await self.page.evaluate("document.documentElement.scrollWidth")
        return found

    async def faults(self) -> list[str]:
        """Serious faults of accessibility."""
        found = (await Axe().run(self.page)).response["violations"]
        return [
            f"{fault['id']}: {[node['html'] for node in fault['nodes']]}"
            for fault in found
            if fault["impact"] in _SERIOUS
        ]


class Browsing:
    """A browser with one profile, and the tabs it has open."""

    def __init__(self, browser: Browser, context: BrowserContext, origin: str) -> None:
        self.browser = browser
        self.context = context
        self.origin = origin
        self.tabs: list[Tab] = []

    async def open(self, path: str = "/") -> Tab:
        tab = Tab(await self.context.new_page(), self.origin)
        self.tabs.append(tab)
        await tab.page.goto(self.origin + path)
        return tab


def chromium() -> Path:
    """Debian's browser."""
    found = shutil.which("chromium")
    if found is None:
        leave_out("chromium is not installed (apt-get install chromium)")
    return Path(str(found))


class Profile(TypedDict, total=False):
    """What a browser tells of its screen and its user."""

    viewport: ViewportSize
    device_scale_factor: float
    color_scheme: Literal["dark", "light"]
    reduced_motion: Literal["reduce"]
    locale: str
    timezone_id: str


@asynccontextmanager
async def browsing(
    origin: str,
    flags: tuple[str, ...] = (),
    program: Path | None = None,
    **profile: Unpack[Profile],
) -> AsyncIterator[Browsing]:
    """Open a browser, by another program if need be.

    Fails at the end for whatever went wrong in its pages.
    """
    program = program or chromium()
    options: Profile = {
        "viewport": DESKTOP,
        "locale": "en-GB",
        "timezone_id": "UTC",
        **profile,
    }
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=[*_FLAGS, *flags])
        try:
            context = await browser.new_context(**options)
            context.set_default_timeout(20_000)
            opened = Browsing(browser, context, origin)
            yield opened
            assert [tab.problems for tab in opened.tabs if tab.problems] == []
        finally:
            await browser.close()
