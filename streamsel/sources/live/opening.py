"""Opens a live feed: ffmpeg options, timeouts, transport.

ffmpeg's timeouts are set in the two ways that work: the protocol's own timeout, and a callback that
interrupts any call. Only listed options, protocols and containers are allowed, so an address opens
no files and no playlist leads elsewhere; errors never contain credentials.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

import av
from av.container import InputContainer

from streamsel.clock import Clock
from streamsel.decisions import Rhythm
from streamsel.errors import SourceError, UnreadableError
from streamsel.sources.container.opening import MAX_PIXELS
from streamsel.sources.live.hls_client import Found, find_playlist
from streamsel.sources.live.playlist import MISSED_TARGETS, USUAL_TARGET
from streamsel.sources.live.plugin_address import LIVE_SCHEMES
from streamsel.sources.live.segments import SegmentReader
from streamsel.sources.live.unopened import TLS_PORTS, no_answer, require_trust, unopened

if TYPE_CHECKING:
    from streamsel.sources.live.connection import LiveOptions

_PROTOCOLS = "rtsp,rtsps,rtp,rtcp,udp,tcp,tls,http,https,crypto,rtmp,rtmps,rtmpt,srt"
_CONTAINERS = (
    "rtsp,sdp,rtp,hls,mpegts,flv,live_flv,mjpeg,mpjpeg,jpeg_pipe,mov,matroska,ogg,h264,hevc,"
    # Parts of a playlist may be sound or text alone.
    "aac,mp3,ac3,eac3,webvtt"
)
_UNTIMED = ("mpjpeg", "mjpeg", "jpeg_pipe", "h264", "hevc")
"""Containers without timestamps: ffmpeg invents some, for 25 frames per second."""
_RECEIVED_BYTES = 1 << 22
_DEVICE = re.compile(r"/dev/(?:video\d+|v4l/by-(?:id|path)/[^/]+)")
_NEVER_WAIT = ("srt", "udp", "rtp")
"""Schemes with senders that do not wait for a slow reader: unread data is lost."""
_SILENT = 0.9
"""Share of a timeout after which a response is only a consequence of the timeout."""
_ANALYSED_US = "500000"
_BURST_SPEED = 4.0
"""Maximum speed, relative to real time, at which pictures of a burst are passed on."""


@dataclass(frozen=True, slots=True)
class OpenedFeed:
    """An open live feed. ``read_timeout`` is in seconds.

    ``segments``: the container reads them, and ends after each. None: it is no such playlist.
    """

    container: InputContainer
    read_timeout: float
    rhythm: Rhythm
    tells_time: bool
    segments: SegmentReader | None


def is_live_address(address: str) -> bool:
    """Whether an address is read as a live feed."""
    scheme, separator, _ = address.partition("://")
    return bool(separator and scheme.lower() in LIVE_SCHEMES) or _device(address) is not None


def is_silent(seconds: float, read_timeout: float) -> bool:
    """Whether a result came only because ffmpeg's timeout had expired."""
    return seconds > _SILENT * read_timeout


def open_live(
    where: str,
    location: str,
    options: LiveOptions,
    clock: Clock,
    wait: Callable[[float], bool],
) -> OpenedFeed:
    """Open a live feed; raises :class:`SourceError`, or :class:`RefusedError`.

    A playlist says how long its segments are, and whoever waits for one that long. ``wait`` waits
    a number of seconds; it returns True at once when the feed is stopped.
    """
    try:
        parts = urlsplit(location)
    except ValueError:
        raise SourceError(f"{where} is not a valid URL; check it") from None
    is_playlist = parts.path.lower().endswith((".m3u8", ".m3u"))
    found = find_playlist(location, options, clock) if is_playlist else None
    feed = _opened(where, location, options, clock, wait, found)
    if feed.container.format.name != "hls" or found is not None:
        return feed
    # It is a playlist by another name, or only ffmpeg got an answer.
    feed.container.close()
    found = find_playlist(location, options, clock)
    return _opened(where, location, options, clock, wait, found, USUAL_TARGET)


def _opened(
    where: str,
    location: str,
    options: LiveOptions,
    clock: Clock,
    wait: Callable[[float], bool],
    found: Found | None,
    target: float | None = None,
) -> OpenedFeed:
    target = target if found is None else found.listed.target
    patience = max(options.read_timeout, MISSED_TARGETS * (target or 0.0))
    segments = container = None
    if found is not None and found.listed.is_plain and not found.listed.is_ended:
        segments = SegmentReader(where, found.client, found.listed, patience, clock, wait)
        container = _read_segments(segments, options, patience)
    if container is None:
        segments, container = None, _open(where, location, options, patience, clock)
    if not container.streams.video:
        container.close()
        raise UnreadableError(
            f"{where} sends no video (sound alone, or nothing); choose the stream of its pictures, "
            "or switch that on in the camera"
        )
    tells_time = container.format.name not in _UNTIMED
    may_wait = tells_time and not _loses_what_waits(location, options)
    rhythm = Rhythm(
        speed=_BURST_SPEED if may_wait else None, pause=0.0 if target is None else patience
    )
    return OpenedFeed(container, patience, rhythm, tells_time, segments)


def _read_segments(
    segments: SegmentReader, options: LiveOptions, read_timeout: float
) -> InputContainer | None:
    """Open segments of MPEG-TS; None, and closes them, if ffmpeg has to read them itself."""
    try:
        if segments.begin():
            container = av.open(
                segments,
                "r",
                format="mpegts",
                options={"analyzeduration": _ANALYSED_US, "max_pixels": str(MAX_PIXELS)},
                metadata_errors="replace",
                timeout=(options.open_timeout, read_timeout),
            )
            if any(stream.width for stream in container.streams.video):
                return container
            container.close()
    except (av.FFmpegError, SourceError, ValueError, OverflowError):
        pass
    segments.close()
    return None


def _loses_what_waits(location: str, options: LiveOptions) -> bool:
    scheme = urlsplit(location).scheme.lower()
    is_lossy = scheme in _NEVER_WAIT or _device(location) is not None
    return is_lossy or (scheme.startswith("rtsp") and options.transport == "udp")


def _device(address: str) -> str | None:
    """The path of a camera of this machine: ``/dev/video0`` or ``usb:0``."""
    if _DEVICE.fullmatch(address):
        return address
    kind, _, number = address.partition(":")
    return f"/dev/video{number}" if kind == "usb" and number.isdigit() else None


def _open(
    where: str, location: str, options: LiveOptions, read_timeout: float, clock: Clock
) -> InputContainer:
    device, parts = _device(location), urlsplit(location)
    if device is None and parts.scheme.lower() not in LIVE_SCHEMES:
        raise SourceError(
            f"{where} is no address of a live feed; give rtsp://, rtsps://, http(s)://, rtmp://, "
            "srt:// or a device such as /dev/video0"
        )
    if parts.scheme.lower() in TLS_PORTS:
        require_trust(where, parts, options)
    began = clock.monotonic()
    try:
        return av.open(
            device or location,
            "r",
            format="v4l2" if device else None,
            options=_ffmpeg_options(parts, options, is_device=device is not None),
            metadata_errors="replace",
            timeout=(options.open_timeout, read_timeout),
        )
    except (av.FFmpegError, ValueError, OverflowError) as error:
        # PyAV reports a server that stops responding like one that sends invalid data.
        is_late = clock.monotonic() - began > _SILENT * options.open_timeout
        why = no_answer(options.open_timeout) if is_late else None
        host = None if device else parts
        raise unopened(where, host, error, why, options, clock) from None


def _ffmpeg_options(parts: SplitResult, options: LiveOptions, *, is_device: bool) -> dict[str, str]:
    # Not fflags=nobuffer: what is read to analyse the feed, its first keyframe, would be lost.
    chosen = {"analyzeduration": _ANALYSED_US, "max_pixels": str(MAX_PIXELS)}
    if is_device:
        return chosen
    scheme = parts.scheme.lower()
    chosen |= {"protocol_whitelist": _PROTOCOLS, "format_whitelist": _CONTAINERS}
    timeout_us = str(int(options.read_timeout * 1e6))
    if scheme.startswith("rtsp"):
        chosen |= {
            "rtsp_transport": options.transport,
            "timeout": timeout_us,
            # With the sound, times of both would be moved to fit each other.
            "allowed_media_types": "video",
            "buffer_size": str(_RECEIVED_BYTES),
        }
    elif scheme in ("http", "https"):
        chosen |= {"rw_timeout": timeout_us, "live_start_index": "-1"}
        # Segments by any name: what they may be and where they may lie is in the lists above.
        chosen |= {"allowed_extensions": "ALL", "allowed_segment_extensions": "ALL"}
        chosen["extension_picky"] = "0"
    else:
        chosen |= {"rw_timeout": timeout_us}
    if scheme in TLS_PORTS:
        authorities = options.tls_ca_file or ssl.get_default_verify_paths().cafile
        chosen |= {"tls_verify": "1"}
        if authorities:
            chosen |= {"ca_file": str(authorities)}
    return chosen
