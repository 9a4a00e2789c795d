"""The CPU thumbnailer: thumbnails and luma grids without a full conversion.

Converting a 1080p picture to RGB costs more than decoding it. So rows are sampled from the decoded
planes, without a copy, and averaged down by swscale's area filter; only the small result is
converted to RGB. Rows are sampled, columns are not: all pixels of a sampled row count.
"""

from __future__ import annotations

import math

import av
import numpy as np
import numpy.typing as npt
from av.video.plane import VideoPlane
from av.video.reformatter import Interpolation, VideoReformatter
from PIL import Image

from streamsel.errors import SourceError
from streamsel.frame import ChromaGrid, LumaGrid, LumaRows, Picture, Thumbnail, View
from streamsel.libav import as_source_error
from streamsel.pixels.conversion import Converter, require_convertible
from streamsel.pixels.tone import hdr_of, to_sdr
from streamsel.sources.thumbnails.planes import (
    PlaneLayout,
    Samples,
    Small,
    bytes_of,
    is_full_range,
    layout_of,
    rows_of,
    to_rgb,
)

LUMA_GRID_SIDE = 32
LIMITED_RANGE, FULL_RANGE = (16, 235), (0, 255)
CANNOT_LOOK = "its picture cannot be converted"
_GRID_ROWS_PER_CELL = 4
_CHROMA_SAMPLES_PER_CELL = 60
_LUMA_ROWS_PER_CELL = 2
_CHROMA_ROWS_PER_CELL = 1
_AREA = Interpolation.AREA | Interpolation.BITEXACT | Interpolation.ACCURATE_RND
_KEPT_CHROMA = {
    # Otherwise swscale drops chroma columns for RGB.
    "rgb24": Interpolation.FULL_CHR_H_INT,
    "yuv444p": Interpolation.FULL_CHR_H_INP,
}
_KERNELS = {
    "area": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


class CpuThumbnailer:
    """Computes luma grids, luma rows and thumbnails of pictures. One per thread.

    The same pixels give the same bytes, for any memory layout of the decoder. Arrays are read-only
    copies. Raises :class:`SourceError` for a dropped picture, and for one that cannot be converted.
    """

    def __init__(self) -> None:
        self._scalers = {
            role: VideoReformatter()
            for role in ("luma_grid", "chroma_grid", "luma", "chroma", "gray", "full", "rgb", "yuv")
        }
        self._whole = Converter()

    @as_source_error(CANNOT_LOOK)
    def luma_grid(self, picture: Picture) -> LumaGrid:
        """Return the luma of the picture as stored, averaged down to (32, 32) uint8.

        At 1080p each cell averages about 4 whole rows of its 34. About 0.1 ms.
        """
        image = _image(picture)
        layout = layout_of(image)
        if layout is None:
            return _own(self._convert("gray", image, "gray", LUMA_GRID_SIDE, LUMA_GRID_SIDE))
        rows = layout.narrow(
            _spread(rows_of(image, 0, layout), _GRID_ROWS_PER_CELL * LUMA_GRID_SIDE)
        )
        return _own(self._shrink("luma_grid", rows, LUMA_GRID_SIDE))

    @as_source_error(CANNOT_LOOK)
    def chroma_grid(self, picture: Picture) -> ChromaGrid:
        """Return U and V, each averaged down: (2, 32, 32) uint8; 128 is no colour.

        Each cell averages at least 60 samples, if it has so many: two of its 17 rows at 1080p.
        About 0.05 ms.
        """
        image = _image(picture)
        layout = layout_of(image)
        side = LUMA_GRID_SIDE
        if layout is None:
            small = self._scale("yuv", image, "yuv444p", side, side)
            return _own(np.stack([_rows(plane)[:, :side] for plane in small.planes[1:]]))
        if not layout.chroma_planes:
            return _own(np.full((2, side, side), 128, np.uint8))
        cell_width = image.planes[layout.chroma_planes[0]].width / side
        wanted = side * math.ceil(_CHROMA_SAMPLES_PER_CELL / cell_width)
        parts = [
            part
            for plane in layout.chroma_planes
            for part in layout.parts(layout.narrow(_spread(rows_of(image, plane, layout), wanted)))
        ]
        return _own(np.stack([self._shrink("chroma_grid", part, side) for part in parts]))

    @as_source_error(CANNOT_LOOK)
    def luma_rows(self, picture: Picture, rows: int = 32) -> LumaRows:
        """Return evenly spaced rows of the luma plane at full width, (R, W) uint8.

        R is ``rows``, or the height if that is less. Deeper samples are truncated to 8 bits. About
        0.02 ms at 1080p; pictures without a luma plane cost a conversion.
        """
        image = _image(picture)
        layout = layout_of(image)
        if layout is None:
            converted = self._convert("full", image, "gray", image.width, image.height)
            return _own(converted[_evenly(len(converted), rows)])
        luma = rows_of(image, 0, layout)
        return _own(layout.narrow(luma[_evenly(len(luma), rows)]))

    @as_source_error(CANNOT_LOOK)
    def luma_range(self, picture: Picture) -> tuple[int, int]:
        """Return what black and white are in luma: 16, 235, or in full range 0, 255.

        Pictures without a luma plane are converted to full range.
        """
        image = _image(picture)
        return range_of(image) if layout_of(image) is not None else FULL_RANGE

    @as_source_error(CANNOT_LOOK)
    def thumbnail(self, picture: Picture, view: View) -> Thumbnail:
        """Return the view of the upright picture, (S, S, 3) uint8 full-range RGB.

        For an area-averaged view of the whole picture, planes are averaged and then converted by
        the matrix and range of the picture's tags (untagged: BT.601, limited, as in swscale);
        about 0.3 ms for 64 pixels from 1080p. For any other view the whole picture is converted to
        square pixels and scaled with Pillow, as in the training of other libraries' networks; about
        20 ms from 1080p. HDR is tone-mapped.
        """
        image = _image(picture)
        if view.crop is not None or view.scaling != "area":
            rgb = np.rot90(self._full_rgb(picture, image), picture.rotation // 90)  # (H, W, 3)
            return _own(as_shown(_cut(rgb, view), image))
        size = view.side
        layout = layout_of(image)
        if layout is None:
            rgb = self._convert("rgb", image, "rgb24", size, size)  # (S, S, 3)
        else:
            rgb = to_rgb(self._small_planes(image, layout, size), image)
        return _own(np.rot90(as_shown(rgb, image), picture.rotation // 90))

    def _full_rgb(self, picture: Picture, image: av.VideoFrame) -> npt.NDArray[np.uint8]:
        """Convert the full-size picture as stored, with square pixels: (H, W, 3)."""
        pixels = self._whole.to_8_bits(image, pixel_aspect=picture.pixel_aspect)
        if pixels.ndim == 2:
            return np.repeat(pixels[:, :, None], 3, axis=2)
        return pixels[:, :, :3]

    def _small_planes(self, image: av.VideoFrame, layout: PlaneLayout, size: int) -> list[Small]:
        """Return luma, or luma, U and V, each averaged to (S, S)."""
        luma = _spread(rows_of(image, 0, layout), _LUMA_ROWS_PER_CELL * size)
        small = [self._shrink("luma", layout.narrow(luma), size)]
        for plane in layout.chroma_planes:
            rows = rows_of(image, plane, layout)
            rows = layout.narrow(_spread(rows, _CHROMA_ROWS_PER_CELL * size))
            small += [self._shrink("chroma", part, size) for part in layout.parts(rows)]
        return small

    def _shrink(self, role: str, rows: npt.NDArray[np.uint8], size: int) -> Small:
        """Average (R, W) down to (size, size)."""
        gray = av.VideoFrame.from_numpy_buffer(rows, "gray", rows.shape[1])
        return self._convert(role, gray, "gray", size, size)

    def _convert(
        self, role: str, image: av.VideoFrame, pixels: str, width: int, height: int
    ) -> Small:
        """Scale and convert with the scaler of this role: (H, W) for gray, (H, W, 3) for rgb24."""
        (plane,) = self._scale(role, image, pixels, width, height).planes
        samples = 3 if pixels == "rgb24" else 1
        array = _rows(plane)[:height, : width * samples]
        return array.reshape(height, width, 3) if samples == 3 else array

    def _scale(
        self, role: str, image: av.VideoFrame, pixels: str, width: int, height: int
    ) -> av.VideoFrame:
        require_convertible(image)
        return self._scalers[role].reformat(
            image,
            width=width,
            height=height,
            format=pixels,
            interpolation=_AREA | _KEPT_CHROMA.get(pixels, _AREA),
            # With several threads swscale 9 does not always give the same bytes.
            threads=1,
        )


def range_of(image: av.VideoFrame) -> tuple[int, int]:
    """Return the luma of black and of white in a picture with planes."""
    return FULL_RANGE if is_full_range(image) else LIMITED_RANGE


def as_shown(rgb: Small, image: av.VideoFrame) -> Small:
    """Tone-map small RGB (H, W, 3) if its picture is HDR: embedders are trained on SDR."""
    return rgb if hdr_of(image) is None else to_sdr(rgb, image)


def _rows(plane: VideoPlane) -> Small:
    """Return the rows of a plane with 8 bits, including padding; no copy."""
    return bytes_of(plane).reshape(-1, plane.line_size)


def _cut(rgb: npt.NDArray[np.uint8], view: View) -> Small:
    """Crop and scale (H, W, 3) to (S, S, 3) in one step."""
    height, width = rgb.shape[:2]
    across, down = float(width), float(height)
    if view.crop is not None:
        across = down = view.crop * min(width, height)
    left, top = (width - across) / 2, (height - down) / 2
    scaled = Image.fromarray(rgb).resize(
        (view.side, view.side), _KERNELS[view.scaling], box=(left, top, left + across, top + down)
    )
    return np.asarray(scaled)


def _image(picture: Picture) -> av.VideoFrame:
    image = picture.image
    if image is None:
        raise SourceError("a picture was read after it had been dropped")
    return image


def _spread(rows: Samples, wanted: int) -> Samples:
    """Return at least ``wanted`` evenly spaced rows, or all if there are fewer; no copy."""
    step = max(1, len(rows) // wanted)
    return rows[step // 2 :: step]


def _evenly(there: int, wanted: int) -> npt.NDArray[np.intp]:
    """Return indices of exactly ``wanted`` evenly spaced rows, or of all if there are fewer."""
    wanted = min(wanted, there)
    return (2 * np.arange(wanted) + 1) * there // (2 * wanted)


def _own(array: Small) -> Small:
    """Return a read-only copy, which keeps no picture alive."""
    own = array.copy()
    own.flags.writeable = False
    return own
