"""The GPU thumbnailer: works on pictures in GPU memory and copies only the results.

PyAV exports the planes of such a picture through DLPack (https://dmlc.github.io/dlpack), without a
copy, and torch averages them on the GPU. Kept frames are decoded again in software, exactly.
"""

from __future__ import annotations

from collections.abc import Sequence

import av
import numpy as np
import torch
from torch.nn.functional import interpolate
from torch.utils.dlpack import from_dlpack

from streamsel.frame import ChromaGrid, LumaGrid, LumaRows, Picture, Thumbnail, View
from streamsel.libav import as_source_error
from streamsel.sources.thumbnails.cpu import (
    CANNOT_LOOK,
    LUMA_GRID_SIDE,
    CpuThumbnailer,
    as_shown,
    range_of,
)
from streamsel.sources.thumbnails.planes import Small, to_rgb


class GpuThumbnailer:
    """A thumbnailer for pictures in GPU memory; passes others to a :class:`CpuThumbnailer`.

    Supports NV12, P010 and P016, the output formats of GPU decoders. Averages cover all pixels of
    an area, so results differ from those of :class:`CpuThumbnailer` by a grey level or two. A view
    with a crop or another scaling copies the picture to main memory. One per thread.
    """

    def __init__(self) -> None:
        self._thumbnailer = CpuThumbnailer()

    @as_source_error(CANNOT_LOOK)
    def luma_grid(self, picture: Picture) -> LumaGrid:
        """Return the luma of the picture as stored, averaged down to (32, 32) uint8."""
        image = picture.image
        if image is None or not is_on_gpu(image):
            return self._thumbnailer.luma_grid(picture)
        return _own(luma_grid_of(plane_of(image, 0)))

    @as_source_error(CANNOT_LOOK)
    def chroma_grid(self, picture: Picture) -> ChromaGrid:
        """Return U and V, each averaged down: (2, 32, 32) uint8; 128 is no colour."""
        image = picture.image
        if image is None or not is_on_gpu(image):
            return self._thumbnailer.chroma_grid(picture)
        return _own(chroma_grid_of(plane_of(image, 1)))

    @as_source_error(CANNOT_LOOK)
    def luma_rows(self, picture: Picture, rows: int = 32) -> LumaRows:
        """Return evenly spaced rows of the luma plane at full width, (R, W) uint8."""
        image = picture.image
        if image is None or not is_on_gpu(image):
            return self._thumbnailer.luma_rows(picture, rows)
        return _own(rows_of(plane_of(image, 0), rows))

    @as_source_error(CANNOT_LOOK)
    def luma_range(self, picture: Picture) -> tuple[int, int]:
        """Return what black and white are in luma: 16, 235, or in full range 0, 255."""
        image = picture.image
        if image is None or not is_on_gpu(image):
            return self._thumbnailer.luma_range(picture)
        return range_of(image)

    @as_source_error(CANNOT_LOOK)
    def thumbnail(self, picture: Picture, view: View) -> Thumbnail:
        """Return the view of the upright picture, (S, S, 3) uint8 full-range RGB."""
        image = picture.image
        if image is None or not is_on_gpu(image):
            return self._thumbnailer.thumbnail(picture, view)
        if view.crop is not None or view.scaling != "area":
            nv12 = image.reformat(format="nv12")
            copied = Picture(nv12, picture.rotation, pixel_aspect=picture.pixel_aspect)
            return self._thumbnailer.thumbnail(copied, view)
        small = small_planes(plane_of(image, 0), plane_of(image, 1), view.side)
        rgb = as_shown(to_rgb(small, image), image)
        return _own(np.rot90(rgb, picture.rotation // 90))


def is_on_gpu(image: av.VideoFrame) -> bool:
    """Whether a picture lies in GPU memory."""
    return image.format.name == "cuda"


def plane_of(image: av.VideoFrame, index: int) -> torch.Tensor:
    """Return a plane as a tensor on its device, (H, W), or (H, W, 2) for chroma; no copy."""
    if is_on_gpu(image):
        torch.cuda.synchronize()  # PyAV does not expose the decoder's stream
    plane: torch.Tensor = from_dlpack(image.planes[index].__dlpack__())
    return plane


def luma_grid_of(luma: torch.Tensor) -> Small:
    """Average luma, (H, W), down to (32, 32) uint8."""
    (luma_grid,) = _averaged(luma[None], LUMA_GRID_SIDE)
    return luma_grid


def chroma_grid_of(chroma: torch.Tensor) -> Small:
    """Average chroma, (H / 2, W / 2, 2), down to (2, 32, 32) uint8."""
    return np.stack(_averaged(chroma.permute(2, 0, 1), LUMA_GRID_SIDE))


def rows_of(luma: torch.Tensor, rows: int = 32) -> Small:
    """Return evenly spaced rows of luma, (R, W) uint8, or all if there are fewer."""
    there = luma.shape[0]
    wanted = min(rows, there)
    places = (2 * torch.arange(wanted) + 1) * there // (2 * wanted)
    return _to_bytes(luma[places.to(luma.device)].float(), luma.dtype)


def small_planes(luma: torch.Tensor, chroma: torch.Tensor, side: int) -> list[Small]:
    """Average luma (H, W) and chroma (H / 2, W / 2, 2) to Y, U, V, each (side, side) uint8."""
    (y,) = _averaged(luma[None], side)
    u, v = _averaged(chroma.permute(2, 0, 1), side)
    return [y, u, v]


def _averaged(planes: torch.Tensor, side: int) -> Sequence[Small]:
    """Average the cells of (C, H, W): C arrays (side, side) uint8."""
    small = interpolate(planes[None].float(), size=(side, side), mode="area")[0]
    return list(_to_bytes(small, planes.dtype))


def _to_bytes(values: torch.Tensor, stored: torch.dtype) -> Small:
    """Round to 8 bits; the 16-bit formats are aligned to the upper bits."""
    if stored != torch.uint8:
        values = values / 256
    rounded: Small = values.round().clamp(0, 255).to(torch.uint8).cpu().numpy()
    return rounded


def _own(array: Small) -> Small:
    """Return the array, contiguous and read-only."""
    own = np.ascontiguousarray(array)
    own.flags.writeable = False
    return own
