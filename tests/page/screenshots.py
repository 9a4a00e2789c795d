"""Renews the pictures of the live page in docs/images: ``python -m tests.page.screenshots``."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.async_api import Page, expect

from streamsel.sources.demo.synthetic import render_demo
from tests.end_to_end.service import ROOT, Service
from tests.page.browsing import DESKTOP, PHONE, Profile, browsing
from tests.servers.rtsp import Mount, RtspServer

IMAGES = ROOT / "docs" / "images"
FEEDS = {"gate": 3, "street": 5}
# Not in step, as cameras are not.
BEGINS = {"gate": 0, "street": 14}
PATIENCE_MS = 120_000


def camera(path: Path, seed: int) -> Path:
    """Render a scene as a camera sends it, without B-frames."""
    made = path.with_suffix(".demo.mp4")
    render_demo(made, seconds=30, size=(640, 360), seed=seed)
    encoder = ["-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", "15", "-an"]
    begin = ["-ss", str(BEGINS[path.stem])]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *begin, "-i", made, *encoder, path], check=True)
    return path


async def shoot(page: Page, name: str) -> None:
    await page.screenshot(path=IMAGES / name)


async def visit(service: Service) -> None:
    origin = f"http://localhost:{service.port}"
    async with browsing(origin, viewport=DESKTOP, device_scale_factor=1) as desktop:
        page = (await desktop.open()).page
        await expect(page.locator("#frames > li").nth(30)).to_be_visible(timeout=PATIENCE_MS)
        await expect(page.locator("#feeds svg[role=img] path").first).to_be_attached()
        await page.wait_for_timeout(60_000)
        await shoot(page, "page.png")
        await page.locator("#frames > li a").nth(3).click()
        await expect(page.locator("dialog .explanation")).to_be_visible()
        await page.wait_for_timeout(1000)
        await shoot(page, "page-frame.png")
    phone: Profile = {"viewport": PHONE, "device_scale_factor": 2, "color_scheme": "dark"}
    async with browsing(origin, **phone) as small:
        page = (await small.open()).page
        await expect(page.locator("#frames > li").nth(10)).to_be_attached()
        await page.wait_for_timeout(1000)
        await shoot(page, "page-phone.png")


def main() -> None:
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        mounts = {
            f"/{feed}": Mount([camera(folder / f"{feed}.mp4", seed)])
            for feed, seed in FEEDS.items()
        }
        with RtspServer(folder, mounts) as server:
            feeds = {feed: {"source": server.url(f"/{feed}")} for feed in FEEDS}
            feeds["yard"] = {"source": server.url("/yard")}
            feeds["phone"] = {"source": "whip"}
            config = {
                "feeds": feeds,
                "defaults": {"count": 24},
                "sinks": {"disk": {"path": str(folder / "kept")}},
            }
            with Service(folder, config) as service:
                asyncio.run(visit(service))


if __name__ == "__main__":
    main()
