"""WHIP ingest: assigns senders to the feeds that wait for them (RFC 9725)."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Collection
from contextlib import AsyncExitStack
from dataclasses import dataclass

from streamsel.clock import Clock
from streamsel.errors import BusyError
from streamsel.interfaces.concurrency import Loop
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.webrtc.offer import require_offer
from streamsel.sources.webrtc.peer import Peer, PeerOptions
from streamsel.sources.webrtc.whip import Post, WhipSource

_SESSION_BYTES = 16


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a sender, and the name of its session, which is impossible to guess."""

    session: str
    sdp: str


@dataclass(frozen=True, slots=True)
class _Sender:
    session: str
    peer: Peer
    serving: asyncio.Task[None]


class Ingest:
    """Accepts senders for the push feeds that wait for one; a new sender replaces the last.

    WebRTC libraries are loaded when the first sender connects. Coroutines may be awaited in any
    event loop; the rest is safe from any thread.
    """

    def __init__(self, options: PeerOptions, clock: Clock, loop: Loop) -> None:
        """Connections run on ``loop``, which is closed together with this."""
        self.options = options
        self.loop = loop
        self._clock = clock
        self._lock = threading.Lock()
        self._posts: dict[str, Post] = {}
        # Used only in the loop of peers.
        self._senders: dict[str, _Sender] = {}
        self._coming = 0

    def source(self, feed: str, options: LiveOptions) -> WhipSource:
        """Return the source of a feed, which accepts senders from now on until it is stopped."""
        post = Post()
        with self._lock:
            self._posts[feed] = post
        return WhipSource(feed, options, self._clock, post, lambda: self._withdraw(feed, post))

    def feeds(self) -> Collection[str]:
        """Return the feeds that accept a sender now."""
        with self._lock:
            return tuple(self._posts)

    async def offer(self, feed: str, sdp: str) -> Answer:
        """Answer a sender's offer, and receive its video from then on.

        Raises :class:`OfferError` and :class:`UnsupportedError` for an offer that cannot be
        answered, and :class:`BusyError` if no sender is accepted.
        """
        return await self.loop.ask(self._answer(feed, require_offer(sdp)))

    async def end(self, feed: str, session: str) -> bool:
        """End a session. Return False if there is none of that name."""
        return await self.loop.ask(self._end(feed, session))

    def close(self) -> None:
        """End every session; no further calls are accepted."""
        with self._lock:
            self._posts.clear()
        self.loop.close()

    async def _answer(self, feed: str, offer: str) -> Answer:
        with self._lock:
            post = self._posts.get(feed)
        if post is None:
            raise BusyError(f"feed {feed!r} takes no sender now")
        others = self._coming + len(self._senders.keys() - {feed})
        if others >= self.options.max_peers:
            raise BusyError(f"{others} senders are connected, and no more are taken; try later")
        self._coming += 1
        try:
            peer = Peer(self.options, self._clock)
            async with AsyncExitStack() as failing:
                failing.push_async_callback(peer.close)
                sdp = await peer.answer(offer)
                failing.pop_all()
        finally:
            self._coming -= 1
        session = secrets.token_urlsafe(_SESSION_BYTES)
        before = self._senders.get(feed)
        if before is not None:
            before.peer.end("another sender took its place")
        serving = asyncio.ensure_future(self._serve(feed, session, peer))
        self._senders[feed] = _Sender(session, peer, serving)
        post.hand_over(peer.reception)
        return Answer(session, sdp)

    async def _serve(self, feed: str, session: str, peer: Peer) -> None:
        try:
            await peer.serve()
        finally:
            current = self._senders.get(feed)
            if current is not None and current.session == session:
                del self._senders[feed]

    async def _end(self, feed: str, session: str) -> bool:
        sender = self._senders.get(feed)
        if sender is None or not _are_same(sender.session, session):
            return False
        sender.peer.end("the sender left")
        await asyncio.wait([sender.serving])
        return True

    def _withdraw(self, feed: str, post: Post) -> None:
        """Accept no more senders for a feed, and end its present one."""
        with self._lock:
            if self._posts.get(feed) is not post:
                return
            del self._posts[feed]
        post.end("the feed is not read any more")


def _are_same(secret: str, guess: str) -> bool:
    """Compare in constant time."""
    return secrets.compare_digest(secret.encode(), guess.encode("utf-8", "replace"))
