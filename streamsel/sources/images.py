"""The source of image files: a folder in natural order, or one image."""

from __future__ import annotations

import os
from collections.abc import Collection, Generator, Iterator, Sequence
from fractions import Fraction

import av
import PIL.Image

from streamsel.errors import ConfigurationError, SourceError, UnreadableError
from streamsel.frame import Frame, FrameKey, Picture
from streamsel.libav import as_source_error, ends_as_source_error
from streamsel.redaction import redact
from streamsel.sources.container.fingerprint import fingerprint_of
from streamsel.sources.container.opening import BOXED, decode_picture
from streamsel.sources.covering import Areas
from streamsel.sources.decode.filters import FilterChain
from streamsel.sources.decode.orientation import UPRIGHT, Orientation, from_exif, turned_by
from streamsel.sources.decode.sampling import Sampling
from streamsel.sources.masks import read_masks
from streamsel.sources.matrices import replaced, retag
from streamsel.sources.named import NamedSource
from streamsel.sources.recorded import time_in_name

_EXIF_ORIENTATION = 0x0112
_EXIF_HOLDERS = (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".tif", ".tiff")
_NAMED_WARNINGS = 20
_TIME_BASE = Fraction(1)


class ImageSource(NamedSource):
    """Reads image files one after another; each is a frame, its index its position in ``paths``.

    A broken image is a warning and leaves the other indices unchanged. Sizes may vary. An image
    lasts a second of media time; ``start``, ``end`` and ``fps`` select by it as in a video.
    ``filters`` is an ffmpeg filter chain, applied to each image separately. EXIF orientation is
    respected. ``mask`` are privacy masks, see :func:`~streamsel.sources.masks.read_mask`; an image
    of a size that they do not fit counts as broken. Raises :class:`ConfigurationError` for a chain
    that ffmpeg refuses, and for invalid masks.
    """

    def __init__(
        self,
        feed: str,
        paths: Sequence[str],
        *,
        start: float | None = None,
        end: float | None = None,
        fps: float | None = None,
        filters: str | None = None,
        mask: Sequence[str] = (),
    ) -> None:
        super().__init__(feed, redact(paths[0] if len(paths) == 1 else os.path.dirname(paths[0])))
        self._paths = tuple(paths)
        self._sampling = Sampling(start, end, fps)
        self._filters = filters
        self._areas = Areas.of(read_masks(mask))
        self._broken: dict[int, str] = {}
        self._matrices: dict[int, str] = {}
        if filters is not None:
            FilterChain(filters)

    @property
    def expected_frames(self) -> int | None:
        """Number of images to read, including broken ones not found yet."""
        return len(self._chosen(0))

    @property
    def expected_seconds(self) -> float | None:
        """Media time in seconds: one per image."""
        return self._sampling.length(float(len(self._paths)))

    @ends_as_source_error
    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """Yield the images from index ``start`` on.

        Raises :class:`UnreadableError` if there are images and none can be read.
        """
        chosen = self._chosen(start)
        read = 0
        for index in chosen:
            if self._stopped.is_set():
                return
            where = f"feed '{self._feed}': {redact(self._paths[index])}"
            try:
                with as_source_error(where):
                    frame = self._read(index)
            except (SourceError, ConfigurationError) as error:
                # Errors of a filter chain do not name the image.
                message = str(error)
                self._broken[index] = (
                    message if message.startswith(where) else f"{where}: {message}"
                )
                continue
            read += 1
            yield frame
        if not chosen and not start:
            self._sampling.require_start(self._where, float(len(self._paths)))
        if chosen and not read and not start:
            raise UnreadableError(self._broken[chosen[0]])

    @ends_as_source_error
    def fetch(self, indices: Collection[int]) -> Iterator[Frame]:
        """Decode exactly these images again, in ascending order of index."""
        for index in sorted(set(indices)):
            if self._stopped.is_set():
                return
            yield self._read(index)

    @property
    def fingerprint(self) -> str:
        """A hash over the images' sizes and the first 64 KiB of each."""
        return fingerprint_of(self._paths)

    def warnings(self) -> Sequence[str]:
        """Return the unreadable images so far; the first 20 by name.

        Includes the first image with an unsupported colour matrix.
        """
        messages = [self._broken[index] for index in sorted(self._broken)]
        more = len(messages) - _NAMED_WARNINGS
        if more > 0:
            messages[_NAMED_WARNINGS:] = [f"feed '{self._feed}': {more} more images cannot be read"]
        return (*messages, *(self._matrices[index] for index in sorted(self._matrices)[:1]))

    def _chosen(self, first: int) -> list[int]:
        chooser = self._sampling.chooser(_TIME_BASE)
        wanted = [index for index in range(len(self._paths)) if chooser.wants(float(index))]
        return [index for index in wanted if index >= first]

    def _read(self, index: int) -> Frame:
        path = self._paths[index]
        name = os.path.basename(path)
        where = f"feed '{self._feed}': {redact(path)}"
        image = decode_picture(where, path)
        if (matrix := retag(image)) is not None:
            self._matrices[index] = f"{where}: {replaced(matrix)}"
        orientation = _orientation(image, path)
        if self._areas is not None:
            image = self._areas.cover(where).hide(image, orientation)
        if self._filters is not None or orientation.mirrored:
            image = _filter(self._filters or "null", where, image, orientation)
            orientation = UPRIGHT
        width, height = orientation.upright(image.width, image.height)
        return Frame(
            key=FrameKey(self._feed, index),
            pts=index,
            time_base=_TIME_BASE,
            media_time=float(index),
            width=width,
            height=height,
            # The pixel density in an image file is for printing, so pixels count as square.
            picture=Picture(image, orientation.rotation, pixel_aspect=Fraction(1)),
            corrupt=image.is_corrupt,
            recorded=time_in_name(name),
            original=redact(name),
        )


def _filter(text: str, where: str, image: av.VideoFrame, orientation: Orientation) -> av.VideoFrame:
    """Apply a new filter chain to one image; return its first output.

    Raises :class:`SourceError` if there is none.
    """
    chain = FilterChain(text)
    image.pts = 0
    out = [*chain.apply(image, Fraction(1, 1), orientation), *chain.drain()]
    if not out:
        raise SourceError(f"{where}: the filter chain outputs no picture")
    return out[0]


def _orientation(image: av.VideoFrame, path: str) -> Orientation:
    """Return the orientation of an image: by its EXIF if readable, else by the decoder.

    AVIF and HEIC are upright already.
    ffmpeg reads EXIF too, but PyAV exposes only the rotation, which is wrong for mirrored pictures.
    """
    if path.lower().endswith(BOXED):
        return UPRIGHT
    turned = turned_by(image.rotation)
    is_too_large = image.width * image.height > (PIL.Image.MAX_IMAGE_PIXELS or 0)
    if is_too_large or not path.lower().endswith(_EXIF_HOLDERS):
        return turned
    try:
        with PIL.Image.open(path) as header:
            return from_exif(int(header.getexif().get(_EXIF_ORIENTATION, 1)))
    except (OSError, ValueError, TypeError, SyntaxError):
        return turned
