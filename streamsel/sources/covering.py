"""Applies privacy masks to decoded pictures before anything reads them.

The area of a mask is overwritten in the decoded planes, so nothing derived from the picture (luma
grids, thumbnails, filters, files) can show it. Areas are extended to whole chroma samples, of both
fields if lines may be interlaced, because a sample covers several pixels.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import av
import numpy as np
import numpy.typing as npt
from av.video.format import VideoFormat
from av.video.reformatter import VideoReformatter

from streamsel.errors import SourceError
from streamsel.sources.container.opening import reason
from streamsel.sources.decode.orientation import Orientation, Turning
from streamsel.sources.masks import Box, Look, Mask, Size, agreed_size, boxes
from streamsel.sources.thumbnails.planes import Samples, bytes_of

_MOST_CELLS = 4
_LEAST_CELL_PX = 16
_FULL = 2
_REPACKED = {
    **dict.fromkeys(("yuyv422", "uyvy422", "yvyu422"), "yuv422p"),
    **dict.fromkeys(("vuya", "ayuv", "uyva"), "yuva444p"),
    **dict.fromkeys(("vuyx", "vyu444"), "yuv444p"),
    **dict.fromkeys(("y210le", "y210be"), "yuv422p10le"),
    **dict.fromkeys(("y212le", "y212be"), "yuv422p12le"),
    **dict.fromkeys(("y216le", "y216be"), "yuv422p16le"),
    **dict.fromkeys(("xv30le", "xv30be", "v30xle", "v30xbe"), "yuv444p10le"),
    **dict.fromkeys(("yuv444p10msble", "yuv444p10msbbe"), "yuv444p10le"),
    **dict.fromkeys(("xv36le", "xv36be", "yuv444p12msble", "yuv444p12msbbe"), "yuv444p12le"),
    **dict.fromkeys(("xv48le", "xv48be"), "yuv444p16le"),
    "uyyvyy411": "yuv411p",
    "pal8": "rgba",
}
"""Formats with samples that cannot be overwritten singly, and the equivalent format."""


class FixedSize:
    """The picture size that masks in pixels fit: as configured, else that of the first picture.

    Thread-safe; shared by all sessions of a feed.
    """

    def __init__(self, size: Size | None = None) -> None:
        self._size = size
        self._lock = threading.Lock()

    def require(self, size: Size, where: str) -> None:
        """Raise :class:`SourceError` for pictures of another size."""
        with self._lock:
            self._size = self._size or size
            expected = self._size
        if size != expected:
            raise SourceError(
                f"{where}: its pictures are {size}, but its masks are in pixels of {expected}, so "
                f"no picture is used. If the masks fit these pictures, write X,Y,W,H@{size}; or "
                "give shares of the picture, which fit every size"
            )


@dataclass(frozen=True, slots=True)
class Areas:
    """The privacy masks of one feed, shared by all its sessions."""

    masks: tuple[Mask, ...]
    size: FixedSize

    @classmethod
    def of(cls, masks: Sequence[Mask], size: Size | None = None) -> Areas | None:
        """Return the areas of these masks; None if there are none.

        ``size`` is the known picture size, for masks in pixels without one.
        """
        return cls(tuple(masks), FixedSize(agreed_size(masks) or size)) if masks else None

    def cover(self, where: str) -> Cover:
        """Return a cover that applies them; ``where`` is the prefix of its messages."""
        return Cover(self, where)


class Cover:
    """Overwrites areas of pictures. One per thread.

    ``black`` leaves nothing of an area: the output is independent of its content. ``blur`` leaves
    the means of at most 4 x 4 cells, each at least 16 pixels wide and high. A picture that a
    decoder still references is copied first, about 0.3 ms at 1080p.
    """

    def __init__(self, areas: Areas, where: str) -> None:
        self._areas = areas
        self._where = where
        self._turning = Turning()
        self._reformatter = VideoReformatter()
        self._is_in_pixels = any(mask.is_in_pixels for mask in areas.masks)

    def hide(self, image: av.VideoFrame, orientation: Orientation | None = None) -> av.VideoFrame:
        """Return the picture with its areas overwritten: the same object, or one in another format.

        ``orientation`` is its rotation to upright; None: as the decoder says. Raises
        :class:`SourceError` if an area cannot be hidden for certain; the picture must not be used
        then.
        """
        turn = self._turning.of(image) if orientation is None else orientation
        size = Size(*turn.upright(image.width, image.height))
        if self._is_in_pixels:
            self._areas.size.require(size, self._where)
        placed = boxes(self._areas.masks, size, self._where)
        try:
            image = self._paintable(image)
            image.make_writable()
        except (av.FFmpegError, ValueError, RuntimeError) as error:
            raise SourceError(
                f"{self._where}: pictures in {image.format.name} cannot be masked "
                f"({reason(error)}); leave the mask out, or convert the video"
            ) from None
        for part in _parts(image.format.name, is_full=_is_full(image)):
            samples = part.samples(image)
            for box, look in placed:
                part.paint(samples, turn.stored(box, size), look)
        return image

    def _paintable(self, image: av.VideoFrame) -> av.VideoFrame:
        """Return the picture, converted if samples of its format cannot be overwritten singly."""
        name = image.format.name
        if _parts(name, is_full=False):
            return image
        return self._reformatter.reformat(
            image,
            format=_REPACKED.get(name) or _holding(image.format),
            src_color_range=image.color_range,
            dst_color_range=image.color_range,
            threads=1,
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """One plane of a format: its interleaved channels, with the value of black in each.

    A sample covers ``across`` columns and ``down`` rows of pixels. Areas are extended to multiples
    of ``grid`` pixels (columns, rows), which is the same for all planes of a picture.
    """

    plane: int
    dtype: str
    black: tuple[int, ...]
    across: int
    down: int
    grid: tuple[int, int]

    def samples(self, image: av.VideoFrame) -> Samples:
        """Return the plane of a writable picture as (H, W, channels), top row first; no copy."""
        plane = image.planes[self.plane]
        rows: Samples = bytes_of(plane).view(self.dtype)
        stride = abs(plane.line_size) // rows.itemsize
        rows = rows[: plane.height * stride].reshape(plane.height, stride)
        if plane.line_size < 0:
            rows = rows[::-1]
        channels = len(self.black)
        return rows[:, : plane.width * channels].reshape(plane.height, plane.width, channels)

    def paint(self, samples: Samples, box: Box, look: Look) -> None:
        """Overwrite an area, given in pixels of the stored picture."""
        across, down = self.grid
        left, right = box.left // across * across, -(-box.right // across) * across
        top, bottom = box.top // down * down, -(-box.bottom // down) * down
        area = samples[
            top // self.down : bottom // self.down, left // self.across : right // self.across
        ]
        if look == "black":
            area[...] = self.black
            return
        rows = _cells(area.shape[0], bottom - top)
        columns = _cells(area.shape[1], right - left)
        _average(area, rows, columns)


def _cells(samples: int, pixels: int) -> npt.NDArray[np.intp]:
    """Return the boundaries of the cells along one side of a blurred area, in samples."""
    cells = max(1, min(_MOST_CELLS, pixels // _LEAST_CELL_PX, samples))
    return np.arange(cells + 1) * samples // cells


def _average(area: Samples, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]) -> None:
    """Replace each cell of (H, W, channels) with its mean, rounded to integers."""
    sums = np.add.reduceat(area, rows[:-1], axis=0, dtype=np.int64)
    sums = np.add.reduceat(sums, columns[:-1], axis=1)  # (cells, cells, channels)
    counts = np.outer(np.diff(rows), np.diff(columns))[:, :, None]
    means = ((sums + counts // 2) // counts).astype(area.dtype)
    area[...] = means.repeat(np.diff(rows), axis=0).repeat(np.diff(columns), axis=1)


def _holding(pixels: VideoFormat) -> str:
    """Return a writable format with at least another one's depth, colour and alpha."""
    if any(part.is_alpha for part in pixels.components):
        return "rgba64le"
    if max(part.bits for part in pixels.components) > 8:
        return "rgb48le"
    # libswscale converts 15 and 16 bits of the other byte order wrongly to packed RGB.
    return "gray" if len(pixels.components) == 1 else "gbrp"


def _is_full(image: av.VideoFrame) -> bool:
    return image.color_range == _FULL or image.format.name.startswith("yuvj")


@lru_cache(maxsize=256)
def _parts(name: str, *, is_full: bool) -> tuple[_Part, ...]:
    """Return the planes of a format; none if its samples cannot be overwritten singly."""
    pixels = VideoFormat(name, 8, 8)
    depths = {part.bits for part in pixels.components}
    bits = max(depths, default=0)
    if len(depths) != 1 or not 8 <= bits <= 16 or "f" in name or "msb" in name:
        return ()
    if pixels.is_bit_stream or pixels.has_palette:
        return ()
    order = ">" if pixels.is_big_endian else "<"
    dtype = "u1" if bits == 8 else f"{order}u2"
    black, gray, white = (0 if is_full else 16) << bits - 8, 1 << bits - 1, (1 << bits) - 1
    wide, high = 8 // pixels.chroma_width(), 8 // pixels.chroma_height()
    # In interlaced video the rows of chroma alternate between two fields, too.
    grid = wide, high * (2 if high > 1 else 1)

    def part(plane: int, *values: int) -> _Part:
        return _Part(plane, dtype, values, 1, 1, grid)

    def chroma(plane: int, *values: int) -> _Part:
        return _Part(plane, dtype, values, wide, high, grid)

    planes = tuple(one.plane for one in pixels.components)
    if name.startswith("yuv") and planes[:3] == (0, 1, 2):
        alpha = (part(plane, white) for plane in planes[3:])
        return (part(0, black), chroma(1, gray), chroma(2, gray), *alpha)
    if name.startswith("nv"):
        return (part(0, black), chroma(1, gray, gray))
    if name.startswith("p") and name[1:4].isdigit():
        # P010 and similar formats are aligned to the upper bits.
        shift = 16 - bits
        return (part(0, black << shift), chroma(1, gray << shift, gray << shift))
    if name.startswith("gbr"):
        return tuple(part(plane, white if plane == 3 else 0) for plane in sorted(planes))
    if name.startswith("gray") and planes == (0,):
        return (part(0, 0),)
    if name.startswith("ya") and planes == (0, 0):
        return (part(0, 0, white),)
    packed = re.match("[rgb0a]{3,4}", name)
    if packed and planes[0] == 0 and pixels.padded_bits_per_pixel == bits * len(packed[0]):
        return (part(0, *(white if channel == "a" else 0 for channel in packed[0])),)
    return ()
