"""Memory layout of decoded pictures: planes, pixel formats, value ranges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import av
import numpy as np
import numpy.typing as npt
from av.video.format import VideoFormat
from av.video.plane import VideoPlane

Samples = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
Small = npt.NDArray[np.uint8]

_RGB, _YCGCO = 0, 8
_LUMA_WEIGHTS = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}
_BT601 = (0.299, 0.114)
_LIMITED, _FULL = 1, 2
_FRACTION_BITS = 16
_ONE = 1 << _FRACTION_BITS


@dataclass(frozen=True, slots=True)
class PlaneLayout:
    """The planes of a pixel format with luma.

    Plane 0 is luma, with 8 bits, or with more in 2 bytes, shifted right by ``shift`` to get 8.
    ``chroma_planes`` are U and V, or a single interleaved plane if ``is_paired``; V comes first if
    ``is_swapped``.
    """

    dtype: str
    shift: int
    chroma_planes: tuple[int, ...]
    is_paired: bool = False
    is_swapped: bool = False

    def narrow(self, samples: Samples) -> npt.NDArray[np.uint8]:
        """Truncate samples to 8 bits; 8-bit samples are not copied."""
        if samples.dtype == np.uint8:
            return samples.view(np.uint8)
        return (samples >> self.shift).astype(np.uint8)

    def parts(self, chroma: npt.NDArray[np.uint8]) -> Sequence[npt.NDArray[np.uint8]]:
        """Split an interleaved chroma plane into U and V; return any other as it is."""
        if not self.is_paired:
            return (chroma,)
        halves = (np.ascontiguousarray(chroma[:, 0::2]), np.ascontiguousarray(chroma[:, 1::2]))
        return halves[::-1] if self.is_swapped else halves


def layout_of(image: av.VideoFrame) -> PlaneLayout | None:
    """Return the layout of a picture with a luma plane; None for RGB, packed and palettes."""
    if image.colorspace in (_RGB, _YCGCO) and len(image.planes) > 1:
        return None
    if any(plane.line_size <= 0 for plane in image.planes):
        return None  # stored bottom up
    return _layout(image.format.name)


@lru_cache(maxsize=256)
def _layout(name: str) -> PlaneLayout | None:
    pixels = VideoFormat(name)
    bits = pixels.components[0].bits
    dtype = "u1" if bits == 8 else (">u2" if pixels.is_big_endian else "<u2")
    if not 8 <= bits <= 16:
        return None
    if name.startswith("gray") and len(pixels.components) == 1 and "f" not in name:
        return PlaneLayout(dtype, bits - 8, ())
    if name.startswith("nv") and bits == 8:
        return PlaneLayout(dtype, 0, (1,), is_paired=True, is_swapped=name in ("nv21", "nv42"))
    if name.startswith("p") and name[1:4].isdigit() and len(pixels.components) == 3:
        # P010 and similar formats are aligned to the upper bits.
        return PlaneLayout(dtype, 8, (1,), is_paired=True)
    planes = tuple(component.plane for component in pixels.components[:3])
    if name.startswith("yuv") and "msb" not in name and planes == (0, 1, 2):
        return PlaneLayout(dtype, bits - 8, (1, 2))
    return None


def bytes_of(plane: VideoPlane) -> Small:
    """Return the memory of a plane, including padding; no copy."""
    return np.frombuffer(memoryview(plane), np.uint8)


def rows_of(image: av.VideoFrame, index: int, layout: PlaneLayout) -> Samples:
    """Return a plane as samples (H, W), without padding; no copy.

    W counts both U and V in an interleaved chroma plane.
    """
    plane = image.planes[index]
    width = plane.width * (2 if layout.is_paired and index else 1)
    samples: Samples = bytes_of(plane).view(layout.dtype)
    stride = plane.line_size // samples.itemsize
    return samples[: plane.height * stride].reshape(plane.height, stride)[:, :width]


def is_full_range(image: av.VideoFrame) -> bool:
    """Whether the luma of a picture with planes goes from 0 to 255, by its tags."""
    name = image.format.name
    if name.startswith("gray"):
        return image.color_range != _LIMITED  # swscale reads untagged gray as full range
    return image.color_range == _FULL or name.startswith("yuvj")


def to_rgb(planes: Sequence[Small], image: av.VideoFrame) -> Small:
    """Convert small luma (S, S), or luma, U and V, to full-range (S, S, 3) RGB.

    Uses the matrix and range of the picture's tags (ITU-T H.273), and integers, so that all
    machines give the same bytes.
    """
    is_gray, is_full = len(planes) == 1, is_full_range(image)
    luma = planes[0].astype(np.int32)
    scaled = luma * _ONE if is_full else (luma - 16) * round(_ONE * 255 / 219)
    if is_gray:
        return np.repeat(_to_bytes(scaled)[:, :, None], 3, axis=2)
    u_gains, v_gains = _chroma_gains(image.colorspace, is_full)
    u, v = (plane.astype(np.int32) - 128 for plane in planes[1:])
    fixed = scaled + u * u_gains[:, None, None]  # (3, S, S)
    fixed += v * v_gains[:, None, None]
    return _to_bytes(fixed).transpose(1, 2, 0)


@lru_cache(maxsize=32)
def _chroma_gains(
    colorspace: int, is_full: bool
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return the gains of U and of V for red, green and blue, in fixed point."""
    red, blue = _LUMA_WEIGHTS.get(colorspace, _BT601)
    green = 1 - red - blue
    span = _ONE if is_full else _ONE * 255 / 224
    u = (0.0, -2 * (1 - blue) * blue / green, 2 * (1 - blue))
    v = (2 * (1 - red), -2 * (1 - red) * red / green, 0.0)
    return (
        np.array([round(gain * span) for gain in u], np.int32),
        np.array([round(gain * span) for gain in v], np.int32),
    )


def _to_bytes(fixed: npt.NDArray[np.int32]) -> Small:
    """Round fixed-point numbers to 0..255; overwrites its argument."""
    fixed += _ONE >> 1
    fixed >>= _FRACTION_BITS
    return fixed.clip(0, 255).astype(np.uint8)
