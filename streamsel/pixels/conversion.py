"""Converts decoded pictures as ffmpeg does, with its own ``scale`` filter.

The filter knows what a scaler alone is not told: where the chroma of a picture lies, what shape
its pixels have, and that a picture which is only flagged interlaced is to be scaled as a whole.
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
_SQUARED_WIDTH = "(iw*if(between(sar,0.1,10),sar,1))"  # beyond that, the shape is a mistake


class Converter:
    """Scales and converts pictures to full-range RGB or gray; keeps the graph for the next one.

    Bicubic, with the chroma of every pixel interpolated and exact rounding; the matrix and range
    are those the picture is tagged with, BT.601 and limited where it is not. The same pixels give
    the same result. For one thread at a time.

    What ffmpeg writes by ``scale=W:H:flags=bicubic+full_chroma_int+full_chroma_inp+accurate_rnd``
    is the same, to the bit.
    """

    def __init__(self, size: PictureSize | None = None, *, keep_pixels: bool = False) -> None:
        """``size`` is that of upright pictures; None: as they come.

        Pixels are made square, the rows left as they are, unless ``keep_pixels``.
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

        ``pixel_aspect`` is the width of a pixel for its height; None: as the picture itself says.
        ``lies_on_side``: it must be turned by a quarter to stand upright. 1080p costs about 10 ms.
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
        """The same with 16 bits a channel, always RGB (H, W, 3); 1080p costs about 50 ms."""
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
            image = image.reformat(format=image.sw_format.name)  # it lay in a card's memory
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
