"""Packets to pictures: one opening of one video, its decoder, and what went wrong in it.

What is opened is not trusted. Only containers of video are, by a list, so that a playlist in
disguise cannot open other files or hosts; a local file cannot reach the network, nor a URL local
files; a picture of more than ``MAX_PIXELS`` is refused before its memory is asked for; servers
answer in time or are given up. A damaged packet is counted and the next one decoded.
"""

from __future__ import annotations

import io
import os
import ssl
import stat
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from streamsel.errors import SourceError, UnreadableError
from streamsel.sources.address import is_url
from streamsel.sources.masking import mask
from streamsel.sources.timeline import CONTINUOUS_STEP, DISCONTINUOUS_STEP, Timeline

MAX_PIXELS = 16384 * 8192
SERVER_TIMEOUT = 15.0
_READ_ATTEMPTS = 3
_CLOCK_MAY_JUMP = 0x0200  # AVFMT_TS_DISCONT
_CONTAINERS = (
    "mov,matroska,mpegts,mpeg,avi,gif,apng,flv,live_flv,ogg,asf,rm,nut,ivf,obu,mxf,dv,h261,h263,"
    "h264,hevc,vvc,av1,m4v,mjpeg,mpjpeg,mpegvideo,vc1,cavsvideo,dirac,dnxhd,yuv4mpegpipe,gxf,wtv,"
    "swf,amv,nsv,rl2,bink,smk,roq,mlv,r3d,evc,"
    # Sound alone is opened to be able to say so.
    "mp3,wav,aac,flac,ac3,eac3,aiff,caf,w64,amr"
)
_PICTURES = (
    "bmp_pipe,dds_pipe,dpx_pipe,exr_pipe,gem_pipe,hdr_pipe,j2k_pipe,jpeg_pipe,jpegls_pipe,"
    "jpegxl_pipe,pam_pipe,pbm_pipe,pcx_pipe,pfm_pipe,pgm_pipe,pgmyuv_pipe,png_pipe,ppm_pipe,"
    "psd_pipe,qoi_pipe,sgi_pipe,sunrast_pipe,tiff_pipe,webp_pipe,xbm_pipe,xpm_pipe,xwd_pipe,"
    "gif,apng"
)
_NOT_PICTURES_OF_A_VIDEO = Disposition.attached_pic | Disposition.timed_thumbnails


class Session:
    """One opened video. Use as a context manager; leaving it closes the container.

    Decoding takes one thread unless ``threads`` asks for more: a feed then costs less, and
    parallelism comes from many feeds. Raises :class:`SourceError` where it cannot be opened,
    :class:`UnreadableError` where nothing in it is video; ``where`` begins those messages.

    ``rate`` is average frames per second, ``time_base`` seconds per unit of pts, ``size_bytes``
    the file's size (0 or less where it is not known); ``declared_frames`` and
    ``declared_seconds`` are how much there is by the container's word, None where it gives none
    or one that cannot be; ``has_edits`` where an edit list may
    leave out some of it. ``damaged`` counts packets, ``damage`` says why of the first.
    ``keeps_time``: its timestamps can be given to filters as they are.
    """

    keeps_time = True

    def __init__(self, where: str, location: str, *, threads: int = 1) -> None:
        self._where = where
        self._is_remote = is_url(location)
        self.damaged = 0
        self.damage = ""
        self._use(_open_location(where, location, self._is_remote), threads)

    def _use(self, container: InputContainer, threads: int, err_detect: str = "") -> None:
        """Choose the video in an opened container, and open its decoder.

        ``err_detect`` is what ffmpeg calls so: what else the decoder takes for damage.
        """
        self._container = container
        try:
            self._stream = _choose_stream(self._where, container)
            _prepare(self._where, self._stream, threads, err_detect)
        except BaseException:
            container.close()
            raise
        self._describe()

    def _describe(self) -> None:
        """Note what the container declares, so that it can be asked for after closing."""
        container, stream = self._container, self._stream
        self.rate: Fraction | None = stream.average_rate or stream.guessed_rate
        self.time_base: Fraction = stream.time_base or Fraction(1, 90000)
        self.size_bytes: int = container.size
        there = 0 < stream.frames <= max(self.size_bytes, 1)
        self.declared_frames: int | None = stream.frames if there else None
        self.has_edits = container.format.name.startswith("mov")
        self.declared_seconds = _seconds(stream.metadata.get("DURATION", ""))
        if stream.duration:
            self.declared_seconds = float(stream.duration * self.time_base)
        elif self.declared_seconds is None and container.duration and len(container.streams) == 1:
            self.declared_seconds = container.duration / av.time_base

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._container.close()

    def timeline(self) -> Timeline:
        """Fresh timestamp rules for this container."""
        jumps = bool(self._container.format.flags & _CLOCK_MAY_JUMP)
        return Timeline(self.rate, DISCONTINUOUS_STEP if jumps else CONTINUOUS_STEP)

    def seek(self, pts: int) -> None:
        """Go to the keyframe at or before a pts; raises an FFmpegError where that cannot be."""
        self._container.seek(pts, stream=self._stream)

    def count_packets(self) -> int:
        """Read to the end without decoding and count the packets, about 0.025 ms each."""
        return sum(1 for _ in self._packets())

    def images(self) -> Iterator[av.VideoFrame]:
        """Decode to the end, in presentation order."""
        decoder = self._stream.codec_context
        for packet in self._packets():
            try:
                images = packet.decode()
            except av.FFmpegError as error:
                self._note(error)
                continue
            yield from images
        try:
            images = decoder.decode(None)
        except av.FFmpegError as error:
            self._note(error)
            return
        yield from images

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        """Read to the end; an unreadable spot is stepped over while there is any progress."""
        failures = 0
        while failures < _READ_ATTEMPTS:
            packets = iter(self._container.demux(self._stream))
            while True:
                try:
                    packet = next(packets)
                except (StopIteration, IndexError):
                    # PyAV stumbles at the end over streams that MPEG-TS brought on the way.
                    return
                except av.FFmpegError as error:
                    if self._is_remote or isinstance(error, av.error.OSError):
                        raise SourceError(f"{self._where} was lost: {reason(error)}") from None
                    failures += 1
                    self._note(error)
                    break
                if packet.size:  # the last one is empty: images() flushes by itself
                    failures = 0
                    yield packet

    def _note(self, error: av.FFmpegError) -> None:
        self.damaged += 1
        self.damage = self.damage or reason(error)


def decode_picture(where: str, path: str) -> av.VideoFrame:
    """Decode the first picture of an image file, whose other parts are not looked at.

    Raises :class:`UnreadableError`; the message begins with ``where``.
    """
    _refuse_special_file(where, path)
    # AVIF and HEIC come in a container of video; under another name that is a film.
    is_boxed = path.lower().endswith((".avif", ".heic", ".heif"))
    formats = "mov" if is_boxed else _PICTURES
    options = {"format_whitelist": formats, "max_pixels": str(MAX_PIXELS)}
    try:
        # Without its name: one that ends in .jpg makes ffmpeg insist on the demuxer of patterns.
        content = io.BytesIO(Path(path).read_bytes())
        with av.open(content, "r", options=options) as container:
            stream = _choose_stream(where, container)
            _prepare(where, stream, 1)
            for image in container.decode(stream):
                return image
    except (av.FFmpegError, OSError, ValueError) as error:
        raise UnreadableError(f"{where} is no image that can be read: {reason(error)}") from None
    raise UnreadableError(f"{where} holds no picture")


def reason(error: Exception) -> str:
    """Why ffmpeg failed, on one line, without the address that its exceptions carry."""
    if isinstance(error, av.error.InvalidDataError):
        return "the data is damaged, or it is another kind of file"
    if isinstance(error, av.error.EOFError):
        return "it ends too early"
    if isinstance(error, (av.error.TimeoutError, av.error.ExitError)):
        return f"no answer within {SERVER_TIMEOUT:g} s"
    if isinstance(error, OSError) and error.strerror:
        return mask(error.strerror)
    if isinstance(error, av.FFmpegError):
        return mask(error.strerror or type(error).__name__)
    return mask(str(error))


def _open_location(where: str, location: str, is_remote: bool) -> InputContainer:
    options = {"format_whitelist": _CONTAINERS, "max_pixels": str(MAX_PIXELS)}
    if is_remote:
        options |= {
            "protocol_whitelist": "http,https,tcp,tls",
            "timeout": str(int(SERVER_TIMEOUT * 1e6)),
            "tls_verify": "1",
        }
        authorities = ssl.get_default_verify_paths().cafile
        if authorities:
            options["ca_file"] = authorities
    else:
        _refuse_special_file(where, location)
        options["protocol_whitelist"] = "file"
        # A colon in a name would otherwise make what stands before it a protocol.
        location = "file:" + os.path.abspath(location)
    try:
        return av.open(
            location,
            "r",
            options=options,
            metadata_errors="replace",
            timeout=(SERVER_TIMEOUT, SERVER_TIMEOUT) if is_remote else None,
        )
    except av.error.ArgumentError:
        raise UnreadableError(
            f"{where} is not of a kind that is read here (a playlist, an image, subtitles, or"
            " damaged); give the video itself"
        ) from None
    except (av.error.FileNotFoundError, av.error.PermissionError) as error:
        raise SourceError(f"{where} cannot be opened: {reason(error)}; check the path") from None
    except (av.FFmpegError, ValueError, OverflowError) as error:
        if is_remote and not isinstance(error, av.error.InvalidDataError):
            check = "check the address"
            if location.lower().startswith("https:"):
                check += ", and that the server's certificate is to be trusted"
            raise SourceError(f"{where} cannot be opened: {reason(error)}; {check}") from None
        raise UnreadableError(
            f"{where} cannot be read as video: {reason(error)}; check that it plays elsewhere"
        ) from None


def _refuse_special_file(where: str, path: str) -> None:
    """Raise for what is not a regular file: opening a pipe or a device may block for ever."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:
        raise SourceError(f"{where} cannot be opened: {reason(error)}; check the path") from None
    if not stat.S_ISREG(mode):
        raise SourceError(f"{where} is not a regular file; give a file")


def _choose_stream(where: str, container: InputContainer) -> VideoStream:
    """The default or else the largest video stream; cover art is no video."""
    streams = [
        stream
        for stream in container.streams.video
        if not stream.disposition & _NOT_PICTURES_OF_A_VIDEO
    ]
    if not streams:
        sound = "it is sound alone" if container.streams.audio else "it is empty"
        raise UnreadableError(f"{where} has no video stream ({sound}); give a video")
    # Declared as always there, but None where the wheel has no decoder.
    contexts: list[Any] = [stream.codec_context for stream in streams]
    decodable = [s for s, context in zip(streams, contexts, strict=True) if context is not None]
    if not decodable:
        raise UnreadableError(f"{where} is of a codec that cannot be decoded; convert it")
    return max(
        decodable,
        key=lambda s: (bool(s.disposition & Disposition.default), s.width * s.height),
    )


def _prepare(where: str, stream: VideoStream, threads: int, err_detect: str = "") -> None:
    """Set the decoder up, and open it."""
    decoder = stream.codec_context
    if decoder.width * decoder.height > MAX_PIXELS:
        raise UnreadableError(
            f"{where} has pictures of {decoder.width}x{decoder.height}; the limit is"
            f" {MAX_PIXELS:,} pixels"
        )
    for other in stream.container.streams:
        if other is not stream:
            other.discard = Discard.all
    stream.thread_type = "SLICE" if threads == 1 else "AUTO"
    decoder.thread_count = threads
    decoder.options = {"max_pixels": str(MAX_PIXELS)}
    if err_detect:
        decoder.options = {**decoder.options, "err_detect": err_detect}
    try:
        decoder.open(strict=False)
    except (av.FFmpegError, ValueError) as error:
        raise UnreadableError(
            f"{where}: the {decoder.name} decoder refuses it ({reason(error)})"
        ) from None


def _seconds(clock: str) -> float | None:
    """Read a tag like ``00:01:02.500000000``."""
    parts = clock.split(":")
    if len(parts) != 3:
        return None
    try:
        hours, minutes, seconds = (float(part) for part in parts)
    except ValueError:
        return None
    return hours * 3600 + minutes * 60 + seconds
