"""The prefilter of one feed: checks each frame, cheapest check first."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from streamsel.errors import SourceError
from streamsel.frame import (
    ChromaGrid,
    Frame,
    LumaGrid,
    LumaRows,
    PrefilteredFrame,
    PrefilterState,
    SceneChange,
    View,
)
from streamsel.interfaces.prefilter import Thumbnailer
from streamsel.luma_grid import change
from streamsel.prefilter.measures import (
    dark_share,
    digest_of,
    has_one_colour,
    sharpness_of,
    stands_out,
    uniform_share,
)
from streamsel.prefilter.options import PrefilterOptions
from streamsel.prefilter.scene_watch import watched

_BLACK, _WHITE = 16, 235
"""The range that ``black_level`` is in."""
_BRIGHT = 4.0
"""How many times as far above black as ``black_level`` a pixel is bright: from 80 by default."""
_STANDS_OUT = 32
_MANY_ROWS = 360
"""Every third row at 1080p: lines of 12 pixels, also of 2160p, are in several of them."""
_UNSEEN = np.zeros((32, 32), np.uint8)
_UNSEEN.flags.writeable = False


class FramePrefilter:
    """Refuses the frames of one feed that are not worth embedding, with a reason.

    The checks run in this order, each only on frames that passed the ones before:

    1. ``corrupt``: flagged by the decoder.
    2. ``black``: the luma grid is dark nearly everywhere, and no pixel of many rows is bright.
    3. ``frozen``: neither grids nor luma rows changed for ``freeze_seconds``.
    4. ``unchanged``: luma and chroma grid hardly differ from the reference; ``exact-duplicate`` if
    the frame also equals the previous one.
    5. ``uniform``: nearly every luma row has a single value, the picture has one colour, and no
    pixel of many rows stands out of its row.
    6. ``blurred``: even the sharpest edges are blurred.
    7. ``exact-duplicate``: luma grid and thumbnail equal, pixel by pixel, those of a frame that
    passed.

    The reference is the last frame that reached check 7. A frame that is merely
    unchanged does not replace it, so slow drift is noticed. Only frames that reach check 7 cost a
    thumbnail, those that reach check 5 the luma rows, and the rows are hashed only if the luma grid
    equals the previous one; a freeze is therefore timed from its second frame. Memory is bounded by
    ``memory`` digests.

    Every frame with a luma grid that is not black is also compared with the background of the
    scene, refused or not, so that the change in front of the camera is the same for any limits.

    Decisions depend only on the frames so far: any batches, or resuming after any frame, give the
    same prefiltered frames.
    """

    MEMORY: Final = 65_536

    def __init__(self, thumbnailer: Thumbnailer, view: View, options: PrefilterOptions) -> None:
        """Use ``thumbnailer`` and the embedder's view."""
        self._thumbnailer = thumbnailer
        self._view = view
        self._options = options
        self._state = PrefilterState()
        self._digests: OrderedDict[int, None] = OrderedDict()

    @property
    def memory(self) -> int:
        """Number of digests of earlier frames that its decisions depend on."""
        return self.MEMORY

    def check(self, frame: Frame) -> PrefilteredFrame:
        """Check one frame; call in stream order.

        The prefiltered frame's ``state``, with the digests of the frames that passed, is sufficient
        to continue after it. Raises :class:`SourceError` for a picture that the thumbnailer cannot
        process; the feed must not be checked any further then.
        """
        try:
            return self._look(frame)
        except SourceError as error:
            raise SourceError(
                f"feed '{frame.key.feed}': frame {frame.key.index}: {error}"
            ) from None

    def resume(self, state: PrefilterState, digests: Sequence[int]) -> None:
        """Continue after the frames checked in an earlier run.

        ``state`` is that of the last prefiltered frame; ``digests`` are those of the frames that
        were not refused, in stream order, at most the last ``memory`` of them.
        """
        self._state = state
        self._digests = OrderedDict.fromkeys(digests[-self.memory :])

    def _look(self, frame: Frame) -> PrefilteredFrame:
        before = self._state
        if self._options.corrupt and frame.corrupt:
            return PrefilteredFrame(frame, _UNSEEN, 0, 0.0, "corrupt", None, before)
        luma_grid = self._thumbnailer.luma_grid(frame.picture)
        if self._is_black(frame, luma_grid):
            self._state = replace(
                before, previous=luma_grid, rows_digest=0, still_since=frame.media_time
            )
            return PrefilteredFrame(frame, luma_grid, 0, 0.0, "black", None, self._state)
        chroma_grid = self._thumbnailer.chroma_grid(frame.picture)
        self._state, still = self._compare_to_previous(frame, luma_grid, chroma_grid)
        change = self._watch_scene(frame, luma_grid)

        def refused(reason: str, sharpness: float = 0.0) -> PrefilteredFrame:
            return PrefilteredFrame(
                frame, luma_grid, 0, sharpness, reason, None, self._state, change
            )

        refusal = self._check_motion(frame, luma_grid, chroma_grid, still)
        if refusal is not None:
            return refused(refusal)
        rows = self._thumbnailer.luma_rows(frame.picture)
        sharpness = sharpness_of(rows)
        least = self._options.min_sharpness
        if self._is_uniform(frame, rows, chroma_grid):
            return refused("uniform", sharpness)
        if least is not None and sharpness < least:
            return refused("blurred", sharpness)
        return self._look_closely(frame, luma_grid, chroma_grid, sharpness, change)

    def _is_black(self, frame: Frame, luma_grid: LumaGrid) -> bool:
        share = self._options.black_share
        if share is None:
            return False
        black, white = self._thumbnailer.luma_range(frame.picture)
        above = (self._options.black_level - _BLACK) / (_WHITE - _BLACK) * (white - black)
        if dark_share(luma_grid, math.ceil(black + above)) < share:
            return False
        rows = self._thumbnailer.luma_rows(frame.picture, _MANY_ROWS)
        return not stands_out(rows, black, math.ceil(_BRIGHT * above))

    def _is_uniform(self, frame: Frame, rows: LumaRows, chroma_grid: ChromaGrid) -> bool:
        share = self._options.uniform_share
        if share is None or uniform_share(rows) < share or not has_one_colour(chroma_grid):
            return False
        many = self._thumbnailer.luma_rows(frame.picture, _MANY_ROWS)
        return not stands_out(many, many[:, :1], _STANDS_OUT)

    def _compare_to_previous(
        self, frame: Frame, luma_grid: LumaGrid, chroma_grid: ChromaGrid
    ) -> tuple[PrefilterState, bool]:
        """Return the state with this frame as the previous one, and whether it equals that one."""
        was = self._state
        rows_digest, still = 0, False
        if was.previous is not None and np.array_equal(was.previous, luma_grid):
            rows_digest = digest_of(self._thumbnailer.luma_rows(frame.picture), chroma_grid)
            still = rows_digest == was.rows_digest
        since = was.still_since if still else frame.media_time
        state = replace(was, previous=luma_grid, rows_digest=rows_digest, still_since=since)
        return state, still

    def _watch_scene(self, frame: Frame, luma_grid: LumaGrid) -> SceneChange | None:
        """Compare the frame with the scene's background; refuses nothing."""
        wanted = self._options.change_weight
        if wanted == "off":
            return None
        scene = watched(self._state.scene, luma_grid, frame.media_time, is_fixed=wanted == "on")
        self._state = replace(self._state, scene=scene)
        return SceneChange(scene.share, scene.fixed)

    def _check_motion(
        self, frame: Frame, luma_grid: LumaGrid, chroma_grid: ChromaGrid, still: bool
    ) -> str | None:
        options, state = self._options, self._state
        if (
            still
            and options.freeze_seconds is not None
            and frame.media_time - state.still_since > options.freeze_seconds
        ):
            return "frozen"
        if state.passed >= options.calibration and self._is_unchanged(luma_grid, chroma_grid):
            return "exact-duplicate" if still and options.exact_duplicates else "unchanged"
        return None

    def _is_unchanged(self, luma_grid: LumaGrid, chroma_grid: ChromaGrid) -> bool:
        options, state = self._options, self._state
        if options.unchanged_mean is None or state.reference is None:
            return False
        changes = [change(state.reference, luma_grid)]
        if state.reference_chroma is not None:
            changes.append(change(state.reference_chroma, chroma_grid))
        return all(
            mean < options.unchanged_mean and cell < options.unchanged_cell
            for mean, cell in changes
        )

    def _look_closely(
        self,
        frame: Frame,
        luma_grid: LumaGrid,
        chroma_grid: ChromaGrid,
        sharpness: float,
        change: SceneChange | None,
    ) -> PrefilteredFrame:
        thumbnail = self._thumbnailer.thumbnail(frame.picture, self._view)
        digest = digest_of(luma_grid, thumbnail)
        repeated = self._options.exact_duplicates and digest in self._digests
        self._state = replace(
            self._state,
            reference=luma_grid,
            passed=self._state.passed + (not repeated),
            reference_chroma=chroma_grid,
        )
        if not repeated:
            self._digests[digest] = None
            if len(self._digests) > self.memory:
                self._digests.popitem(last=False)
        return PrefilteredFrame(
            frame,
            luma_grid,
            digest,
            sharpness,
            "exact-duplicate" if repeated else None,
            None if repeated else thumbnail,
            self._state,
            change,
        )
