"""Opens an untrusted video and its decoder.

Only listed containers are opened, so that a disguised playlist cannot open other files or hosts. A
local file cannot access the network, nor a URL local files. A picture of more than ``MAX_PIXELS``
is refused before its memory is allocated. Servers must respond within ``SERVER_TIMEOUT`` seconds.
"""

from __future__ import annotations

import io
import os
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from streamsel.errors import SourceError, UnreadableError
from streamsel.redaction import redact
from streamsel.sources.container.tiles import Grid, Still, filtered, put_together, read_still
from streamsel.sources.inputs import is_url

MAX_PIXELS = 16384 * 8192
SERVER_TIMEOUT = 15.0
_CONTAINERS = (
    "mov,matroska,mpegts,mpeg,avi,gif,apng,flv,live_flv,ogg,asf,rm,nut,ivf,obu,mxf,dv,h261,h263,"
    "h264,hevc,vvc,av1,m4v,mjpeg,mpjpeg,mpegvideo,vc1,cavsvideo,dirac,dnxhd,yuv4mpegpipe,gxf,wtv,"
    "swf,amv,nsv,rl2,bink,smk,roq,mlv,r3d,evc,dhav,"
    # Audio files are opened for a precise error message.
    "mp3,wav,aac,flac,ac3,eac3,aiff,caf,w64,amr"
)
_PICTURES = (
    "bmp_pipe,dds_pipe,dpx_pipe,exr_pipe,gem_pipe,hdr_pipe,j2k_pipe,jpeg_pipe,jpegls_pipe,"
    "jpegxl_pipe,pam_pipe,pbm_pipe,pcx_pipe,pfm_pipe,pgm_pipe,pgmyuv_pipe,png_pipe,ppm_pipe,"
    "psd_pipe,qoi_pipe,sgi_pipe,sunrast_pipe,tiff_pipe,webp_pipe,xbm_pipe,xpm_pipe,xwd_pipe,"
    "gif,apng"
)
BOXED = (".avif", ".heic", ".heif")
"""File name extensions of still pictures in a video container."""
_ROWS_OF_PICTURES = (".mjpeg", ".mjpg")
_NOT_PICTURES_OF_A_VIDEO = (
    Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.dependent
)


Skip: TypeAlias = Literal["DEFAULT", "NONREF", "NONKEY"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderOptions:
    """Options of a decoder.

    ``threads`` work on one video; one is cheapest per frame. ``skip_frame`` selects the frames to
    skip: none, non-reference frames, or all but keyframes. Without ``loop_filter`` decoding is
    faster, but block edges stay visible. ``err_detect`` is ffmpeg's option of what else counts as
    damage. ``device`` is the hardware type to prefer; with ``stays_there`` pictures stay in its
    memory.
    """

    threads: int = 1
    skip_frame: Skip = "DEFAULT"
    loop_filter: bool = True
    err_detect: str = ""
    device: str | None = None
    stays_there: bool = False


ONE_THREAD = DecoderOptions()


def decode_picture(where: str, path: str) -> av.VideoFrame:
    """Decode the first picture of an image file.

    Tiled pictures are assembled; AVIF and HEIC are cropped and upright. Raises
    :class:`UnreadableError` with ``where`` as prefix.
    """
    _refuse_useless_file(where, path)
    try:
        # The content without the name: for .jpg ffmpeg would insist on the image2 demuxer.
        content = Path(path).read_bytes()
    except OSError as error:
        raise UnreadableError(f"{where} is not a readable image: {reason(error)}") from None
    # AVIF and HEIC use a video container; under another name that is a video.
    return decode_content(where, content, is_boxed=path.lower().endswith(BOXED))


def decode_content(where: str, content: bytes, *, is_boxed: bool = False) -> av.VideoFrame:
    """Decode the first picture in the content of an image file.

    ``is_boxed``: accept AVIF and HEIC, and nothing else. Raises :class:`UnreadableError`.
    """
    formats = "mov" if is_boxed else _PICTURES
    options = {"format_whitelist": formats, "max_pixels": str(MAX_PIXELS)}
    try:
        if is_animated_webp(content):
            raise ValueError("it is an animated WebP; convert it to a GIF or a video")
        still = read_still(content) if is_boxed else Still()
        with av.open(io.BytesIO(content), "r", options=options) as container:
            if still.grid is not None:
                return _finished(_whole(still.grid, container), still)
            stream = choose_stream(where, container)
            prepare(where, stream)
            for image in container.decode(stream):
                return _finished(image, still)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise UnreadableError(f"{where} is not a readable image: {reason(error)}") from None
    raise UnreadableError(f"{where} holds no picture")


def _whole(grid: Grid, container: InputContainer) -> av.VideoFrame:
    if grid.width * grid.height > MAX_PIXELS:
        raise ValueError(f"it has {grid.width}x{grid.height}; the limit is {MAX_PIXELS:,} pixels")
    streams = [stream for stream in container.streams.video if stream.id in grid.items]
    for stream in streams:
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    return put_together(grid, container, streams)


def _finished(image: av.VideoFrame, still: Still) -> av.VideoFrame:
    return filtered([image], still.finish) if still.finish else image


def is_animated_webp(content: bytes) -> bool:
    """Whether content is an animated WebP, which libav does not read."""
    return content[:4] == b"RIFF" and content[8:16] == b"WEBPVP8X" and bool(content[20] & 2)


def reason(error: Exception) -> str:
    """Return why ffmpeg failed, on one line, without the address and with secrets masked."""
    if isinstance(error, av.error.InvalidDataError):
        return "the data is damaged, or the file is of another kind"
    if isinstance(error, av.error.EOFError):
        return "it ends too early"
    if isinstance(error, (av.error.TimeoutError, av.error.ExitError)):
        return f"no answer within {SERVER_TIMEOUT:g} s"
    if isinstance(error, OSError) and error.strerror:
        return redact(error.strerror)
    if isinstance(error, av.FFmpegError):
        return redact(error.strerror or type(error).__name__)
    return redact(str(error))


def open_container(where: str, location: str, hwaccel: HWAccel | None = None) -> InputContainer:
    """Open a local file or an http(s) URL; raises :class:`SourceError`."""
    is_remote = is_url(location)
    if not is_remote:
        _refuse_useless_file(where, location)
    try:
        return open_as_it_is(location, hwaccel)
    except av.error.ArgumentError:
        raise UnreadableError(
            f"{where} is no supported video (a playlist, an image, subtitles, or damaged); give"
            " the video itself"
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


def open_as_it_is(location: str, hwaccel: HWAccel | None = None) -> InputContainer:
    """Open a regular file or an http(s) URL; raises PyAV's errors."""
    is_remote = is_url(location)
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
        options["protocol_whitelist"] = "file"
        # Without the scheme, a colon in a name would end a protocol.
        location = "file:" + os.path.abspath(location)

    def opened(format: str | None = None) -> InputContainer:
        return av.open(
            location,
            "r",
            format=format,
            options=options,
            metadata_errors="replace",
            timeout=(SERVER_TIMEOUT, SERVER_TIMEOUT) if is_remote else None,
            hwaccel=hwaccel,
        )

    try:
        return opened()
    except av.error.ArgumentError:
        # By content, a sequence of JPEG pictures is probed as one image.
        if not urlsplit(location).path.lower().endswith(_ROWS_OF_PICTURES):
            raise
        return opened("mjpeg")


def _refuse_useless_file(where: str, path: str) -> None:
    """Raise for an empty or irregular file: opening a pipe may block for ever."""
    try:
        there = os.stat(path)
    except (OSError, ValueError) as error:
        raise SourceError(f"{where} cannot be opened: {reason(error)}; check the path") from None
    if not stat.S_ISREG(there.st_mode):
        raise SourceError(f"{where} is not a regular file; give a file")
    if there.st_size == 0:
        raise UnreadableError(f"{where} is empty: it has 0 bytes; copy or record it again")


def choose_stream(where: str, container: InputContainer) -> VideoStream:
    """Return the default video stream, else the largest; ignores cover art.

    Raises :class:`UnreadableError` without a decodable one.
    """
    streams = [
        stream
        for stream in container.streams.video
        if not stream.disposition & _NOT_PICTURES_OF_A_VIDEO
    ]
    if not streams:
        there = "it is empty"
        if container.streams.audio:
            there = "it contains only audio"
        elif container.streams.subtitles:
            there = "it contains only subtitles"
        if container.streams.video and container.format.name.startswith("mov"):
            there = "only a cover, or a tiled picture; name the latter .heic or .avif"
        raise UnreadableError(f"{where} has no video stream ({there}); give a video")
    # PyAV's stub says otherwise, but it is None for a codec without decoder.
    contexts: list[Any] = [stream.codec_context for stream in streams]
    decodable = [s for s, context in zip(streams, contexts, strict=True) if context is not None]
    if not decodable:
        raise UnreadableError(f"{where} has a codec without decoder; convert it")
    return max(
        decodable,
        key=lambda s: (bool(s.disposition & Disposition.default), s.width * s.height),
    )


def prepare(where: str, stream: VideoStream, options: DecoderOptions = ONE_THREAD) -> None:
    """Configure and open the decoder of a stream. Raises :class:`UnreadableError`."""
    decoder = stream.codec_context
    if decoder.width * decoder.height > MAX_PIXELS:
        raise UnreadableError(
            f"{where} has pictures of {decoder.width}x{decoder.height}; the limit is"
            f" {MAX_PIXELS:,} pixels"
        )
    for other in stream.container.streams:
        if other is not stream:
            other.discard = Discard.all
    # With one thread, slice threading has the least overhead.
    stream.thread_type = "SLICE" if options.threads == 1 else "AUTO"
    decoder.thread_count = options.threads
    decoder.skip_frame = options.skip_frame
    decoder.options = {"max_pixels": str(MAX_PIXELS)}
    if not options.loop_filter:
        decoder.options = {**decoder.options, "skip_loop_filter": "all"}
    if options.err_detect:
        decoder.options = {**decoder.options, "err_detect": options.err_detect}
    try:
        decoder.open(strict=False)
    except (av.FFmpegError, ValueError) as error:
        raise UnreadableError(
            f"{where}: the {decoder.name} decoder does not open ({reason(error)})"
        ) from None
