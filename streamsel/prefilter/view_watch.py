"""Detects a useless camera view: frames refused, or the view covered, moved or unfocused.

The result is a fault of the feed; no frame is refused for it. The normal view of each camera is
learned from its first minute and updated slowly; there is no prior knowledge of views.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamsel.decisions import Fault, FaultKind
from streamsel.frame import LumaGrid, PrefilteredFrame
from streamsel.interfaces.prefilter import Thumbnailer
from streamsel.prefilter.measures import sharpness_of

Edges = npt.NDArray[np.float32]

WORTHLESS = frozenset({"corrupt", "black", "uniform", "frozen", "blurred"})
"""Refusal reasons of useless pictures; ``unchanged`` and ``exact-duplicate`` are harmless."""
PATIENCE_SECONDS = 60.0
LEARNING_SECONDS = 60.0
FORGIVENESS_SECONDS = 10.0
ACCEPTED_AFTER_SECONDS = 3600.0
_EVERY_SECONDS = 2.0
_MEMORY_SECONDS = 600.0
"""Time constant of the usual view: it adapts halfway to a new one in about seven minutes."""
_FEWEST = 3
_COVERED_BELOW = 0.3
_UNFOCUSED_BELOW = 0.4
_MOVED_BELOW = 0.4
_STEADY_ABOVE = 0.7
_STAYS_ABOVE = 0.6
_LEAST_CONTRAST = 0.02
_LEAST_SHARPNESS = 0.1
_WORDS: dict[FaultKind, str] = {
    "covered": "the camera seems to be covered: its picture has lost nearly all contrast",
    "moved": "the camera seems to have been moved: it shows another view than before",
    "unfocused": "the camera seems to be out of focus: its picture has lost its sharp edges",
}


@dataclass(frozen=True, slots=True, eq=False)
class WatchedView:
    """Features of a picture, or the mean features of a camera's usual view.

    ``edges`` are the steps between neighbouring cells of the luma grid, (31, 31) grey levels;
    ``contrast`` is their mean relative to the mean grey level; ``sharpness`` as in
    :func:`sharpness_of`; ``steadiness`` is the mean :func:`likeness` of pictures to the usual view.
    """

    edges: Edges
    contrast: float
    sharpness: float
    steadiness: float = 1.0


class CameraWatch:
    """Watches the view of one camera; call with each prefiltered frame in order, in one thread.

    Analyses one picture in two seconds of media time, about 0.3 ms each; holds 10 KB. The usual
    view is learned again when a feed is disabled and enabled. A moved view is accepted as the usual
    one after an hour.
    """

    def __init__(self, thumbnailer: Thumbnailer) -> None:
        """``thumbnailer`` supplies the luma rows of pictures."""
        self._thumbnailer = thumbnailer
        self._refused: Counter[str] = Counter()
        self._refused_since = 0.0
        self._looked = -np.inf
        self._learned = 0
        self._usual: WatchedView | None = None
        self._last: WatchedView | None = None
        self._suspected: FaultKind | None = None
        self._suspected_since = 0.0
        self._fault: FaultKind | None = None
        self._fault_since = 0.0
        self._fine_since = 0.0

    def check(self, prefiltered: PrefilteredFrame) -> Fault | None:
        """Return the feed's fault after this frame, or None; its picture must still be held.

        Raises :class:`SourceError` for a picture that the thumbnailer cannot process.
        """
        refused = self._count_refused(prefiltered)
        now = prefiltered.frame.media_time
        can_look = prefiltered.refusal not in {"corrupt", "black"}
        if can_look and now - self._looked >= _EVERY_SECONDS:
            self._looked = now
            rows = self._thumbnailer.luma_rows(prefiltered.frame.picture)
            self._compare(_view(prefiltered.luma_grid, sharpness_of(rows)), now)
        if refused is not None or self._fault is None:
            return refused
        return Fault(self._fault, _WORDS[self._fault])

    def _count_refused(self, prefiltered: PrefilteredFrame) -> Fault | None:
        if prefiltered.refusal not in WORTHLESS:
            self._refused.clear()
            return None
        now = prefiltered.frame.media_time
        if not self._refused:
            self._refused_since = now
        self._refused[str(prefiltered.refusal)] += 1
        lasted = now - self._refused_since
        if lasted < PATIENCE_SECONDS or self._refused.total() < _FEWEST:
            return None
        reasons = ", ".join(sorted(self._refused))
        return Fault(
            "refused", f"every picture for {PATIENCE_SECONDS:.0f} s was refused: {reasons}"
        )

    def _compare(self, view: WatchedView, now: float) -> None:
        if self._usual is None or self._learned * _EVERY_SECONDS < LEARNING_SECONDS:
            self._learned += 1
            usual = self._usual or view
            self._usual = _blended(usual, view, 1 / self._learned)
            return
        suspicion = self._suspicion(view, self._usual)
        self._last = view
        if suspicion is None:
            self._usual = _blended(self._usual, view, _EVERY_SECONDS / _MEMORY_SECONDS)
            if self._suspected is not None:
                self._suspected, self._fine_since = None, now
            if now - self._fine_since >= FORGIVENESS_SECONDS:
                self._fault = None
            return
        if suspicion != self._suspected:
            self._suspected, self._suspected_since = suspicion, now
        if now - self._suspected_since >= PATIENCE_SECONDS and self._fault != suspicion:
            self._fault, self._fault_since = suspicion, now
        if self._fault == "moved" and now - self._fault_since >= ACCEPTED_AFTER_SECONDS:
            self._usual = self._fault = self._suspected = None
            self._learned = 0

    def _suspicion(self, view: WatchedView, usual: WatchedView) -> FaultKind | None:
        """Return the suspected fault of one picture, or None."""
        if usual.contrast < _LEAST_CONTRAST:
            return None
        if view.contrast < _COVERED_BELOW * usual.contrast:
            return "covered"
        stays = self._last is not None and likeness(self._last.edges, view.edges) >= _STAYS_ABOVE
        if (
            usual.steadiness >= _STEADY_ABOVE
            and stays
            and likeness(usual.edges, view.edges) < _MOVED_BELOW
        ):
            return "moved"
        if (
            usual.sharpness >= _LEAST_SHARPNESS
            and view.sharpness < _UNFOCUSED_BELOW * usual.sharpness
        ):
            return "unfocused"
        return None


def likeness(one: Edges, other: Edges) -> float:
    """Return the similarity of two edge maps, -1..1: the correlation of their square roots.

    Positions of edges do not depend on the light; the roots reduce the weight of strong edges.

    >>> stripes = np.tile(np.array([0, 9, 0, 9], np.float32), (4, 1))
    >>> round(likeness(stripes, 2 * stripes), 3), round(likeness(stripes, 9 - stripes), 3)
    (1.0, -1.0)
    """
    first, second = np.sqrt(one), np.sqrt(other)
    first, second = first - first.mean(), second - second.mean()
    scale = float(np.sqrt(np.square(first).sum() * np.square(second).sum()))
    return float((first * second).sum()) / scale if scale > 0 else 0.0


def _view(luma_grid: LumaGrid, sharpness: float) -> WatchedView:
    grey = luma_grid.astype(np.float32)  # (32, 32)
    across, down = np.abs(np.diff(grey, axis=1)), np.abs(np.diff(grey, axis=0))
    edges = across[:-1] + down[:, :-1]  # (31, 31)
    return WatchedView(edges, float(edges.mean()) / max(16.0, float(grey.mean())), sharpness)


def _blended(usual: WatchedView, view: WatchedView, share: float) -> WatchedView:
    """Return the usual view moved by ``share`` towards ``view``."""
    return WatchedView(
        usual.edges + share * (view.edges - usual.edges),
        usual.contrast + share * (view.contrast - usual.contrast),
        usual.sharpness + share * (view.sharpness - usual.sharpness),
        usual.steadiness + share * (likeness(usual.edges, view.edges) - usual.steadiness),
    )
