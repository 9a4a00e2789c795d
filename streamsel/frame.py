"""Values of frames along the pipeline: key, frame, thumbnail, luma grid, prefiltered frame.

Array aliases name the shape they promise; every array that leaves a function here is read-only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import av

Vector: TypeAlias = npt.NDArray[np.float32]
"""(D,) unit-norm embedding."""
Vectors: TypeAlias = npt.NDArray[np.float32]
"""(N, D) unit-norm embeddings."""
Thumbnail: TypeAlias = npt.NDArray[np.uint8]
"""(S, S, 3) RGB, what the embedder looks at."""
LumaGrid: TypeAlias = npt.NDArray[np.uint8]
"""(32, 32) luma, what the prefilter compares."""
LumaRows: TypeAlias = npt.NDArray[np.uint8]
"""(R, W) luma, rows of the picture at full width: what sharpness is measured on."""


Scaling: TypeAlias = Literal["area", "bilinear", "bicubic", "lanczos"]


@dataclass(frozen=True, slots=True)
class View:
    """How an embedder wants its thumbnails made from a picture.

    ``side`` is that of the square thumbnail in pixels. ``crop`` is the share of the picture's
    shorter side that a centered square covers, which alone is seen; None: the whole picture is
    squashed to a square, so that nothing at its edges is missed. ``scaling`` averages over the
    pixels that fall together, all but ``area`` with the kernel of that name.
    """

    side: int
    crop: float | None = None
    scaling: Scaling = "area"


@dataclass(frozen=True, slots=True, order=True)
class FrameKey:
    """Names one frame of one feed, for ever: the feed's name and the frame's index.

    ``index`` counts the frames of the feed from 0 in presentation order, as the decoder (or the
    user's filter graph) puts them out.
    """

    feed: str
    index: int

    def __str__(self) -> str:
        return f"{self.feed}-{self.index:06d}"


@dataclass(frozen=True, slots=True)
class EncodedPicture:
    """The bytes of an image file, and the size of its upright picture in pixels."""

    content: bytes
    width: int
    height: int


class Picture:
    """A decoded picture that can be let go of.

    The line holds many frames that will never be written: candidates that wait in a look-ahead
    block, witnesses of a center. Their pixels are held only while the memory budget lasts. A
    picture of a file that was dropped is decoded again should its frame be kept after all; one of
    a live feed cannot be, so it is encoded first, and dropped only where even that is too much.

    ``rotation`` is how many degrees counter-clockwise, a multiple of 90, the image must be turned
    to stand upright. ``pixel_aspect`` is the width of a stored pixel for its height where whatever
    the picture comes in says so; None: as the image itself says. ``is_provisional``: the picture is
    good for looking at, not for keeping; it is to be dropped once it was looked at.
    """

    __slots__ = (
        "__weakref__",
        "_encoded",
        "_image",
        "_nbytes",
        "is_provisional",
        "pixel_aspect",
        "rotation",
    )

    def __init__(
        self,
        image: av.VideoFrame | None,
        rotation: int = 0,
        encoded: EncodedPicture | None = None,
        *,
        pixel_aspect: Fraction | None = None,
        is_provisional: bool = False,
    ) -> None:
        self._image = image
        self._encoded = encoded
        self._nbytes: int | None = None
        self.rotation = rotation
        self.pixel_aspect = pixel_aspect
        self.is_provisional = is_provisional

    @property
    def image(self) -> av.VideoFrame | None:
        """The decoded image as the decoder left it, or None once dropped."""
        return self._image

    @property
    def encoded(self) -> EncodedPicture | None:
        """The picture as an image file, or None where it was never encoded, or dropped."""
        return self._encoded

    @property
    def held_bytes(self) -> int:
        """Bytes this picture keeps alive, decoded and encoded."""
        encoded, image = self._encoded, self._image
        if image is not None and self._nbytes is None:
            self._nbytes = sum(plane.buffer_size for plane in image.planes)
        pixels = 0 if image is None else self._nbytes or 0
        return pixels + (0 if encoded is None else len(encoded.content))

    def encode(self, encode: Callable[[Picture], EncodedPicture]) -> EncodedPicture | None:
        """Encode the picture unless it is already, and let go of the pixels.

        Returns None where it was dropped before. Safe from any thread, as far as ``encode`` is.
        """
        if self._encoded is None:
            held = self.held()
            if held.image is None:
                return None
            self._encoded = encode(held)
        self._image = None
        return self._encoded

    def held(self) -> Picture:
        """Another handle to the decoded image, which keeps it whoever drops this one meanwhile."""
        return Picture(self._image, self.rotation, pixel_aspect=self.pixel_aspect)

    def drop(self) -> None:
        """Let go of all of it. Safe from any thread; whoever holds ``image`` keeps it."""
        self._image = self._encoded = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a feed.

    ``media_time`` is seconds by the sender's clock, from ``pts * time_base``, zero at the feed's
    first frame; ``wall_time`` is UTC epoch seconds at receipt and ``received`` the same moment in
    seconds that never step back, both None for a file. ``recorded`` is when a file says that it was
    taken, UTC epoch seconds, and ``original`` the name of an image's own file; nothing is decided
    by either. ``width`` and ``height`` are those of the upright picture, in pixels.
    """

    key: FrameKey
    pts: int | None
    time_base: Fraction
    media_time: float
    width: int
    height: int
    picture: Picture
    wall_time: float | None = None
    corrupt: bool = False
    received: float | None = None
    recorded: float | None = None
    original: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PrefilterState:
    """What a prefilter remembers after a frame, besides the digests of what it let pass.

    ``reference`` is the luma grid of the last frame whose likeness reached the embedder,
    ``previous`` that of the last frame looked at, ``rows_digest`` the 64-bit hash of its sampled
    luma rows (0: not taken); since ``still_since`` (seconds of media time) no frame differed from
    the one before. ``passed`` counts the frames that went on. The default is the state before the
    first frame.
    """

    reference: LumaGrid | None = None
    previous: LumaGrid | None = None
    rows_digest: int = 0
    still_since: float = 0.0
    passed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class PrefilteredFrame:
    """What the prefilter saw of a frame: the inputs of every later decision.

    ``refusal`` is the reason the frame goes no further, or None; only then is there a
    ``thumbnail``. ``digest`` is the 64-bit hash of the exact pixels of luma grid and thumbnail, 0
    where the frame was refused before a thumbnail was made. ``sharpness`` is in 0..1, higher is
    sharper; 0 where the frame was refused before it was measured. ``state`` is what the prefilter
    remembers after this frame.
    """

    frame: Frame
    luma_grid: LumaGrid
    digest: int
    sharpness: float
    refusal: str | None
    thumbnail: Thumbnail | None
    state: PrefilterState = PrefilterState()


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A prefiltered frame with its embedding; ``embedding`` is None exactly when it was refused."""

    prefiltered: PrefilteredFrame
    embedding: Vector | None

    @property
    def frame(self) -> Frame:
        """The frame that is judged."""
        return self.prefiltered.frame
