"""Connections to live feeds: one opening of a camera, a device or a stream, and its timeouts.

ffmpeg is told how long it may wait in the two ways that work: the protocol's own timeout, and one
that interrupts any call. Only options, protocols and containers that are named here reach it, so an
address opens no files and no playlist leads elsewhere; no error carries credentials.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args
from urllib.parse import SplitResult, urlsplit

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from streamsel.clock import Clock
from streamsel.errors import ConfigurationError, SourceError
from streamsel.sources.continuity import Continuity
from streamsel.sources.covering import Areas
from streamsel.sources.decode import Damage, Session
from streamsel.sources.doubt import Doubt
from streamsel.sources.footage import PacketRing
from streamsel.sources.opening import MAX_PIXELS, DecoderOptions, Skip, reason
from streamsel.sources.timeline import DISCONTINUOUS_STEP, ArrivalTimeline, Timeline

Transport: TypeAlias = Literal["tcp", "udp"]
Decode: TypeAlias = Literal["all", "reference", "keyframes"]

_SKIPPED: dict[Decode, Skip] = {
    "all": "DEFAULT",
    "reference": "NONREF",
    "keyframes": "NONKEY",
}
_PROTOCOLS = "rtsp,rtsps,rtp,rtcp,udp,tcp,tls,http,https,crypto,rtmp,rtmps,rtmpt,srt"
_CONTAINERS = (
    "rtsp,sdp,rtp,hls,mpegts,flv,live_flv,mjpeg,mpjpeg,jpeg_pipe,mov,matroska,ogg,h264,hevc,"
    # Parts of a playlist may be sound or text alone.
    "aac,mp3,ac3,eac3,webvtt"
)
_UNTIMED = ("mpjpeg", "mjpeg", "jpeg_pipe", "h264", "hevc")
"""Containers without timestamps: ffmpeg makes some up, for 25 frames a second."""
_CHECKED_CODECS = ("h264", "mjpeg")
"""Codecs of which every picture that lost something on the way is found out."""
_MOST_FAILURES = 100
_KEYFRAME_PATIENCE = 60.0
_RECEIVED_BYTES = 1 << 22
_DEVICE = re.compile(r"/dev/(?:video\d+|v4l/by-(?:id|path)/[^/]+)")
_SCHEMES = ("rtsp", "rtsps", "http", "https", "rtmp", "rtmps", "rtmpt", "srt", "udp", "rtp")
_TLS_PORTS = {"rtsps": 322, "https": 443, "rtmps": 443}
_SILENT = 0.9
"""Part of a timeout after which an answer only came because of it."""
_ANALYSED_US = "500000"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOptions:
    """How a live feed is read. Raises :class:`ConfigurationError` for what cannot be.

    ``transport`` is that of RTSP. A connection may take ``open_timeout`` seconds to open, and be
    silent for ``read_timeout``. ``tls_ca_file`` (PEM) holds the authorities that may have signed
    the camera's certificate; None: those of the system. ``fps``: at most so many frames a second
    are looked at. ``filters`` is an ffmpeg filter chain. ``decode``: all frames, those that others
    refer to, or keyframes alone. ``areas`` are hidden in every picture; their size holds for all
    connections.
    """

    transport: Transport = "tcp"
    open_timeout: float = 5.0
    read_timeout: float = 5.0
    tls_ca_file: Path | None = None
    fps: float | None = None
    filters: str | None = None
    decode: Decode = "all"
    areas: Areas | None = None

    def __post_init__(self) -> None:
        for name, choices in (("transport", Transport), ("decode", Decode)):
            if getattr(self, name) not in get_args(choices):
                raise ConfigurationError(
                    f"{name} is {getattr(self, name)!r}; it must be one of "
                    f"{', '.join(get_args(choices))}"
                )
        for name in ("open_timeout", "read_timeout"):
            if not 0.1 <= getattr(self, name) <= 3600:
                raise ConfigurationError(
                    f"{name} is {getattr(self, name):g} s; it must lie in 0.1..3600"
                )


class Connection(Session):
    """One opened live feed. Use as a context manager; leaving it closes the connection.

    Raises :class:`SourceError` where it cannot be opened in time, and from then on whenever it is
    lost, ends, is silent, or sends nothing that can be decoded.
    """

    keeps_time = False  # a filter would wait for hours after the clock was set back

    def __init__(
        self,
        where: str,
        location: str,
        options: LiveOptions,
        clock: Clock,
        ring: PacketRing | None = None,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._where = where
        self._cover = None if options.areas is None else options.areas.cover(where)
        self._is_remote = True
        self._damage = Damage()
        self.decoded_in_software_because = ""
        self.keeps_pictures_there = False
        self.received = 0
        self.decoded = 0
        self._options = options
        self._clock = clock
        self._ring = ring
        self._is_stopped = is_stopped
        self._failures = 0
        self._is_suspect = False
        is_lossy = location.lower().startswith("rtsp") and options.transport == "udp"
        self._is_lossy = is_lossy
        decoder_options = DecoderOptions(
            skip_frame=_SKIPPED[options.decode],
            # Or H.264 would not be missed where its end looks like one.
            err_detect="aggressive" if is_lossy else "",
        )
        self._use(_open(where, location, options, clock), decoder_options)
        decoder = self._stream.codec_context
        codec = decoder.codec.canonical_name
        if is_lossy and codec not in _CHECKED_CODECS:
            self._container.close()
            raise SourceError(
                f"{where} sends {codec}, in which losses on the way cannot be told: set its "
                "transport to tcp"
            )
        follows_numbers = is_lossy and codec == "h264"
        self._doubt = Doubt(Continuity(decoder.extradata or b"") if follows_numbers else None)
        self._pictured = clock.monotonic()
        self._keyed: float | None = None
        self._size = decoder.width, decoder.height
        if ring is not None:
            ring.begin(self._stream, *self._size)

    def timeline(self) -> Timeline:
        """Fresh timestamp rules: the clock of a camera may jump, and some tell no time."""
        if self.tells_time:
            return Timeline(self.rate, DISCONTINUOUS_STEP)
        return ArrivalTimeline(self.rate, DISCONTINUOUS_STEP, self._clock)

    @property
    def tells_time(self) -> bool:
        """Whether there are timestamps in what is sent."""
        return self._container.format.name not in _UNTIMED

    def take_suspicion(self) -> bool:
        """Whether a picture that was yielded since the last call may be damaged."""
        is_suspect, self._is_suspect = self._is_suspect, False
        return is_suspect

    def images(self) -> Iterator[av.VideoFrame]:
        """Decode until told to stop, in presentation order.

        After damage nothing is trusted until a keyframe comes, see :meth:`take_suspicion`.
        """
        for packet in self.packets():
            self._doubt.weigh(packet)
            images = self._decode(packet)
            self._require_pictures(packet, images)
            self._record(packet, images)
            for image in images:
                self._is_suspect |= self._doubt.covers(image)
                yield image

    def _decode(self, packet: Packet[VideoStream]) -> list[av.VideoFrame]:
        try:
            if self._is_lossy and packet.is_keyframe and self._doubt.is_open:
                # A picture that lost something leaves traces in the next one, even in a keyframe
                # that is whole: so that one is decoded twice.
                packet.decode()
            images = self._seen(packet.decode())
        except av.FFmpegError as error:
            self._note(error)
            self._doubt.begin()
            self._failures += 1
            return []
        self.decoded += len(images)
        return images

    def _record(self, packet: Packet[VideoStream], images: list[av.VideoFrame]) -> None:
        """Give a packet to the ring; pictures of another size begin a new recording."""
        if self._ring is None:
            return
        if images and (size := (images[0].width, images[0].height)) != self._size:
            self._size = size
            self._ring.begin(self._stream, *size)
        self._ring.add(packet, self._clock.monotonic())

    def _require_pictures(self, packet: Packet[VideoStream], images: list[av.VideoFrame]) -> None:
        """Raise where pictures are overdue: the decoder gets keyframes, and makes nothing of it."""
        now = self._clock.monotonic()
        if images:
            self._pictured, self._keyed, self._failures = now, None, 0
            return
        if packet.is_keyframe and self._keyed is None:
            self._keyed = now
        silence = now - self._pictured
        overdue = self._keyed is not None and now - self._keyed > self._options.read_timeout
        if overdue or self._failures >= _MOST_FAILURES or silence > _KEYFRAME_PATIENCE:
            raise SourceError(
                f"{self._where}: data comes, but no picture for {silence:.0f} s"
                f"{f' ({self.damage})' if self.damage else ''}"
            )

    def packets(self) -> Iterator[Packet[VideoStream]]:
        """Read until told to stop; raises :class:`SourceError` where the feed is lost."""
        packets = iter(self._container.demux(self._stream))
        while not self._is_stopped():
            waiting_since = self._clock.monotonic()
            try:
                packet = next(packets)
            except (StopIteration, IndexError):
                raise SourceError(f"{self._where}: the sender ended it") from None
            except av.FFmpegError as error:
                raise SourceError(f"{self._where} was lost: {self._why(error)}") from None
            # Once its patience is over, ffmpeg first hands out the fragments of a frame that it
            # holds, and would then wait as long again.
            silence = self._clock.monotonic() - waiting_since
            if silence > _SILENT * self._options.read_timeout:
                raise SourceError(f"{self._where} was lost: {_no_answer(silence)}")
            if packet.size:
                self.received += 1
                yield packet

    def _why(self, error: av.FFmpegError) -> str:
        return _explain(error, self._options.read_timeout)


def is_live_address(address: str) -> bool:
    """Whether an address is of a kind that is read as a live feed."""
    scheme, separator, _ = address.partition("://")
    return bool(separator and scheme.lower() in _SCHEMES) or _device(address) is not None


def _device(address: str) -> str | None:
    """The path of a camera of this machine: ``/dev/video0`` or ``usb:0``."""
    if _DEVICE.fullmatch(address):
        return address
    kind, _, number = address.partition(":")
    return f"/dev/video{number}" if kind == "usb" and number.isdigit() else None


def _open(where: str, location: str, options: LiveOptions, clock: Clock) -> InputContainer:
    device = _device(location)
    try:
        parts = urlsplit(location)
    except ValueError:
        raise SourceError(f"{where} is no valid URL; check it") from None
    if device is None and parts.scheme.lower() not in _SCHEMES:
        raise SourceError(
            f"{where} is no address of a live feed; give rtsp://, rtsps://, http(s)://, rtmp://, "
            "srt:// or a device such as /dev/video0"
        )
    if parts.scheme.lower() in _TLS_PORTS:
        _require_trust(where, parts, options)
    began = clock.monotonic()
    try:
        return av.open(
            device or location,
            "r",
            format="v4l2" if device else None,
            options=_ffmpeg_options(parts, options, is_device=device is not None),
            metadata_errors="replace",
            timeout=(options.open_timeout, options.read_timeout),
        )
    except (av.FFmpegError, ValueError, OverflowError) as error:
        why = _explain(error, options.open_timeout)
        # A server that does not go on is told like one that talks nonsense.
        if clock.monotonic() - began > _SILENT * options.open_timeout:
            why = _no_answer(options.open_timeout)
        raise SourceError(f"{where} cannot be opened: {why}") from None


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
    if scheme in _TLS_PORTS:
        authorities = options.tls_ca_file or ssl.get_default_verify_paths().cafile
        chosen |= {"tls_verify": "1"}
        if authorities:
            chosen |= {"ca_file": str(authorities)}
    return chosen


def _require_trust(where: str, parts: SplitResult, options: LiveOptions) -> None:
    """Check certificate and host name before anything is sent, so as to say what is wrong.

    ffmpeg checks them again (the name where it is built with GnuTLS), and only says that it failed.
    """
    host = parts.hostname or ""
    try:
        port = parts.port or _TLS_PORTS[parts.scheme.lower()]
        context = ssl.create_default_context(
            cafile=None if options.tls_ca_file is None else str(options.tls_ca_file)
        )
        with (
            socket.create_connection((host, port), options.open_timeout) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return
    except ssl.SSLCertVerificationError as error:
        raise SourceError(
            f"{where} is not to be trusted: {error.verify_message}; see tls_ca_file"
        ) from None
    except FileNotFoundError:
        raise SourceError(f"{where}: tls_ca_file {options.tls_ca_file} is missing") from None
    except (OSError, ValueError) as error:
        raise SourceError(
            f"{where} cannot be opened: {_explain(error, options.open_timeout)}"
        ) from None


def _explain(error: Exception, timeout: float) -> str:
    if isinstance(error, (av.error.TimeoutError, av.error.ExitError, TimeoutError)):
        return _no_answer(timeout)
    if isinstance(error, av.error.HTTPUnauthorizedError):
        return "user name or password is refused"
    if isinstance(error, av.error.ProtocolNotFoundError):
        return "this build of PyAV does not know the protocol"
    return reason(error)


def _no_answer(within: float) -> str:
    return f"no answer within {within:.2g} s"
