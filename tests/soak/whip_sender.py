"""A phone that sends a moving picture to a service over WebRTC (WHIP), until it is cut off.

python -m tests.soak.whip_sender http://127.0.0.1:9464/whip/gate
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from tests.sources.webrtc.calling import MovingPicture


async def send(address: str) -> None:
    """Call once, and send until the connection ends."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    ended = asyncio.Event()

    @connection.on("connectionstatechange")
    def changed() -> None:
        if connection.connectionState in ("closed", "disconnected", "failed"):
            ended.set()

    connection.addTransceiver(MovingPicture((320, 240)), direction="sendonly")
    await connection.setLocalDescription(await connection.createOffer())
    headers = {"Content-Type": "application/sdp"}
    async with aiohttp.ClientSession(headers=headers) as session:
        offer = connection.localDescription.sdp
        async with session.post(address, data=offer.encode()) as answer:
            answer.raise_for_status()
            told = await answer.text()
        await connection.setRemoteDescription(RTCSessionDescription(told, "answer"))
        # A service that was killed says no goodbye; one that was started again is another one.
        while not ended.is_set():
            async with session.get(address.partition("/whip/")[0] + "/healthz"):
                await asyncio.sleep(1)
    await connection.close()


if __name__ == "__main__":
    asyncio.run(send(sys.argv[1]))
