"""Builds the parts of a service from its configuration."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from streamsel.clock import Clock, GuardedClock
from streamsel.config.schema import Config
from streamsel.config.secrets import ice_credential
from streamsel.config.settings import FeedSettings
from streamsel.frame import Candidate, EncodedPicture, FrameKey, Picture
from streamsel.interfaces.embedding import Embedder, Embeddings
from streamsel.interfaces.selectors import LiveSelector
from streamsel.interfaces.sinks import Sink
from streamsel.runtime.feed_reader import LiveFeed
from streamsel.runtime.ordered_map import usable_cores
from streamsel.runtime.turns import Turns
from streamsel.scene import NEW_SCENE
from streamsel.selection.budget import Budget
from streamsel.sinks.clips import ClipOrder, ClipSink
from streamsel.version import __version__
from streamsel.wiring.checks import require_buildable
from streamsel.wiring.plugins import open_plugin_sinks
from streamsel.wiring.readers import open_areas, open_prefilter, open_ring, open_source, open_watch
from streamsel.wiring.selector import burst_limit

if TYPE_CHECKING:
    from streamsel.metrics.observer import Metrics
    from streamsel.sinks.mqtt.commands import Controls
    from streamsel.sinks.mqtt.publisher import MqttPublisher
    from streamsel.sinks.mqtt.sink import MqttSink
    from streamsel.sinks.service_folder import LiveDiskSink
    from streamsel.sources.webrtc.ingest import Ingest

_RESERVED = 100_000
_ABOVE_TIMES = 1 << 42
"""Larger than every frame number derived from the time, until the year 2109."""


@dataclass(frozen=True, slots=True)
class LiveParts:
    """The shared parts of a service. ``sinks`` are in order.

    ``store``, if present, is the first of ``sinks``; only its thread may use it once the pipeline
    runs. ``clips`` are the clip orders by feed. ``ingest`` accepts senders, and must be closed.
    ``turns`` are those of the readers.
    """

    embeddings: Embeddings
    encode: Callable[[Picture], EncodedPicture]
    metrics: Metrics
    store: LiveDiskSink | None
    mqtt: tuple[MqttSink, Callable[[Controls], MqttPublisher]] | None
    clips: dict[str, ClipOrder]
    sinks: tuple[Sink, ...]
    ingest: Ingest
    turns: Turns
    clock: GuardedClock

    def reserve(self, feed: str, upto: int) -> None:
        """Record that frame numbers of a feed below ``upto`` may be used."""
        if self.store is not None:
            self.store.reserve({feed: upto})

    def feeds(
        self, wanted: Sequence[FeedSettings]
    ) -> list[tuple[LiveFeed, Callable[[], LiveSelector]]]:
        """Return feeds that continue where the record ends, each with its selector factory.

        The selector continues if its scope has kept frames. Reads and writes the record. Raises
        :class:`SinkError` and :class:`RecordError`.
        """
        beginnings = self._beginnings(wanted)
        return [
            self._feed(settings, *beginning)
            for settings, beginning in zip(wanted, beginnings, strict=True)
        ]

    def _feed(
        self, settings: FeedSettings, start: int, media_time: float
    ) -> tuple[LiveFeed, Callable[[], LiveSelector]]:
        last_size = None if self.store is None else self.store.last_size(settings.name)
        areas = open_areas(settings, last_size)
        scene = NEW_SCENE
        if self.store is not None:
            scene = self.store.scene(settings.name, settings.address)
        self.clips.pop(settings.name, None)
        ring, clip = None, settings.clip
        if clip is not None:
            ring = open_ring(clip)
            self.clips[settings.name] = ClipOrder(ring, clip.before, clip.after)
        return (
            LiveFeed(
                name=settings.name,
                address=settings.address,
                open_source=partial(
                    open_source, settings, self.clock, ring, self.ingest, areas, self.turns
                ),
                open_prefilter=partial(open_prefilter, settings, self.embeddings.view, scene),
                open_watch=open_watch,
                scope=settings.scope,
                start=start,
                reserved=start + _RESERVED,
                media_time=media_time,
                down_after=settings.down_after,
                enabled=settings.enabled,
                turn=self.turns,
            ),
            partial(_selector, settings, self.embeddings.dim, *self._remembered(settings)),
        )

    def _beginnings(self, wanted: Sequence[FeedSettings]) -> list[tuple[int, float]]:
        """Return the next frame number and media time of each feed; reserves numbers."""
        now = self.clock.wall()
        if self.store is None:
            start = _first_number(self.clock)
            return [(start, 0.0) for _ in wanted]
        beginnings, numbers = [], {}
        for settings in wanted:
            self.store.add_feed(settings.name, settings.address, settings.display_name)
            start = self.store.next_index(settings.name)
            numbers[settings.name] = start + _RESERVED
            last = self.store.last_times(settings.name)
            media_time = 0.0 if last is None else last[0] + max(0.0, now - last[1])
            beginnings.append((start, media_time))
        # One transaction for all feeds, because each waits for the disk.
        self.store.reserve(numbers)
        return beginnings

    def _remembered(
        self, settings: FeedSettings
    ) -> tuple[bytes, Sequence[Candidate], Sequence[FrameKey]]:
        if self.store is None:
            return b"", (), ()
        scope = settings.scope
        return (
            self.store.selection(scope) or b"",
            self.store.kept_candidates(scope),
            self.store.pinned(scope),
        )


def _first_number(clock: GuardedClock) -> int:
    """Return the first frame number without a record; the time makes it unique per run."""
    if clock.is_wrong:
        # Two runs may start at the same wrong time, so a random number above all valid ones.
        return _ABOVE_TIMES + secrets.randbelow(_ABOVE_TIMES)
    return int(clock.wall()) * 1000


def build_parts(config: Config, clock: GuardedClock) -> LiveParts:
    """Load the network, open folder and outbox. Takes seconds: not on an event loop.

    Raises :class:`ConfigurationError`, :class:`EmbedderError`, :class:`FolderInUseError`,
    :class:`RecordError` and :class:`SinkError`.
    """
    from streamsel.embed.computed import ComputedEmbeddings
    from streamsel.embed.registry import create
    from streamsel.evaluation.diversity import pairwise
    from streamsel.metrics.observer import Metrics

    require_buildable(config)
    wanted = config.defaults
    weights = None if wanted.weights is None else str(wanted.weights)
    embedder = create(wanted.embedder, weights=weights, device=wanted.device)
    embeddings = ComputedEmbeddings(embedder)
    with ExitStack() as undo:
        # First of all, for they may refuse their options: no folder is made for that.
        added = open_plugin_sinks(config.sinks.added)
        for sink in added:
            undo.callback(sink.close)
        store = _store(config, embedder, clock)
        if store is not None:
            undo.callback(store.close)
            clock.begin_after(store.newest_time())
        mqtt = _mqtt(config, embedder, clock)
        undo.pop_all()
    clips: dict[str, ClipOrder] = {}
    sinks: list[Sink] = [sink for sink in (store, mqtt and mqtt[0]) if sink is not None]
    if config.sinks.disk is not None:
        sinks.append(ClipSink(config.sinks.disk.path, clips, clock))
    sinks += added
    metrics = Metrics(
        embedder=embedder.name,
        sinks=[sink.name for sink in sinks],
        pairwise=pairwise,
        clock=clock,
    )
    return LiveParts(
        embeddings,
        _encoder(config),
        metrics,
        store,
        mqtt,
        clips,
        tuple(sinks),
        _ingest(config, clock),
        Turns(usable_cores(), clock),
        clock,
    )


def _ingest(config: Config, clock: Clock) -> Ingest:
    from streamsel.runtime.loop_thread import SideLoop
    from streamsel.sources.webrtc.ingest import Ingest
    from streamsel.sources.webrtc.peer import IceServer, PeerOptions

    wanted = config.webrtc
    options = PeerOptions(
        ice_servers=tuple(
            IceServer(server.url, server.username, ice_credential(server))
            for server in wanted.ice_servers.values()
        ),
        max_peers=wanted.max_peers,
        max_session=wanted.max_session,
    )
    return Ingest(options, clock, SideLoop("streamsel-webrtc"))


def _encoder(config: Config) -> Callable[[Picture], EncodedPicture]:
    """Return a function that encodes, with one encoder per calling thread."""
    from streamsel.sinks.pictures import Encoder

    wanted = config.pictures
    own = threading.local()

    def encode(picture: Picture) -> EncodedPicture:
        if not hasattr(own, "encoder"):
            own.encoder = Encoder(
                wanted.format,
                wanted.quality,
                wanted.size,
                keep_pixels=wanted.keep_pixels,
                keep_hdr=wanted.keep_hdr,
            )
        encoded: EncodedPicture = own.encoder.encode(picture)
        return encoded

    return encode


def _selector(
    settings: FeedSettings,
    dim: int,
    state: bytes,
    kept: Sequence[Candidate],
    pinned: Sequence[FrameKey],
) -> LiveSelector:
    from streamsel.selection.online import OnlineSelector

    # Calibration is on the way: feeds are decided at once, and frames that wait need memory.
    selector = OnlineSelector(
        Budget(count=settings.count, period=settings.period, share=settings.share),
        dim,
        calibration="on-the-way",
        floor=settings.near_duplicate,
        min_distance=settings.min_distance,
        look_ahead=settings.look_ahead,
        window=settings.window,
        burst=burst_limit(settings.burst),
    )
    if state or kept:
        selector.restore(state, kept)
    for key in pinned:
        selector.pin(key)
    return selector


def _store(config: Config, embedder: Embedder, clock: Clock) -> LiveDiskSink | None:
    from streamsel.record.values import FeedPlan, RunPlan
    from streamsel.sinks.service_folder import LiveDiskSink, StoreOptions

    wanted = config.sinks.disk
    if wanted is None:
        return None
    plan = RunPlan(
        version=__version__,
        config={},
        identity={},
        embedder=embedder.name,
        embedder_digest=embedder.digest,
        method="live",
        count=None,
        seed=0,
        feeds=[
            FeedPlan(feed.name, feed.address, feed.display_name)
            for feed in map(config.feed, config.feeds)
        ],
    )
    options = StoreOptions(
        durability=wanted.durability, max_bytes=wanted.max_bytes, history=wanted.history
    )
    return LiveDiskSink(wanted.path, plan, config.pictures.format, clock, options)


def _mqtt(
    config: Config, embedder: Embedder, clock: Clock
) -> tuple[MqttSink, Callable[[Controls], MqttPublisher]] | None:
    from streamsel.sinks.mqtt.opening import open_sink
    from streamsel.sinks.mqtt.options import MqttOptions, TlsOptions

    wanted, disk = config.sinks.mqtt, config.sinks.disk
    if wanted is None:
        return None
    options = MqttOptions(
        host=wanted.host,
        port=wanted.port,
        tls=None if wanted.tls is None else TlsOptions(**dict(wanted.tls)),
        username=wanted.username,
        password=None if wanted.password is None else wanted.password.get_secret_value(),
        password_file=wanted.password_file,
        prefix=wanted.prefix,
        client_id=wanted.client_id,
        discovery=wanted.discovery is not None,
        discovery_prefix="homeassistant" if wanted.discovery is None else wanted.discovery.prefix,
        page=_page(config),
        max_bytes=wanted.max_bytes,
        durability=wanted.durability,
        message_expiry=wanted.message_expiry,
    )
    return open_sink(
        options,
        (Path("kept") if disk is None else disk.path) / "outbox",
        clock,
        embedder=embedder.name,
        embedder_digest=embedder.digest,
        image_format=config.pictures.format,
        stored=disk is not None,
    )


def _page(config: Config) -> str | None:
    """Return the URL of the live page for browsers, as announced to Home Assistant."""
    mqtt, service = config.sinks.mqtt, config.service
    told = None if mqtt is None or mqtt.discovery is None else mqtt.discovery.page
    return told or (None if service is None else service.page)
