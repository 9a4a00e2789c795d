"""Watches the scene in front of a camera: what changes in it, and whether the camera is fixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from streamsel.frame import LumaGrid
from streamsel.prefilter.background import Cells, beyond, has_contrast, learned, residual
from streamsel.prefilter.blobs import largest_blob
from streamsel.prefilter.view_shift import stands
from streamsel.scene import Background, SceneState

MOST_BACKGROUNDS = 3
FIXED_AFTER_SECONDS = 15
_JUDGED_SECONDS = 5
"""Number of seconds, and so of samples, over which it is judged whether the view moves."""
_STILL_BELOW = 0.5
_RESTLESS_VARIANCE = 64.0
_APART_SECONDS = (2, 5)
"""The longer one tells slower pans, beyond the shorter one fast ones have left the view."""
_MOVED_AND_RESTLESS_BELOW = 0.75
"""Of fixed cameras with a busy scene the two shares together are 0.2 to 0.6; of slow pans 0.9 to
1.3, of films, shaking cameras and screens with moving content 0.8 to 2."""
_STRANGE_ABOVE = 0.35
_ACCEPTED_AFTER_SECONDS = 1.0
_CLEAN_BELOW = 0.01
_EVERY_SECONDS = 0.09
_LONGEST_SECONDS = 1.0
_FIRST_VARIANCE = 9.0
_NEXT_VARIANCE = 16.0
_SAMPLE_VARIANCE = 9.0


def watched(
    was: SceneState, luma_grid: LumaGrid, media_time: float, *, is_fixed: bool = False
) -> SceneState:
    """Return the state of a scene after its next frame; its ``share`` is the change.

    Up to three backgrounds are remembered: day, infrared, a lamp. The one with the fewest cells
    beyond its noise is the frame's, and the share of the largest connected group of those cells is
    the change. A picture that is other than each of them in more than 35 % of its cells for a
    second is a new background, and no change meanwhile. One without contrast is no change either.

    The camera counts as fixed once one background has explained 15 seconds without a break, while
    over the last 5 of them the median share of cells that differ from 15 seconds before was below
    one half, and below three quarters together with the share of the background's cells that are
    never at rest: they deviate by more than 8 grey levels. The second condition is for pans, which
    drag their background along, the third for slow pans and shaking cameras: their background is a
    blur that explains everything. And mostly the view stands: it fits those of two and of five
    seconds before about as well as under any shift. A camera that ``is_fixed`` counts from its
    first frame.

    All durations are of media time without pauses: a frame stands for at most one second, and for
    none if time goes back. Frames within 90 ms of a measured one are taken to be like it. Cost: 0.1
    ms for a measured frame.
    """
    seconds = 0.0 if was.media_time is None else media_time - was.media_time
    now = was.clock + min(max(seconds, 0.0), _LONGEST_SECONDS)
    if was.measured is not None and now - was.measured < _EVERY_SECONDS:
        return replace(was, media_time=media_time, clock=now)
    seen = luma_grid.reshape(-1).astype(np.float64)
    state = _explained(was, seen, now) if has_contrast(luma_grid) else _blind(was)
    state = replace(state, media_time=media_time, clock=now, measured=now)
    if state.fixed:
        return state
    state = _sampled(state, luma_grid, seen, now)
    return _as_fixed(state) if is_fixed or _stands_still(state) else state


def _blind(was: SceneState) -> SceneState:
    """Learn nothing from a picture that could be of any scene."""
    return replace(was, share=0.0, explained_since=None, strange_since=None)


def _explained(was: SceneState, seen: Cells, now: float) -> SceneState:
    """Find the background of a frame, and learn from it."""
    if not was.backgrounds:
        first = _new_background(seen, _FIRST_VARIANCE, now)
        return replace(was, backgrounds=(first,), explained_since=now)
    index, left = _best(was, seen)
    background = was.backgrounds[index]
    marked = beyond(left, background.variances)
    if int(np.count_nonzero(marked)) > _STRANGE_ABOVE * marked.size:
        return _strange(was, seen, now)
    seconds = now - (now if was.measured is None else was.measured)
    backgrounds = list(was.backgrounds)
    backgrounds[index] = learned(background, seen, left, seconds, now)
    unbroken = index == was.active and was.explained_since is not None
    return replace(
        was,
        share=largest_blob(marked.reshape(32, 32)) / marked.size,
        backgrounds=tuple(backgrounds),
        active=index,
        explained_since=was.explained_since if unbroken else now,
        strange_since=None,
    )


def _best(was: SceneState, seen: Cells) -> tuple[int, Cells]:
    """Return the background with the fewest cells beyond its noise, and what it leaves.

    The others are tried only where the last one leaves more than one percent: below that it is
    right, and a third of the work is saved.
    """
    order = [was.active, *(i for i in range(len(was.backgrounds)) if i != was.active)]
    best, least, kept = was.active, seen.size + 1, seen
    for index in order:
        background = was.backgrounds[index]
        left = residual(seen, background.levels)
        count = int(np.count_nonzero(beyond(left, background.variances)))
        if count < least:
            best, least, kept = index, count, left
        if least <= _CLEAN_BELOW * seen.size:
            break
    return best, kept


def _strange(was: SceneState, seen: Cells, now: float) -> SceneState:
    """Wait until an unknown picture has stayed for a second, then make it a background."""
    since = now if was.strange_since is None else was.strange_since
    state = replace(was, share=0.0, explained_since=None, strange_since=since)
    if now - since < _ACCEPTED_AFTER_SECONDS:
        return state
    known = list(was.backgrounds)
    if len(known) == MOST_BACKGROUNDS:
        known.remove(min(known, key=lambda one: one.used))
    known.append(_new_background(seen, _NEXT_VARIANCE, now))
    return replace(
        state,
        backgrounds=tuple(known),
        active=len(known) - 1,
        explained_since=now,
        strange_since=None,
    )


def _new_background(seen: Cells, variance: float, now: float) -> Background:
    levels = seen.astype(np.float32)
    return Background(levels, np.full_like(levels, variance), now)


def _sampled(state: SceneState, luma_grid: LumaGrid, seen: Cells, now: float) -> SceneState:
    """Keep a luma grid each second, and compare it with the one of 15 seconds before."""
    if state.sampled is not None and now - state.sampled < _LONGEST_SECONDS:
        return state
    earlier, moved = state.earlier, state.moved
    if len(earlier) == FIXED_AFTER_SECONDS:
        left = residual(seen, earlier[0].reshape(-1).astype(np.float32))
        share = int(np.count_nonzero(beyond(left, _SAMPLE_VARIANCE))) / seen.size
        earlier, moved = earlier[1:], (*moved, share)[-_JUDGED_SECONDS:]
    return replace(state, earlier=(*earlier, luma_grid), moved=moved, sampled=now)


def _stands_still(state: SceneState) -> bool:
    since = state.explained_since
    if since is None or state.clock - since < FIXED_AFTER_SECONDS:
        return False
    if len(state.moved) < _JUDGED_SECONDS:
        return False
    moved = sorted(state.moved)[_JUDGED_SECONDS // 2]
    variances = state.backgrounds[state.active].variances
    restless = int(np.count_nonzero(variances > _RESTLESS_VARIANCE)) / variances.size
    return (
        moved < _STILL_BELOW
        and moved + restless < _MOVED_AND_RESTLESS_BELOW
        and all(_mostly_stood(state.earlier, seconds) for seconds in _APART_SECONDS)
    )


def _mostly_stood(samples: Sequence[LumaGrid], apart: int) -> bool:
    """Whether in most of the last five seconds the view was that of ``apart`` seconds before."""
    last = samples[-_JUDGED_SECONDS - apart :]
    stood = sum(stands(before, after) for before, after in zip(last, last[apart:], strict=False))
    return stood > _JUDGED_SECONDS / 2


def _as_fixed(state: SceneState) -> SceneState:
    return replace(state, fixed_since=state.media_time, earlier=(), moved=(), sampled=None)
