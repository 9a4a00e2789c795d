"""One WebRTC peer: receives a video, drains it constantly, times out on silence."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from streamsel.clock import Clock
from streamsel.errors import OfferError
from streamsel.sources.container.opening import MAX_PIXELS
from streamsel.sources.webrtc.losses import Losses
from streamsel.sources.webrtc.reception import Reception

if TYPE_CHECKING:
    from aiortc import MediaStreamTrack, RTCPeerConnection

_NEGOTIATION_SECONDS = 8.0
_CONNECTING_SECONDS = 10.0
_SILENCE_SECONDS = 4.0
_LOOK_SECONDS = 0.5
_FAREWELL_SECONDS = 2.0

# Errors that aiortc raises for invalid descriptions, besides its own.
_REFUSALS = (
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class IceServer:
    """A STUN or TURN server; its ``url`` is ``stun:host:port`` or ``turn:host:port``."""

    url: str
    username: str | None = None
    credential: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerOptions:
    """Options of all connections.

    Without ``ice_servers`` only addresses of this machine are offered. At most ``max_peers``
    senders may be connected; each for at most ``max_session`` seconds (None: unlimited).
    """

    ice_servers: tuple[IceServer, ...] = ()
    max_peers: int = 16
    max_session: float | None = None


class Peer:
    """A connection that receives one video. Created and used on the loop of peers.

    Pictures go to ``reception``. After an unrepaired loss a keyframe is requested, and until it
    comes pictures are suspect.
    """

    def __init__(self, options: PeerOptions, clock: Clock) -> None:
        from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection

        self.reception = Reception()
        self._options = options
        self._clock = clock
        self._over = asyncio.Event()
        self._draining: asyncio.Task[None] | None = None
        self._losses: Losses | None = None
        servers = [
            RTCIceServer(each.url, each.username, each.credential) for each in options.ice_servers
        ]
        # With None aiortc would use a public STUN server.
        self._connection: RTCPeerConnection = RTCPeerConnection(RTCConfiguration(servers))
        self._connection.on("track", self._drain)
        self._connection.on("connectionstatechange", self._note_state)

    async def answer(self, offer: str) -> str:
        """Return the answer to a sender's offer. Raises :class:`OfferError` if there is none."""
        from aiortc import RTCSessionDescription

        async def negotiate() -> None:
            connection = self._connection
            await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            self._take_one_video()
            await connection.setLocalDescription(await connection.createAnswer())

        await self._finish_negotiation(negotiate())
        return str(self._connection.localDescription.sdp)

    async def offer(self) -> str:
        """Return an offer to receive a video."""
        self._connection.addTransceiver("video", direction="recvonly")
        await self._connection.setLocalDescription(await self._connection.createOffer())
        return str(self._connection.localDescription.sdp)

    async def accept(self, answer: str) -> None:
        """Accept a server's answer to the offer. Raises :class:`OfferError` for an invalid one."""
        from aiortc import RTCSessionDescription

        await self._finish_negotiation(
            self._connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        )

    async def serve(self) -> None:
        """Receive until the sender leaves, falls silent or is ended; then release all resources."""
        watching = asyncio.ensure_future(self._watch())
        try:
            await self._over.wait()
        finally:
            watching.cancel()
            await self.close()

    def end(self, reason: str) -> None:
        """Stop receiving."""
        self.reception.end(reason)
        self._over.set()

    async def close(self) -> None:
        """Release all resources, also of a connection that was never established."""
        self.end("it was closed")
        self._connection.remove_all_listeners()
        try:
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await self._connection.close()
        except (TimeoutError, *_REFUSALS):
            await self._close_parts()
        finally:
            if self._draining is not None:
                self._draining.cancel()

    async def _close_parts(self) -> None:
        """Close transports left open by a rejected description or a slow shutdown."""
        for transceiver in self._connection.getTransceivers():
            transport = transceiver.receiver.transport
            if transport is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_FAREWELL_SECONDS):
                        await transport.stop()
                await transport.transport.stop()

    async def _finish_negotiation(self, negotiation: Awaitable[None]) -> None:
        from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError

        try:
            async with asyncio.timeout(_NEGOTIATION_SECONDS):
                await negotiation
        except TimeoutError:
            raise OfferError("negotiation with the other side timed out") from None
        except (*_REFUSALS, InvalidAccessError, InvalidStateError, OperationError) as error:
            raise OfferError(
                f"the other side's description cannot be used ({type(error).__name__})"
            ) from error

    def _take_one_video(self) -> None:
        """Reject audio, which would not be drained, and all videos but the first."""
        taken = False
        for transceiver in self._connection.getTransceivers():
            is_first = transceiver.kind == "video" and not taken
            transceiver.direction = "recvonly" if is_first else "inactive"
            taken = taken or is_first

    def _drain(self, track: MediaStreamTrack) -> None:
        if track.kind != "video" or self._draining is not None:
            return
        for receiver in self._connection.getReceivers():
            if receiver.track is track:
                self._losses = Losses(receiver, self.reception.count_loss)
                self._draining = asyncio.ensure_future(self._receive(track, self._losses))

    async def _receive(self, track: MediaStreamTrack, losses: Losses) -> None:
        from aiortc.mediastreams import MediaStreamError

        try:
            while True:
                image: Any = await track.recv()
                if image.width * image.height > MAX_PIXELS:
                    self.end(f"its pictures are of {image.width}x{image.height} pixels, too many")
                    return
                self.reception.put(image, is_suspect=losses.is_suspect(image.pts))
        except MediaStreamError:
            self.end("the sender left")

    async def _watch(self) -> None:
        """End the connection if it is unwanted, its time is over, or it is silent for too long."""
        began = heard = self._clock.monotonic()
        while not self._over.is_set():
            await asyncio.sleep(_LOOK_SECONDS)
            now, packets = self._clock.monotonic(), await self._packets()
            if packets != self.reception.received:
                self.reception.received, heard = packets, now
            limit = self._options.max_session
            if self.reception.ended is not None:
                self.end(self.reception.ended)
            elif limit is not None and now - began > limit:
                self.end(f"its session time of {limit:g} s is over")
            elif not packets and now - began > _CONNECTING_SECONDS:
                self.end(f"no connection came about within {_CONNECTING_SECONDS:g} s")
            elif packets and now - heard > _SILENCE_SECONDS:
                self.end(f"the sender sent nothing for {_SILENCE_SECONDS:g} s")
            elif self._losses is not None:
                await self._losses.ask()

    async def _packets(self) -> int:
        report = await self._connection.getStats()
        return sum(each.packetsReceived for each in report.values() if each.type == "transport")

    def _note_state(self) -> None:
        if self._connection.connectionState in ("failed", "closed"):
            self.end("the sender left")
