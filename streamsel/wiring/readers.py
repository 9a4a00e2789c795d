"""Builds the source and prefilter of a live feed from its settings."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from streamsel.clock import Clock
from streamsel.config.settings import ClipSettings, FeedSettings
from streamsel.frame import PrefilterState, View
from streamsel.interfaces.prefilter import Prefilter, ViewWatch
from streamsel.interfaces.sources import LiveSource
from streamsel.scene import SceneState

if TYPE_CHECKING:
    from streamsel.sources.covering import Areas
    from streamsel.sources.live.packet_ring import PacketRing
    from streamsel.sources.webrtc.ingest import Ingest


_RING_MARGIN_SECONDS = 15.0


def open_source(
    settings: FeedSettings,
    clock: Clock,
    ring: PacketRing | None,
    ingest: Ingest,
    areas: Areas | None,
    turn: AbstractContextManager[None],
) -> LiveSource:
    """Return an unconnected source.

    ``ring`` receives its packets; ``ingest`` accepts senders of push feeds; ``areas`` are hidden in
    its pictures; ``turn`` is held while a packet is decoded.
    """
    from streamsel.sources.live.camera import CameraSource
    from streamsel.sources.live.connection import LiveOptions
    from streamsel.sources.live.plugin import PluginSource
    from streamsel.sources.live.plugin_address import OWN_SCHEMES
    from streamsel.sources.live.snapshots import SnapshotSource
    from streamsel.sources.live.watched_address import (
        is_file_address,
        is_snapshot_address,
        read_file_address,
    )
    from streamsel.sources.live.watched_file import WatchedFile
    from streamsel.sources.webrtc.whep import WhepSource
    from streamsel.wiring.plugins import installed

    options = LiveOptions(
        transport=settings.transport,
        open_timeout=settings.open_timeout,
        read_timeout=settings.read_timeout,
        tls_ca_file=settings.tls_ca_file,
        fps=settings.fps,
        filters=settings.vf,
        decode=settings.decode,
        areas=areas,
    )
    if settings.takes_sender:
        return ingest.source(settings.name, options)
    if settings.is_webrtc:
        return WhepSource(
            settings.name, settings.source, options, clock, ingest.options, ingest.loop
        )
    if is_snapshot_address(settings.source):
        return SnapshotSource(
            settings.name, settings.source, options, clock, ingest.loop, settings.interval
        )
    if is_file_address(settings.source):
        return WatchedFile(
            settings.name,
            read_file_address(settings.source),
            clock,
            fps=settings.fps,
            filters=settings.vf,
            decode=settings.decode,
            mask=settings.mask,
        )
    if settings.plugin is not None:
        plugin = installed("source", settings.plugin, OWN_SCHEMES)
        return PluginSource(settings.name, settings.source, plugin, options, clock)
    return CameraSource(settings.name, settings.source, options, clock, ring, turn)


def open_watch() -> ViewWatch:
    """Return a new view watch for a camera."""
    from streamsel.prefilter.view_watch import CameraWatch
    from streamsel.sources.thumbnails.cpu import CpuThumbnailer

    return CameraWatch(CpuThumbnailer())


def open_prefilter(settings: FeedSettings, view: View, scene: SceneState) -> Prefilter:
    """Return a new prefilter; ``view`` is that of the embedder, ``scene`` is remembered."""
    from streamsel.prefilter.prefilter import FramePrefilter
    from streamsel.sources.thumbnails.cpu import CpuThumbnailer

    prefilter = FramePrefilter(CpuThumbnailer(), view, settings.prefilter)
    prefilter.resume(PrefilterState(scene=scene), ())
    return prefilter


def open_areas(settings: FeedSettings, last_size: tuple[int, int] | None) -> Areas | None:
    """Return the privacy masks of a feed, to be used as long as it is part of the service.

    ``last_size`` is the picture size of its newest recorded frame.
    """
    from streamsel.sources.covering import Areas
    from streamsel.sources.masks import Size, read_masks

    # With a filter, the record has the size of filtered frames, not of received pictures.
    size = None if last_size is None or settings.vf is not None else Size(*last_size)
    return Areas.of(read_masks(settings.mask), size)


def open_ring(clip: ClipSettings) -> PacketRing:
    """Return the packet ring for a feed's clips."""
    from streamsel.sources.live.packet_ring import PacketRing

    # From the preceding keyframe until the frame is judged and its clip is due.
    return PacketRing(clip.before + clip.after + _RING_MARGIN_SECONDS)
