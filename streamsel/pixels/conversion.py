"""Converts decoded pictures as ffmpeg does, with its own ``scale`` filter.

Unlike the scaler alone, the filter respects chroma location and pixel aspect ratio, and scales a
picture that is only flagged interlaced as a whole.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, TypeAlias

import av
import numpy as np
import numpy.typing as npt
from av.filter import Graph

from streamsel.pixels.size import MOST_SIDE, PictureSize

_PixelFormat: TypeAlias = Literal["gray", "gbrp", "rgba", "rgb48le"]

_ABORTING = {"yaf32be", "yaf32le"}
_ACCURATE = "bicubic+full_chroma_int+full_chroma_inp+accurate_rnd"
_SQUARED_WIDTH = "(iw*if(between(sar,0.1,10),sar,1))"  # beyond that, the aspect ratio is an error


class Converter:
    """Scales and converts pictures to full-range RGB or gray; reuses the graph for the next one.

    Bicubic, with interpolated chroma for every pixel and exact rounding. Matrix and range are those
    of the picture's tags; BT.601 and limited range without tags. Deterministic. One thread at a
    time.

    The result equals, to the bit, that of ffmpeg with
    ``scale=W:H:flags=bicubic+full_chroma_int+full_chroma_inp+accurate_rnd``.
    """

    def __init__(self, size: PictureSize | None = None, *, keep_pixels: bool = False) -> None:
        """``size`` is that of upright pictures; None: unchanged.

        Pixels become square by changing the width, unless ``keep_pixels``.
        """
        self._size = size
        self._width = "iw" if keep_pixels else _SQUARED_WIDTH
        self._graph = Graph()
        self._made_for: tuple[object, ...] = ()

    def to_8_bits(
        self,
        image: av.VideoFrame,
        *,
        pixel_aspect: Fraction | None = None,
        lies_on_side: bool = False,
    ) -> npt.NDArray[np.uint8]:
        """Return the picture as stored: gray (H, W), RGB (H, W, 3), or with alpha (H, W, 4).

        ``pixel_aspect`` is the width of a pixel relative to its height; None: as tagged.
        ``lies_on_side``: a quarter turn makes it upright. Cost: about 10 ms for 1080p.
        """
        pixels = _pixel_format(image)
        converted = self._convert(image, pixels, pixel_aspect, lies_on_side=lies_on_side)
        return converted.to_ndarray().astype(np.uint8, copy=False)

    def to_16_bits(
        self,
        image: av.VideoFrame,
        *,
        pixel_aspect: Fraction | None = None,
        lies_on_side: bool = False,
    ) -> npt.NDArray[np.uint16]:
        """Return the picture as (H, W, 3) RGB with 16 bits per channel. Cost: 50 ms for 1080p."""
        converted = self._convert(image, "rgb48le", pixel_aspect, lies_on_side=lies_on_side)
        return converted.to_ndarray().astype(np.uint16, copy=False)

    def _convert(
        self,
        image: av.VideoFrame,
        pixels: _PixelFormat,
        pixel_aspect: Fraction | None,
        *,
        lies_on_side: bool,
    ) -> av.VideoFrame:
        if image.sw_format is not None:
            image = image.reformat(format=image.sw_format.name)  # it was in GPU memory
        described = (
            image.width,
            image.height,
            image.format.name,
            image.colorspace,
            image.color_range,
            pixels,
            pixel_aspect,
            lies_on_side,
        )
        require_convertible(image)
        if described != self._made_for:
            self._graph = self._build(image, pixels, pixel_aspect, lies_on_side=lies_on_side)
            self._made_for = described
        self._graph.vpush(image)
        return self._graph.vpull()

    def _build(
        self,
        image: av.VideoFrame,
        pixels: _PixelFormat,
        pixel_aspect: Fraction | None,
        *,
        lies_on_side: bool,
    ) -> Graph:
        graph = Graph()
        graph.threads = 1  # with several, swscale does not always give the same bytes
        nodes = [
            graph.add(
                "buffer",
                video_size=f"{image.width}x{image.height}",
                pix_fmt=image.format.name,
                time_base="1/1000",
                pixel_aspect="0/1",
                colorspace=str(image.colorspace),
                range=str(image.color_range),
            )
        ]
        if pixel_aspect is not None:
            nodes.append(
                graph.add("setsar", f"{pixel_aspect.numerator}/{pixel_aspect.denominator}")
            )
        width, height = self._sides(lies_on_side=lies_on_side)
        nodes += [
            graph.add("scale", w=width, h=height, flags=_ACCURATE, out_range="pc", eval="frame"),
            graph.add("format", pixels),
            graph.add("buffersink"),
        ]
        graph.link_nodes(*nodes).configure()
        return graph

    def _sides(self, *, lies_on_side: bool) -> tuple[str, str]:
        """Width and height as expressions of the ``scale`` filter.

        Only it knows the shape of the pixels, which may change from one picture to the next.
        """
        across = self._width
        if self._size is None:
            return _whole(across), "ih"
        size = self._size.turned() if lies_on_side else self._size
        if size.exact:
            return str(size.width), str(size.height)
        wanted = [f"{MOST_SIDE}/{across}", f"{MOST_SIDE}/ih"]
        if size.width is not None:
            wanted.append(f"{size.width}/{across}")
        if size.height is not None:
            wanted.append(f"{size.height}/ih")
        factor = wanted.pop()
        for other in wanted:
            factor = f"min({other},{factor})"
        return _whole(f"{across}*{factor}"), _whole(f"ih*{factor}")


def require_convertible(image: av.VideoFrame) -> None:
    """Raise ``ValueError`` for a format that would make libswscale end the process."""
    if image.format.name in _ABORTING:
        raise ValueError("gray with alpha in floating point cannot be converted")


def _pixel_format(image: av.VideoFrame) -> _PixelFormat:
    if image.format.has_palette or any(part.is_alpha for part in image.format.components):
        return "rgba"
    # Planar, which swscale converts to three times as fast as to packed pixels.
    return "gray" if len(image.format.components) == 1 else "gbrp"


def _whole(side: str) -> str:
    return f"max(1,round({side}))"
