"""Settings of one feed with all defaults merged in."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from streamsel.choices import FeedDecode, NearDuplicate, Transport
from streamsel.prefilter.options import PrefilterOptions
from streamsel.redaction import redact
from streamsel.sources.live.plugin_address import plugin_of
from streamsel.sources.live.watched_address import is_file_address, is_snapshot_address

WHIP = "whip"
"""The source of a push feed: it waits for a WebRTC sender."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipSettings:
    """Length of the clip around a kept frame, in seconds."""

    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSettings:
    """Options of one feed, defaults merged. Durations are seconds.

    ``source`` may hold credentials and is therefore not in the repr; ``address`` is the masked
    form. ``display_name`` is the name for people. ``mask`` are areas hidden in every picture.
    Exactly one of ``count`` and ``share`` is given; a ``count`` applies to each ``period`` (None:
    in total). Feeds of one ``group`` share a coreset.
    """

    name: str
    display_name: str
    source: str = field(repr=False)
    group: str | None
    enabled: bool
    transport: Transport
    open_timeout: float
    read_timeout: float
    down_after: float
    interval: float
    tls_ca_file: Path | None
    decode: FeedDecode
    fps: float | None
    vf: str | None
    mask: tuple[str, ...]
    count: int | None
    period: float | None
    share: float | None
    window: float | None
    burst: str
    min_distance: float
    near_duplicate: NearDuplicate
    look_ahead: int
    prefilter: PrefilterOptions
    clip: ClipSettings | None

    @property
    def address(self) -> str:
        """Where the feed comes from, credentials masked."""
        return redact(self.source)

    @property
    def takes_sender(self) -> bool:
        """Whether it is a push feed that waits for a WebRTC sender."""
        return self.source == WHIP

    @property
    def is_webrtc(self) -> bool:
        """Whether it uses WebRTC."""
        return is_webrtc(self.source)

    @property
    def plugin(self) -> str | None:
        """The name of the plug-in that reads it; None if it is read here."""
        return plugin_of(self.source)

    @property
    def has_packets(self) -> bool:
        """Whether received packets can be stored as clips."""
        return has_packets(self.source)

    @property
    def is_decoded_here(self) -> bool:
        """Whether some of its pictures can be skipped when decoding."""
        return is_decoded_here(self.source)

    @property
    def scope(self) -> str:
        """The name of its coreset: its group, or the feed itself."""
        return self.name if self.group is None else self.group


def has_packets(source: str) -> bool:
    """Whether a source sends packets of video that can be stored as clips."""
    return is_decoded_here(source) and not is_file_address(source)


def is_decoded_here(source: str) -> bool:
    """Whether a source is video, of which some pictures can be skipped when decoding."""
    is_pictures = is_snapshot_address(source) or plugin_of(source) is not None
    return not (is_webrtc(source) or is_pictures)


def is_webrtc(source: str) -> bool:
    """Whether a source uses WebRTC."""
    return source == WHIP or source.lower().startswith("whep+")
