"""The live page in a real browser: it fills, explains, pins, tells what is down, and is for all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Literal, Unpack

import pytest
from PIL import Image
from playwright.async_api import ViewportSize, expect

from streamsel.clock import SystemClock
from streamsel.frame import FrameKey
from streamsel.http.events import EventBroker
from tests.http.happenings import evicted, kept, live, update
from tests.http.serving import TOKEN, Behind, Client, kept_frame, view
from tests.page.browsing import DESKTOP, PHONE, Browsing, Profile, Tab, browsing

TEN_SECONDS_MS = 10_000
HOSTILE = '"><img src=x onerror=alert(1)>'


@dataclass
class Yard:
    """A service with two feeds, and a browser that looks at it."""

    behind: Behind
    events_broker: EventBroker
    client: Client
    browser: Browsing

    def keep(self, index: int, feed: str = "gate", distance: float = 0.5) -> None:
        """Keep a frame, and tell of it."""
        self.store(index, feed, distance)
        self.events_broker.delivered("disk", update(kept(index)))

    def store(self, index: int, feed: str = "gate", distance: float = 0.5) -> None:
        """Keep a frame without a word."""
        near = FrameKey(feed, index - 1) if self.behind.kept else None
        wall_time = SystemClock().wall() + index / 1000
        frame = kept_frame(feed, index, wall_time)
        stored = replace(frame.picture, width=320, height=240)
        frame = replace(frame, picture=stored, distance=distance, nearest=near)
        self.behind.keep(frame, picture(index))

    def evict(self, index: int, by: int) -> None:
        self.behind.kept = [frame for frame in self.behind.kept if frame.key.index != index]
        self.events_broker.delivered("disk", update(evicted(index, by)))


def picture(index: int) -> bytes:
    out = BytesIO()
    colour = (40 * index % 255, 90 + 20 * index % 160, 200 - 30 * index % 200)
    Image.new("RGB", (320, 240), colour).save(out, "JPEG")
    return out.getvalue()


@asynccontextmanager
async def yard(
    folder: Path, *, token: str | None = None, **profile: Unpack[Profile]
) -> AsyncIterator[Yard]:
    behind, events_broker = (
        Behind(folder, [view("gate"), view("street")]),
        EventBroker(SystemClock()),
    )
    async with (
        live(behind, events_broker, token=token) as client,
        browsing(client.service.url, **profile) as browser,
    ):
        made = Yard(behind, events_broker, client, browser)
        for index in range(6):
            made.store(index)
        yield made


def test_the_gallery_fills_as_frames_are_kept_and_empties_as_they_go(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as there:
            page = (await there.browser.open()).page
            await expect(page.locator("#connection")).to_have_text("live")
            await expect(page.locator("#frames > li")).to_have_count(6)
            there.keep(7)
            first = page.locator("#frames > li").first
            await expect(first).to_have_attribute("data-id", "gate-000007")
            await expect(first.locator(".why")).to_have_text("novel")
            await expect(first).to_contain_text("0.5")
            loaded = "img => img.complete && img.naturalWidth"
            assert await first.locator("img").evaluate(loaded) == 320
            there.evict(7, by=5)
            await expect(first).to_contain_text("gate-000005")
            await expect(page.locator("#frames > li")).to_have_count(6)

    asyncio.run(scenario())


def test_a_frame_opens_with_its_explanation_and_closes_where_one_was(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as there:
            page = (await there.browser.open()).page
            await page.locator("#frames > li a").nth(1).click()
            dialog = page.locator("dialog#frame")
            await expect(dialog.locator("h2")).to_have_text("gate-000004")
            await expect(dialog.locator(".explanation")).to_have_text("so it is")
            await expect(dialog.locator(".nearest")).to_contain_text("gate-000003")
            assert "#frame=gate-000004" in page.url
            await page.keyboard.press("ArrowRight")
            await expect(dialog.locator("h2")).to_have_text("gate-000003")
            await dialog.locator(".nearest a").click()
            await expect(dialog.locator("h2")).to_have_text("gate-000002")
            await page.go_back()
            await expect(dialog).to_be_hidden()
            # A link to a frame can be shared.
            other = (await there.browser.open("/#frame=gate-000001")).page
            await expect(other.locator("dialog .explanation")).to_have_text("so it is")

    asyncio.run(scenario())


def test_all_of_it_can_be_done_by_keyboard(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as there:
            page = (await there.browser.open()).page
            await expect(page.locator("#frames > li")).to_have_count(6)
            await page.keyboard.press("Tab")
            await expect(page.locator("a.skip")).to_be_focused()
            await page.keyboard.press("Enter")
            await page.keyboard.press("Tab")
            first = page.locator("#frames > li a").first
            await expect(first).to_be_focused()
            await page.keyboard.press("Enter")
            dialog = page.locator("dialog#frame")
            await expect(dialog.locator(".explanation")).to_have_text("so it is")
            await page.keyboard.press("p")
            await expect(dialog.locator("#frame-state")).to_have_text("pinned: never evicted")
            await page.keyboard.press("Escape")
            await expect(dialog).to_be_hidden()
            await expect(first).to_be_focused()

    asyncio.run(scenario())


def test_pinning_is_done_and_seen_by_every_page(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as there:
            one, other = (await there.browser.open()).page, (await there.browser.open()).page
            await expect(other.locator("#connection")).to_have_text("live")
            await expect(one.locator("#connection")).to_have_text("live")
            await one.locator("#frames > li a").first.click()
            await one.locator("#frame-pin").click()
            await expect(one.locator("#frame-pin")).to_have_text("Unpin")
            await expect(other.locator("#frames > li.pinned")).to_have_count(1)
            assert [frame.key.index for frame in there.behind.kept if frame.pinned] == [5]
            await one.locator("#frame-pin").click()
            await expect(other.locator("#frames > li.pinned")).to_have_count(0)
            assert not any(frame.pinned for frame in there.behind.kept)

    asyncio.run(scenario())


def test_a_feed_that_goes_down_is_shown_within_ten_seconds(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as there:
            page = (await there.browser.open()).page
            card = page.locator("#feeds > li").nth(1)
            await expect(card.locator(".state")).to_contain_text("up")
            await expect(page).to_have_title("streamsel")
            there.behind.views["street"] = view("street", "down")
            await expect(card.locator(".state")).to_contain_text("down", timeout=TEN_SECONDS_MS)
            await expect(card.locator(".reason")).to_contain_text(
                "no answer from rtsp://viewer:***@"
            )
            await expect(page).to_have_title("1 feed down \N{EN DASH} streamsel")
            await expect(page.locator("#news")).to_contain_text("Feed street is down")
            there.behind.views["street"] = view("street")
            await expect(card.locator(".state")).to_contain_text("up")
            await expect(page).to_have_title("streamsel")

    asyncio.run(scenario())


def test_one_feed_can_be_looked_at_and_switched_off(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as there:
            there.store(20, "street")
            page = (await there.browser.open()).page
            await expect(page.locator("#frames > li")).to_have_count(7)
            await page.get_by_role("button", name="street", exact=True).click()
            await expect(page.locator("#frames > li")).to_have_count(1)
            await expect(page.locator("#scope")).to_have_text("of street")
            await page.locator("#all-feeds").click()
            await expect(page.locator("#frames > li")).to_have_count(7)

    asyncio.run(scenario())


def test_the_page_finds_back_to_a_service_that_was_away(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as there:
            page = (await there.browser.open()).page
            await expect(page.locator("#connection")).to_have_text("live")
            await there.client.service.stop()
            await expect(page.locator("#connection")).to_have_text("reconnecting…")
            there.store(9)
            port = there.client.port
            async with live(there.behind, EventBroker(SystemClock()), port=port):
                await expect(page.locator("#connection")).to_have_text("live")
                await expect(page.locator("#frames > li").first).to_have_attribute(
                    "data-id", "gate-000009"
                )
            there.browser.tabs[0].problems = [
                problem for problem in there.browser.tabs[0].problems if "net::ERR_" not in problem
            ]

    asyncio.run(scenario())


def test_nothing_moves_under_the_eyes_of_who_reads_further_down(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as there:
            for index in range(6, 60):
                there.store(index)
            page = (await there.browser.open()).page
            await expect(page.locator("#frames > li")).to_have_count(60)
            await page.evaluate("scrollTo(0, 900)")
            there.keep(70)
            await expect(page.locator("#waiting")).to_contain_text("1 new frame")
            await expect(page.locator("#frames > li")).to_have_count(60)
            await page.locator("#waiting").click()
            await expect(page.locator("#frames > li").first).to_have_attribute(
                "data-id", "gate-000070"
            )
            assert await page.evaluate("scrollY") == 0

    asyncio.run(scenario())


def test_the_browser_logs_in_with_the_token(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path, token=TOKEN) as there:
            page = (await there.browser.open("/#frame=gate-000002")).page
            await page.fill("#token", "wrong")
            await page.click("#enter")
            await expect(page.locator("#problem")).to_have_text(
                "That is not the token of this service."
            )
            await page.fill("#token", TOKEN)
            await page.keyboard.press("Enter")
            await expect(page.locator("dialog h2")).to_have_text("gate-000002")
            await expect(page.locator("#connection")).to_have_text("live")
            assert TOKEN not in await page.evaluate(
                "document.cookie + JSON.stringify(localStorage)"
            )

    asyncio.run(scenario())


def test_names_of_feeds_are_text_and_nothing_else(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as there:
            feed = "<b onclick=alert(1)>x"
            shown = "Ворота <b onclick=alert(2)>№ 1"
            there.behind.views = {
                feed: view(feed, "down"),
                "gate": replace(view("gate"), display_name=shown),
            }
            there.behind.kept = [replace(there.behind.kept[0], reason=HOSTILE)]
            tab = await there.browser.open()
            await expect(tab.page.locator("#feeds > li").first).to_contain_text(feed)
            await expect(tab.page.locator("#feeds > li").last).to_contain_text(shown)
            await expect(tab.page.locator("#frames > li b")).to_have_text(shown)
            await expect(tab.page.locator(".why")).to_have_text(HOSTILE)
            await tab.page.locator("#frames > li a").click()
            await expect(tab.page.locator("dialog .facts")).to_contain_text(HOSTILE)
            assert await tab.page.locator("b[onclick], img[onerror]").count() == 0

    asyncio.run(scenario())


Step = Callable[[Tab], Awaitable[None]]


async def look(tab: Tab) -> None:
    await expect(tab.page.locator("#frames > li")).to_have_count(6)


async def open_frame(tab: Tab) -> None:
    await tab.page.locator("#frames > li a").first.click()
    await expect(tab.page.locator("dialog .explanation")).to_have_text("so it is")


async def open_camera(tab: Tab) -> None:
    await tab.page.goto(tab.page.url + "camera")
    await expect(tab.page.locator("#problem")).to_contain_text("No feed waits for a sender")


async def log_out(tab: Tab) -> None:
    await expect(tab.page.locator("#token")).to_be_focused()


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("step", [look, open_frame, open_camera, log_out])
def test_it_is_for_everybody_on_every_screen(
    tmp_path: Path, step: Step, size: ViewportSize, colours: Literal["light", "dark"]
) -> None:
    async def scenario() -> None:
        token = TOKEN if step is log_out else None
        profile: Profile = {"viewport": size, "color_scheme": colours, "reduced_motion": "reduce"}
        async with yard(tmp_path, token=token, **profile) as there:
            there.behind.views["street"] = view("street", "down")
            tab = await there.browser.open()
            await step(tab)
            assert await tab.faults() == []
            assert await tab.width() <= size["width"]
            background = await tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert is_dark(background) == (colours == "dark")

    asyncio.run(scenario())


def is_dark(colour: str) -> bool:
    """Whether a colour like ``rgb(20, 20, 24)`` is nearer to black."""
    parts = [float(part) for part in colour.partition("(")[2].rstrip(")").split(",")[:3]]
    return sum(parts) < 3 * 128
