"""Restores a selector for endless feeds from its record after any exit."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from streamsel.coreset.coreset import WARM_SHARE, Coreset
from streamsel.coreset.distance import FARTHEST, are_unit
from streamsel.coreset.values import Center, Origin, Progress, Settings
from streamsel.errors import RecordError
from streamsel.frame import Candidate, Frame, FrameKey, Vector
from streamsel.selection.origins import Origins
from streamsel.selection.periods import PeriodProgress, Periods
from streamsel.selection.state import LiveState
from streamsel.selection.stream_time import StreamClock

ARCHIVE = -1
"""Number of the period of frames kept before the budget had no periods."""


@dataclass(frozen=True, slots=True, eq=False)
class Survivor:
    """A kept frame of the record, with its vector, stream time in seconds and origin."""

    frame: Frame
    vector: Vector
    time: float
    origin: Origin


def survivors(
    kept: Iterable[Candidate], dim: int, clock: StreamClock, origins: Origins
) -> list[Survivor]:
    """Return the kept frames ordered by time; advances ``clock`` to the latest.

    Raises:
        RecordError: A frame occurs twice, or its embedding is missing, invalid or of wrong length.
    """
    found: list[Survivor] = []
    keys: set[FrameKey] = set()
    for candidate in sorted(kept, key=lambda one: (one.frame.media_time, one.frame.key)):
        frame, vector = candidate.frame, candidate.embedding
        if frame.key in keys:
            raise RecordError(f"selector: the record keeps the frame {frame.key} twice")
        if vector is None or vector.shape != (dim,) or not are_unit(vector[None])[0]:
            raise RecordError(
                f"selector: the record has no embedding of length {dim} of the frame {frame.key}; "
                "embeddings of another network cannot be continued"
            )
        keys.add(frame.key)
        _, last = clock.feeds.get(frame.key.feed, (0.0, -math.inf))
        see = clock.at if frame.media_time > last else clock.was
        time = see(frame.key.feed, frame.media_time)
        found.append(Survivor(frame, vector, time, origins.of(candidate)))
    return sorted(found, key=lambda one: (one.time, one.frame.key))


def resume(periods: Periods, state: LiveState | None, kept: Sequence[Survivor], now: float) -> None:
    """Continue new ``periods`` with the ``kept`` frames at stream time ``now``.

    Frames belong to the current period by their index, or by their time if the period differs from
    that of the state. Frames of closed periods stay in closed periods even if the budget has no
    periods any more: a change of the budget never discards an archive.

    The coverage bound still holds if the state was stored with each change of the kept frames. Then
    the centers are those of the state, so nothing was admitted or evicted since it was taken, and
    frames covered since are within its ``refusals`` of a center, see ``Coreset.refusal_bound``:
    every reach is raised to that. If the centers differ, unknown frames may have been admitted and
    evicted, and every reach becomes 2, the largest distance of two unit vectors, for as long as the
    coreset exists.
    """
    span = periods.budget.span
    same = state if state is not None and state.budget.span == span else None
    groups = _by_period(kept, span, state, now)
    index = max(groups)
    current = groups.pop(index)
    going_on = same if same is not None and same.period_progress.index == index else None
    if span is None:
        going_on = state
    period_progress = _period_progress(periods, state, same, index, current, now)
    capacity = periods.budget.capacity(max(period_progress.seen, period_progress.expected))
    settings = replace(periods.settings, capacity=capacity)
    pinned = frozenset(() if state is None else state.pinned)
    periods.restore(
        _current(settings, going_on, current, pinned),
        [_ended(settings, groups[one], pinned) for one in sorted(groups)],
        period_progress,
        [] if span is None else _carry_over(same, going_on, groups),
    )


def _by_period(
    kept: Iterable[Survivor], span: float | None, state: LiveState | None, now: float
) -> dict[int, list[Survivor]]:
    """Group the kept frames by period number; the current period is present even if empty."""
    groups: defaultdict[int, list[Survivor]] = defaultdict(list)
    first: Mapping[str, int] = {} if state is None else state.period_progress.first
    same = state is not None and state.budget.span == span
    latest = state.period_progress.index if state is not None and same else None
    for one in kept:
        key, begun = one.frame.key, first.get(one.frame.key.feed)
        if span is None:
            index = 0 if begun is None or key.index >= begun else ARCHIVE
        else:
            index = int(one.time // span)
            if latest is not None and begun is not None:
                # Stream time may have been corrected; the index is exact.
                index = max(index, latest) if key.index >= begun else min(index, latest - 1)
        groups[index].append(one)
    at_least = 0 if span is None else max(int(now // span), -1 if latest is None else latest)
    groups[max([at_least, *groups])] += []
    return dict(groups)


def _period_progress(
    periods: Periods,
    state: LiveState | None,
    same: LiveState | None,
    index: int,
    current: Sequence[Survivor],
    now: float,
) -> PeriodProgress:
    """Return the progress of the current period; ``same`` is the state if its period fits."""
    budget = periods.budget
    if budget.span is None:
        period_progress = PeriodProgress(
            first={} if state is None else dict(state.period_progress.first)
        )
    elif same is None:
        period_progress = PeriodProgress(index, begun=index * budget.span)
    elif same.period_progress.index < index:
        period_progress = same.period_progress.next(budget.span, index, now)
    else:
        period_progress = replace(same.period_progress, first=dict(same.period_progress.first))
    share = budget.share if same is None else same.budget.share
    if (
        share is not None
        and len(current) > share * max(period_progress.seen, period_progress.expected) + 1
    ):
        period_progress.seen = int(len(current) / share)  # frames newer than the state
    period_progress.now, period_progress.seen = now, max(period_progress.seen, min(1, len(current)))
    for one in sorted(current, key=lambda one: one.frame.key):
        period_progress.first.setdefault(one.frame.key.feed, one.frame.key.index)
    return period_progress


def _current(
    settings: Settings,
    state: LiveState | None,
    kept: Sequence[Survivor],
    pinned: Collection[FrameKey],
) -> Coreset[Frame]:
    """Return the current coreset; ``state`` is its stored state, or None if unknown."""
    progress = Progress(soft=WARM_SHARE * settings.warm_spacing)
    known: Mapping[FrameKey, tuple[float, float]] = {}
    least = FARTHEST
    if state is not None:
        share = min(1.0, state.capacity / settings.capacity)  # as in Coreset.resize
        progress = replace(
            state.progress,
            soft=share * state.progress.soft,
            spacing=share * state.progress.spacing,
            lower_bound=state.progress.lower_bound if share == 1.0 else 0.0,
        )
        known = state.centers
        if known.keys() == {one.frame.key for one in kept}:
            least = state.refusals
    centers = []
    for one in kept:
        reach, last = known.get(one.frame.key, (0.0, one.time))
        centers.append(_center(one, max(reach, least), last, pinned))
    return Coreset.resume(settings, progress, centers)


def _ended(
    settings: Settings, kept: Sequence[Survivor], pinned: Collection[FrameKey]
) -> Coreset[Frame]:
    """Return the coreset of an ended period."""
    centers = [_center(one, FARTHEST, one.time, pinned) for one in kept]
    return Coreset.resume(replace(settings, capacity=len(kept)), Progress(soft=0.0), centers)


def _center(
    one: Survivor, reach: float, last: float, pinned: Collection[FrameKey]
) -> Center[Frame]:
    return Center(
        key=one.frame,
        vector=one.vector,
        nearest=None,
        distance=None,
        reach=reach,
        last_time=last,
        pinned=one.frame.key in pinned,
        time=one.time,
        origin=one.origin,
    )


def _carry_over(
    same: LiveState | None, going_on: LiveState | None, closed: Mapping[int, Sequence[Survivor]]
) -> list[tuple[Frame, Vector, bool]]:
    """Return the carried-over frames, and whether each was seen in the current period."""
    kept = {one.frame.key: one for index in sorted(closed) for one in closed[index]}
    seen: dict[FrameKey, bool] = {}
    if same is not None:
        seen |= same.carry_over
    if going_on is None:
        seen = dict.fromkeys(sorted(seen, key=seen.__getitem__), False)
        if closed:
            seen |= {one.frame.key: False for one in closed[max(closed)]}
    return [(kept[key].frame, kept[key].vector, seen[key]) for key in seen if key in kept]
