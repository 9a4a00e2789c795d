"""Retained topics: the latest state of each feed, and the task that publishes it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping

from streamsel.sinks.mqtt.commands import SETTINGS, Controls, states
from streamsel.sinks.mqtt.connection import BrokerConnection
from streamsel.sinks.mqtt.discovery import Discovery
from streamsel.sinks.mqtt.outgoing import Outgoing
from streamsel.sinks.mqtt.payloads import Topics
from streamsel.wakeup import await_set


class RetainedState:
    """The latest status and kept frame of each feed, and the latest statistics; thread-safe.

    Not persistent: a restarted service posts everything again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._statuses: dict[str, bytes] = {}
        self._kept: dict[str, bytes] = {}
        self._stats: bytes | None = None

    def post_status(self, feed: str, payload: bytes) -> None:
        """Set the status of a feed."""
        with self._lock:
            self._statuses[feed] = payload

    def statuses(self) -> Mapping[str, bytes]:
        """Return the latest status of each feed."""
        with self._lock:
            return dict(self._statuses)

    def post_kept(self, feed: str, payload: bytes) -> None:
        """Set the latest kept frame of a feed."""
        with self._lock:
            self._kept[feed] = payload

    def kept(self) -> Mapping[str, bytes]:
        """Return the latest kept frame of each feed that has one."""
        with self._lock:
            return dict(self._kept)

    def forget(self, feed: str) -> None:
        """Remove a feed that is no longer part of the service."""
        with self._lock:
            self._statuses.pop(feed, None)
            self._kept.pop(feed, None)

    def post_stats(self, payload: bytes) -> None:
        """Set the statistics."""
        with self._lock:
            self._stats = payload

    def take_stats(self) -> bytes | None:
        """Return statistics that were not taken yet, or None."""
        with self._lock:
            stats, self._stats = self._stats, None
            return stats


LOG = logging.getLogger("streamsel.mqtt")

ONLINE, OFFLINE = b"online", b"offline"

_LOOK_EVERY = 1.0


class Announcer:
    """Keeps the retained topics of one connection up to date: sends differences.

    Retained topics of removed feeds are cleared, even if they were removed while the service was
    stopped: the outbox records the announced feeds.
    """

    def __init__(
        self,
        connection: BrokerConnection,
        topics: Topics,
        retained: RetainedState,
        controls: Controls,
        outgoing: Outgoing,
        discovery: Discovery | None,
    ) -> None:
        self._connection = connection
        self._topics = topics
        self._retained = retained
        self._controls = controls
        self._outgoing = outgoing
        self._discovery = discovery
        self._sent: dict[str, bytes] = {}
        self._is_introduced = False
        self._stir = asyncio.Event()

    async def run(self) -> None:
        """Check once a second, for ever, for outdated topics.

        Raises :class:`SinkError` if the connection is lost.
        """
        announced = await asyncio.to_thread(self._outgoing.announced)
        if self._discovery is not None:
            # Its successor has components of the same names, so it is announced a turn after the
            # removal.
            await self._publish(self._discovery.former, b"", retain=True)
        while True:
            self._stir.clear()
            announced = await self._settle(announced)
            stats = self._retained.take_stats()
            if stats is not None:
                await self._publish(self._topics.stats, stats, retain=False)
            await await_set(self._stir, _LOOK_EVERY)

    def answer(self, feed: str) -> None:
        """Send the settings of a feed again, after a command."""
        for setting in SETTINGS:
            self._sent.pop(self._topics.state(feed, setting), None)
        self._stir.set()

    def introduce(self) -> None:
        """Send the discovery messages again, after a restart of Home Assistant."""
        if self._discovery is not None:
            for feed in self._controls.feeds():
                self._sent.pop(self._discovery.topic(feed), None)
            self._stir.set()

    async def _settle(self, announced: set[str]) -> set[str]:
        """Update the retained topics; return the feeds that the broker now has."""
        feeds = dict(self._controls.feeds())
        gone = announced - feeds.keys()
        for feed in feeds.keys() - announced:
            await asyncio.to_thread(self._outgoing.announce, feed)
        for topic, payload in self._wanted(feeds).items():
            if self._sent.get(topic) != payload:
                await self._publish(topic, payload, retain=True)
                self._sent[topic] = payload
        for feed in gone:
            await self._clear(feed)
        return set(feeds)

    def _wanted(self, feeds: Mapping[str, tuple[bool, int]]) -> dict[str, bytes]:
        wanted = {self._topics.available: ONLINE} | states(self._topics, feeds)
        for feed, payload in self._retained.statuses().items():
            if feed in feeds:
                wanted[self._topics.status(feed)] = payload
        for feed, payload in self._retained.kept().items():
            if feed in feeds:
                wanted[self._topics.last(feed)] = payload
        if self._discovery is not None and self._is_introduced:
            for feed in feeds:
                shown = self._controls.display_name(feed)
                wanted[self._discovery.topic(feed)] = self._discovery.config(feed, shown)
        self._is_introduced = True
        return wanted

    async def _clear(self, feed: str) -> None:
        topics = [self._topics.status(feed), self._topics.last(feed), self._topics.image(feed)]
        topics += [self._topics.state(feed, setting) for setting in SETTINGS]
        if self._discovery is not None:
            topics.insert(0, self._discovery.topic(feed))
        for topic in topics:
            await self._publish(topic, b"", retain=True)
            self._sent.pop(topic, None)
        self._retained.forget(feed)
        await asyncio.to_thread(self._outgoing.withdraw, feed)

    async def _publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        refused = await self._connection.publish(topic, payload, None, retain=retain)
        if refused is not None:
            LOG.warning("%s: the broker does not let us write it: %s", topic, refused)
