"""Values of frames along the pipeline: key, frame, thumbnail, luma grid, prefiltered frame.

Array aliases document their shape; every array returned by a function here is read-only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from streamsel.scene import NEW_SCENE, SceneState

if TYPE_CHECKING:
    import av

Vector: TypeAlias = npt.NDArray[np.float32]
"""(D,) unit-norm embedding."""
Vectors: TypeAlias = npt.NDArray[np.float32]
"""(N, D) unit-norm embeddings."""
Thumbnail: TypeAlias = npt.NDArray[np.uint8]
"""(S, S, 3) RGB, the embedder's input."""
LumaGrid: TypeAlias = npt.NDArray[np.uint8]
"""(32, 32) luma, compared by the prefilter."""
ChromaGrid: TypeAlias = npt.NDArray[np.uint8]
"""(2, 32, 32) U and V, compared by the prefilter."""
LumaRows: TypeAlias = npt.NDArray[np.uint8]
"""(R, W) luma: rows of the picture at full width, for measuring sharpness."""


Scaling: TypeAlias = Literal["area", "bilinear", "bicubic", "lanczos"]


@dataclass(frozen=True, slots=True)
class View:
    """How an embedder's thumbnails are made from a picture.

    ``side`` is the side of the square thumbnail in pixels. ``crop`` is the side of a centered
    square as a share of the picture's shorter side; only this square is used. None: the whole
    picture is squashed to a square, so that nothing at its edges is missed. ``scaling`` is the
    kernel; every kernel averages over the pixels that fall together.
    """

    side: int
    crop: float | None = None
    scaling: Scaling = "area"


@dataclass(frozen=True, slots=True, order=True)
class FrameKey:
    """Identifies one frame permanently: the feed's name and the frame's index.

    ``index`` counts the frames of the feed from 0 in presentation order, as output by the decoder
    or the user's filter graph.
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
    """A decoded picture with pixels that can be released early.

    The pipeline holds many frames that are never written: candidates in a look-ahead block,
    witnesses of a center. Their pixels are held only within the memory budget. A dropped picture of
    a file is decoded again if its frame is kept after all. One of a live feed cannot be, so it is
    encoded first, and dropped only if even that exceeds the budget.

    ``rotation`` is the counter-clockwise rotation to upright in degrees, a multiple of 90.
    ``pixel_aspect`` is the pixel aspect ratio (width to height) given by the container; None: as
    the image itself says. ``is_provisional``: the picture is good enough for checks and thumbnails
    but not for storage, and is dropped after use.
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
        """The decoded image as the decoder output it; None once dropped."""
        return self._image

    @property
    def encoded(self) -> EncodedPicture | None:
        """The picture as an image file; None if it was never encoded, or dropped."""
        return self._encoded

    @property
    def held_bytes(self) -> int:
        """Bytes held by this picture, decoded and encoded."""
        encoded, image = self._encoded, self._image
        if image is not None and self._nbytes is None:
            self._nbytes = sum(plane.buffer_size for plane in image.planes)
        pixels = 0 if image is None else self._nbytes or 0
        return pixels + (0 if encoded is None else len(encoded.content))

    def encode(self, encode: Callable[[Picture], EncodedPicture]) -> EncodedPicture | None:
        """Encode the picture unless it already is, and release the pixels.

        Returns None if it was dropped before. As thread-safe as ``encode``.
        """
        if self._encoded is None:
            held = self.held()
            if held.image is None:
                return None
            self._encoded = encode(held)
        self._image = None
        return self._encoded

    def held(self) -> Picture:
        """Return another reference to the decoded image, which survives :meth:`drop`."""
        return Picture(self._image, self.rotation, pixel_aspect=self.pixel_aspect)

    def drop(self) -> None:
        """Release pixels and encoding. Safe from any thread; references to ``image`` stay valid."""
        self._image = self._encoded = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a feed.

    ``media_time`` is seconds by the sender's clock, from ``pts * time_base``, zero at the feed's
    first frame. ``wall_time`` is the time of receipt in UTC epoch seconds, ``received`` the same
    moment in monotonic seconds; both are None for a file. ``recorded`` is the recording time stored
    in a file, UTC epoch seconds, and ``original`` the file name of an image; no decision depends on
    either. ``width`` and ``height`` are those of the upright picture, in pixels.
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
    """The prefilter's memory after a frame, besides the digests of frames it let pass.

    ``reference`` is the luma grid of the last frame that was embedded, or a near copy of it;
    ``previous`` that of the last frame checked; ``rows_digest`` the 64-bit hash of its luma rows
    and chroma grid (0: not computed). Since ``still_since`` (seconds of media time) no frame
    differed from the one before. ``passed`` counts the frames that passed. ``scene`` is the memory
    of the camera's scene. ``reference_chroma`` is the chroma grid of the reference; None also in
    records of versions that had none. The default is the state before the first frame.
    """

    reference: LumaGrid | None = None
    previous: LumaGrid | None = None
    rows_digest: int = 0
    still_since: float = 0.0
    passed: int = 0
    scene: SceneState = NEW_SCENE
    reference_chroma: ChromaGrid | None = None


LIGHTEST = 0.3
"""Weight of a frame in which nothing changed."""

FULL_SHARE = 0.01
"""Share of the picture from which on a change counts in full."""


@dataclass(frozen=True, slots=True)
class SceneChange:
    """What is other in a frame than the background of its camera.

    ``share`` is the share of the picture, 0..1, that the largest connected change takes up.
    ``fixed``: the camera counts as fixed at this frame. Before it does no frame weighs less for its
    share; when it does, the shares of the frames kept so far count too.
    """

    share: float
    fixed: bool

    @property
    def weight(self) -> float:
        """What the frame weighs as soon as its camera counts as fixed; 1 until then.

        >>> [round(SceneChange(share, fixed=True).weight, 3) for share in (0.0, 0.005, 0.2)]
        [0.3, 0.65, 1.0]
        """
        return LIGHTEST + (1.0 - LIGHTEST) * min(1.0, self.share / FULL_SHARE)


@dataclass(frozen=True, slots=True, eq=False)
class PrefilteredFrame:
    """A frame with the prefilter's measurements: the input of every later decision.

    ``refusal`` is the reason why the frame is refused, or None; only then is there a ``thumbnail``.
    ``digest`` is the 64-bit hash of the exact pixels of luma grid and thumbnail, 0 if the frame was
    refused before a thumbnail was made. ``sharpness`` is in 0..1, higher is sharper; 0 if the frame
    was refused before it was measured. ``state`` is the prefilter's memory after this frame.
    ``change`` is None if no background is modelled.
    """

    frame: Frame
    luma_grid: LumaGrid
    digest: int
    sharpness: float
    refusal: str | None
    thumbnail: Thumbnail | None
    state: PrefilterState = PrefilterState()
    change: SceneChange | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A prefiltered frame with its embedding, which is None exactly if it was refused."""

    prefiltered: PrefilteredFrame
    embedding: Vector | None

    @property
    def frame(self) -> Frame:
        """The frame to judge."""
        return self.prefiltered.frame
