"""A browser on another machine sends its camera: frames are selected, and its end is noticed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.end_to_end.service import Service
from tests.page.browsing import Browsing, browsing, chromium
from tests.polling import eventually
from tests.servers.namespaces import Namespaces
from tests.servers.whep import WhepServer

TOKEN = "canary-token-7d20"
FREED_WITHIN_SECONDS = 5.0
FEW_MS = 30_000


class Yard:
    """The service on one machine and a browser on another."""

    def __init__(self, nets: Namespaces, service: Service) -> None:
        self.nets = nets
        self.service = service
        self.origin = f"http://{nets.client_host}:{service.port}"

    @asynccontextmanager
    async def browser(self, folder: Path) -> AsyncIterator[Browsing]:
        """Open a browser on the other machine, and let it log in."""
        # It is driven by pipes, which lead from any network to any other.
        program = folder / "chromium"
        command = " ".join([*self.nets.server_prefix, str(chromium())])
        program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        program.chmod(0o755)
        # Browsers lend cameras to pages over HTTPS alone; this one is configured to trust the page.
        trusts = f"--unsafely-treat-insecure-origin-as-secure={self.origin}"
        async with browsing(self.origin, (trusts,), program) as browser:
            page = (await browser.open()).page
            await page.fill("#token", TOKEN)
            await page.keyboard.press("Enter")
            await expect(page.locator("#connection")).to_have_text("live", timeout=FEW_MS)
            yield browser

    def kill_browsers(self) -> None:
        """Kill it, like a phone without its battery: nobody says goodbye."""
        listed = ["ip", "netns", "pids", self.nets.server_prefix[-1]]
        found = subprocess.run(listed, capture_output=True, text=True, check=True)
        for pid in found.stdout.split():
            os.kill(int(pid), signal.SIGKILL)

    def sockets(self) -> int:
        """How many the service has for media; its network is its own."""
        rows = Path(f"/proc/{self.service.pid}/net/udp").read_text().splitlines()[1:]
        return len(rows)

    def until_freed(self) -> None:
        """Wait until nothing is left of any session."""
        eventually(lambda: self.sockets() == 0, within=FREED_WITHIN_SECONDS, what="it is freed")

    def decoded(self) -> float:
        return self.service.metric("streamsel_frames_decoded_total", feed="phone")


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    secret = tmp_path / "token"
    secret.write_text(TOKEN)
    config = {
        "feeds": {"phone": {"source": "whip"}},
        "defaults": {"count": 30},
        "sinks": {"disk": {"path": str(tmp_path / "kept")}},
        "service": {"token_file": str(secret)},
    }
    with Namespaces() as nets, nets.as_client(), Service(tmp_path, config, token=TOKEN) as service:
        yield Yard(nets, service)


async def publish(browser: Browsing, codec: str) -> Page:
    """Send the browser's camera, which is a moving picture with a clock."""
    page = (await browser.open(f"/camera?feed=phone&codec={codec}&start=1")).page
    await expect(page.locator("body")).to_have_attribute("data-state", "live", timeout=FEW_MS)
    return page


async def sent(page: Page) -> int:
    return int(await page.locator("body").get_attribute("data-frames-sent") or 0)


async def until_sent(page: Page, frames: int) -> int:
    """Wait until so many frames were sent; returns how many were."""
    async with asyncio.timeout(90):
        while (now := await sent(page)) < frames:
            await page.wait_for_timeout(200)
    return now


@pytest.mark.parametrize(("codec", "name"), [("vp8", "VP8"), ("h264", "H264")])
def test_frames_of_a_browsers_camera_are_kept_and_a_killed_browser_is_let_go_of(
    yard: Yard, tmp_path: Path, codec: str, name: str
) -> None:
    async def scenario() -> None:
        async with yard.browser(tmp_path) as browser:
            gallery = browser.tabs[0].page
            camera = await publish(browser, codec)
            await expect(gallery.locator("#frames > li").nth(3)).to_be_visible(timeout=FEW_MS)
            await expect(camera.locator("#sent-codec")).to_have_text(name)
            await expect(gallery.locator("#feeds .state")).to_contain_text("up")
            assert yard.sockets() > 0
            yard.kill_browsers()
            eventually(
                lambda: yard.sockets() == 0,
                within=FREED_WITHIN_SECONDS,
                what="the session is freed",
            )
            browser.tabs.clear()

    asyncio.run(scenario())
    assert len(yard.service.kept_files()) > 3
    eventually(lambda: yard.service.state("phone") == "down", within=30, what="the feed is down")
    assert yard.service.feeds()["phone"]["reason"].endswith("no one sends to /whip/phone")
    assert yard.service.stop() == 0
    assert "Traceback" not in yard.service.said()


@pytest.mark.parametrize(("lost", "seen"), [(0.05, 0.95), (0.2, 0.8)])
def test_most_frames_arrive_where_packets_are_lost(
    yard: Yard, tmp_path: Path, lost: float, seen: float
) -> None:
    async def scenario() -> None:
        async with yard.browser(tmp_path) as browser:
            camera = await publish(browser, "vp8")
            before = await until_sent(camera, 60)
            decoded = yard.decoded()
            yard.nets.lose(lost)
            after = await until_sent(camera, before + 240)
            wanted = decoded + seen * (after - before)
            assert yard.nets.lost() > lost * (after - before) / 2
            eventually(lambda: yard.decoded() >= wanted, within=5, what=f"{seen:.0%} of the frames")
            await camera.close()

    asyncio.run(scenario())


def test_a_camera_that_is_switched_off_and_on_goes_on(yard: Yard, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard.browser(tmp_path) as browser:
            camera = await publish(browser, "vp8")
            for _ in range(3):
                await until_sent(camera, await sent(camera) + 20)
                await camera.locator("#go").click()
                await expect(camera.locator("body")).to_have_attribute("data-state", "idle")
                yard.until_freed()
                await camera.locator("#go").click()
                await expect(camera.locator("body")).to_have_attribute("data-state", "live")
            await until_sent(camera, await sent(camera) + 20)
            assert yard.service.feeds()["phone"]["sessions"] >= 4
            await camera.close()

    asyncio.run(scenario())


def test_a_servers_video_is_kept(tmp_path: Path) -> None:
    with (
        Namespaces() as nets,
        nets.as_client(),
        WhepServer(nets.server_host, TOKEN, nets.server_prefix) as server,
    ):
        config = {
            "feeds": {
                "drone": {"source": server.address("/H264", "${WHEP_TOKEN}")},
                "lost": {"source": server.address("/H264", "canary-wrong")},
            },
            "sinks": {"disk": {"path": str(tmp_path / "kept")}},
        }
        with Service(tmp_path, config, env={"WHEP_TOKEN": TOKEN}) as service:
            service.until_up("drone")
            service.until_frames("drone", 25)
            reason = eventually(
                lambda: service.feeds()["lost"]["reason"], within=20, what="why it is down"
            )
            assert "user name, password or token is refused" in reason
            assert service.stop() == 0
            assert not {TOKEN, "canary-wrong"} & set(service.said().split())
    assert service.kept_files()
