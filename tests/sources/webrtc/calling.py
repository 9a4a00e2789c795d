"""A sender as phones are, and what a process holds while it is called."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from fractions import Fraction

import av
import numpy as np
from aiortc import (
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
    VideoStreamTrack,
)

from streamsel.runtime.loop_thread import SideLoop
from streamsel.sources.webrtc.ingest import Ingest


class MovingPicture(VideoStreamTrack):
    """A bar that moves; ``size`` is (width, height) in pixels, and may change."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size
        self.sent = 0

    async def recv(self) -> av.VideoFrame:
        shown, base = await self.next_timestamp()
        width, height = self.size
        pixels = np.zeros((height, width, 3), np.uint8)
        left = self.sent * 7 % (width - 16)
        pixels[:, left : left + 16] = 255
        image = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        image.pts, image.time_base = shown, Fraction(base)
        self.sent += 1
        return image


class Sender:
    """Sends a moving picture to a feed. Lives in a loop of its own, as another machine would."""

    def __init__(
        self, ingest: Ingest, feed: str, codec: str = "VP8", size: tuple[int, int] = (320, 240)
    ) -> None:
        self.session = ""
        self.track = MovingPicture(size)
        self._ingest = ingest
        self._feed = feed
        self._codec = f"video/{codec}"
        self._loop = SideLoop("sender")

    def call(self) -> Sender:
        """Call, and send from then on; raises what the ingest raises."""
        self._loop.call(self._call())
        return self

    def leave(self) -> None:
        """Say goodbye."""
        self._loop.call(self._connection.close())
        self._loop.close()

    async def _call(self) -> None:
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        transceiver = self._connection.addTransceiver(self.track, direction="sendonly")
        known = RTCRtpSender.getCapabilities("video").codecs
        transceiver.setCodecPreferences([one for one in known if one.mimeType == self._codec])
        await self._connection.setLocalDescription(await self._connection.createOffer())
        offer = self._connection.localDescription.sdp
        answer = await self._ingest.offer(self._feed, offer)
        self.session = answer.session
        await self._connection.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))


def offer_of(*codecs: str, direction: str = "sendonly") -> str:
    """The offer of a sender that knows these codecs."""

    async def make() -> str:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        transceiver = connection.addTransceiver("video", direction=direction)
        known = RTCRtpSender.getCapabilities("video").codecs
        wanted = {f"video/{codec}" for codec in codecs}
        transceiver.setCodecPreferences([one for one in known if one.mimeType in wanted])
        await connection.setLocalDescription(await connection.createOffer())
        try:
            return str(connection.localDescription.sdp)
        finally:
            await connection.close()

    return asyncio.run(make())


def held() -> tuple[int, int]:
    """How many descriptors and threads the process has."""
    gc.collect()
    return len(os.listdir("/proc/self/fd")), threading.active_count()
