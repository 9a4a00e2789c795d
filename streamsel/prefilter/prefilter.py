"""The screen: one look at each frame of a feed, cheapest check first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import numpy as np

from streamsel.errors import SourceError
from streamsel.frame import Frame, PrefilteredFrame, PrefilterState, Sketch, View
from streamsel.interfaces import Eye
from streamsel.luma_grid import change
from streamsel.prefilter.measures import dark_share, digest_of, sharpness_of, uniform_share
from streamsel.prefilter.options import PrefilterOptions

_UNSEEN = np.zeros((32, 32), np.uint8)
_UNSEEN.flags.writeable = False


class FramePrefilter:
    """Refuses the frames of one feed that are not worth embedding, and says why.

    In this order, each check only where the ones before let the frame through:

    1. ``corrupt``: flagged by the decoder.
    2. ``black``: the sketch is dark nearly everywhere.
    3. ``frozen``: neither the sketch nor the sampled luma rows changed for ``freeze_seconds``.
    4. ``unchanged``: the sketch hardly differs from the reference, that of the last frame whose
       likeness reached the embedder; ``exact-duplicate`` where the frame before was the same too.
    5. ``uniform``: nearly every sampled row is of one value.
    6. ``blurred``: not even the sharpest edges are sharp.
    7. ``exact-duplicate``: sketch and thumbnail are to the pixel those of a frame that passed.

    A frame that passes or is an exact duplicate becomes the reference; one that is merely
    unchanged does not, so a slow drift is noticed. Only a frame that reaches check 7 costs a
    thumbnail, one that reaches check 5 the sampled rows, and the rows are hashed only where the
    sketch is the same as that of the frame before; a freeze is therefore timed from its second
    frame. Memory is bounded by ``memory`` digests.

    Decisions depend on the frames so far alone: feeding them in any batches, or resuming after
    any of them, gives the same prefiltered frames.
    """

    MEMORY: Final = 65_536

    def __init__(self, eye: Eye, view: View, options: PrefilterOptions) -> None:
        """Look through ``eye``; make thumbnails as the embedder wants them."""
        self._eye = eye
        self._view = view
        self._options = options
        self._state = PrefilterState()
        self._digests: OrderedDict[int, None] = OrderedDict()

    @property
    def memory(self) -> int:
        """How many digests of earlier frames its decisions depend on."""
        return self.MEMORY

    def look(self, frame: Frame) -> PrefilteredFrame:
        """Judge one frame; call in stream order.

        Afterwards the prefiltered frame's ``state``, with the digests of the frames that passed, is
        all that is needed to continue after it. Raises :class:`SourceError` for a picture that the
        eye cannot look at; the feed is not to be looked at any further then.
        """
        try:
            return self._look(frame)
        except SourceError as error:
            raise SourceError(
                f"feed '{frame.key.feed}': frame {frame.key.index}: {error}"
            ) from None

    def resume(self, state: PrefilterState, digests: Sequence[int]) -> None:
        """Continue after frames that were looked at in an earlier run.

        ``state`` is that of the last one's prefiltered frame; ``digests`` are those of the frames
        that were not refused, in stream order, the last ``memory`` of them where there are more.
        """
        self._state = state
        self._digests = OrderedDict.fromkeys(digests[-self.memory :])

    def _look(self, frame: Frame) -> PrefilteredFrame:
        before = self._state
        if self._options.corrupt and frame.corrupt:
            return PrefilteredFrame(frame, _UNSEEN, 0, 0.0, "corrupt", None, before)
        sketch = self._eye.sketch(frame.picture)
        if self._is_black(sketch):
            self._state = PrefilterState(
                before.reference, sketch, 0, frame.media_time, before.passed
            )
            return PrefilteredFrame(frame, sketch, 0, 0.0, "black", None, self._state)
        self._state, still = self._compare_to_previous(frame, sketch)
        refusal = self._check_motion(frame, sketch, still)
        if refusal is not None:
            return PrefilteredFrame(frame, sketch, 0, 0.0, refusal, None, self._state)
        rows = self._eye.luma_rows(frame.picture)
        sharpness = sharpness_of(rows)
        share, least = self._options.uniform_share, self._options.min_sharpness
        if share is not None and uniform_share(rows) >= share:
            return PrefilteredFrame(frame, sketch, 0, sharpness, "uniform", None, self._state)
        if least is not None and sharpness < least:
            return PrefilteredFrame(frame, sketch, 0, sharpness, "blurred", None, self._state)
        return self._look_closely(frame, sketch, sharpness)

    def _is_black(self, sketch: Sketch) -> bool:
        share = self._options.black_share
        return share is not None and dark_share(sketch, self._options.black_level) >= share

    def _compare_to_previous(self, frame: Frame, sketch: Sketch) -> tuple[PrefilterState, bool]:
        """Return the state with this frame as the previous one, and whether it repeats that."""
        was = self._state
        rows_digest, still = 0, False
        if was.previous is not None and np.array_equal(was.previous, sketch):
            rows_digest = digest_of(self._eye.luma_rows(frame.picture))
            still = rows_digest == was.rows_digest
        since = was.still_since if still else frame.media_time
        return PrefilterState(was.reference, sketch, rows_digest, since, was.passed), still

    def _check_motion(self, frame: Frame, sketch: Sketch, still: bool) -> str | None:
        options, state = self._options, self._state
        if (
            still
            and options.freeze_seconds is not None
            and frame.media_time - state.still_since > options.freeze_seconds
        ):
            return "frozen"
        if (
            options.unchanged_mean is None
            or state.reference is None
            or state.passed < options.calibration
        ):
            return None
        mean, cell = change(state.reference, sketch)
        if mean < options.unchanged_mean and cell < options.unchanged_cell:
            return "exact-duplicate" if still and options.exact_duplicates else "unchanged"
        return None

    def _look_closely(self, frame: Frame, sketch: Sketch, sharpness: float) -> PrefilteredFrame:
        thumbnail = self._eye.thumbnail(frame.picture, self._view)
        digest = digest_of(sketch, thumbnail)
        state = self._state
        repeated = self._options.exact_duplicates and digest in self._digests
        self._state = PrefilterState(
            sketch,
            sketch,
            state.rows_digest,
            state.still_since,
            state.passed if repeated else state.passed + 1,
        )
        if repeated:
            return PrefilteredFrame(
                frame, sketch, digest, sharpness, "exact-duplicate", None, self._state
            )
        self._digests[digest] = None
        if len(self._digests) > self.memory:
            self._digests.popitem(last=False)
        return PrefilteredFrame(frame, sketch, digest, sharpness, None, thumbnail, self._state)
