"""Serialises the state of a selector for endless feeds, except the kept frames."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from streamsel.coreset.distance import FARTHEST, UNIT_TOLERANCE
from streamsel.coreset.values import Progress
from streamsel.errors import ConfigurationError, RecordError
from streamsel.frame import FrameKey
from streamsel.selection.budget import Budget
from streamsel.selection.calibration import Gaps
from streamsel.selection.periods import PeriodProgress

FORMAT = "streamsel-selector-2"
"""Format name; another layout gets another name."""

WITHOUT_WEIGHTS = "streamsel-selector-1"
"""The format before frames had weights, which is read too."""

_REACH_DIGITS, _LAST_DIGITS = 5, 2


@dataclass(frozen=True, slots=True)
class LiveState:
    """The state of a selector at one moment.

    ``told`` is the calibrated near-duplicate distance, None before calibration; ``gaps`` is the
    unfinished calibration per feed. ``now`` and ``feeds`` are those of the stream clock.
    ``capacity``, ``progress`` and ``centers`` (reach and last time of each) are those of the
    current coreset; ``refusals`` bounds the distance of frames covered until the centers change.
    ``carry_over`` says whether each carried-over frame was seen in the current period. ``fixed``
    are the feeds that count as fixed.
    """

    budget: Budget
    told: float | None
    gaps: Mapping[str, Gaps]
    now: float
    feeds: Mapping[str, tuple[float, float]]
    period_progress: PeriodProgress
    warm_spacing: float
    capacity: int
    progress: Progress
    refusals: float
    centers: Mapping[FrameKey, tuple[float, float]]
    carry_over: Mapping[FrameKey, bool]
    pinned: Sequence[FrameKey]
    fixed: Sequence[str]

    def to_bytes(self) -> bytes:
        """Return the state as compressed JSON, about ten bytes per center.

        Reaches and times are rounded up, so that bounds still hold.
        """
        state = {
            "format": FORMAT,
            "budget": asdict(self.budget),
            "told": self.told,
            "gaps": {
                feed: [gaps.frames, gaps.lag_1, gaps.lag_2] for feed, gaps in self.gaps.items()
            },
            "clock": [self.now, self.feeds],
            "pace": asdict(self.period_progress),
            "warm_spacing": self.warm_spacing,
            "capacity": self.capacity,
            "progress": asdict(self.progress),
            "refusals": self.refusals,
            "centers": {
                **_packed(self.centers),
                "reach": [_up(reach, _REACH_DIGITS) for reach, _ in self.centers.values()],
                "last": [_up(last, _LAST_DIGITS) for _, last in self.centers.values()],
            },
            "familiar": {**_packed(self.carry_over), "seen": [*self.carry_over.values()]},
            "pinned": _packed(self.pinned),
            "fixed": [*self.fixed],
        }
        return zlib.compress(json.dumps(state, separators=(",", ":")).encode(), level=1)

    @classmethod
    def from_bytes(cls, content: bytes) -> LiveState:
        """Read the bytes written by :meth:`to_bytes`.

        Raises:
            RecordError: The bytes are not a state, are damaged, or have another format version.
        """
        try:
            state = json.loads(zlib.decompress(content))
            if state["format"] not in (FORMAT, WITHOUT_WEIGHTS):
                raise RecordError(f"selector: a state of format {state['format']!r} is not known")
            return cls._read(state)
        except (
            AttributeError, ConfigurationError, LookupError, OverflowError, RecursionError,
            TypeError, ValueError, zlib.error,
        ) as error:  # fmt: skip
            raise RecordError(
                f"selector: the stored state is damaged ({error}); without it the kept frames "
                "are taken as they are"
            ) from error

    @classmethod
    def _read(cls, state: Mapping[str, Any]) -> LiveState:
        now, feeds = state["clock"]
        centers, carry_over = state["centers"], state["familiar"]
        reaches, lasts = map(_distance, centers["reach"]), map(_number, centers["last"])
        return cls(
            budget=Budget(**state["budget"]),
            told=None if state["told"] is None else _apart(state["told"]),
            gaps={
                feed: Gaps(_count(frames), [*map(_distance, lag_1)], [*map(_distance, lag_2)])
                for feed, (frames, lag_1, lag_2) in state["gaps"].items()
            },
            now=_number(now),
            feeds={feed: (_number(ahead), _number(last)) for feed, (ahead, last) in feeds.items()},
            period_progress=_period_progress(state["pace"]),
            warm_spacing=_apart(state["warm_spacing"]),
            capacity=_count(state["capacity"]),
            progress=_progress(**state["progress"]),
            refusals=_distance(state["refusals"]),
            centers=dict(zip(_keys(centers), zip(reaches, lasts, strict=True), strict=True)),
            carry_over=dict(zip(_keys(carry_over), map(bool, carry_over["seen"]), strict=True)),
            pinned=_keys(state["pinned"]),
            fixed=[*map(str, state.get("fixed", ()))],
        )


def _up(value: float, digits: int) -> float:
    return (math.floor(value * 10.0**digits) + 1) / 10.0**digits


def _packed(keys: Sequence[FrameKey] | Mapping[FrameKey, object]) -> dict[str, list[Any]]:
    """Return ``keys`` as columns; each feed name is stored once."""
    feeds = list(dict.fromkeys(key.feed for key in keys))
    numbers = {feed: number for number, feed in enumerate(feeds)}
    return {
        "feeds": feeds,
        "feed": [numbers[key.feed] for key in keys],
        "index": [key.index for key in keys],
    }


def _keys(columns: Mapping[str, Any]) -> list[FrameKey]:
    """Return the keys packed by :func:`_packed`."""
    feeds = [*map(str, columns["feeds"])]
    pairs = zip(columns["feed"], columns["index"], strict=True)
    return [FrameKey(feeds[feed], int(index)) for feed, index in pairs]


def _period_progress(fields: Mapping[str, Any]) -> PeriodProgress:
    """Validate the fields of a period's progress."""
    return PeriodProgress(
        index=int(fields["index"]),
        begun=_number(fields["begun"]),
        now=_number(fields["now"]),
        seen=_count(fields["seen"]),
        expected=_count(fields["expected"]),
        first={feed: int(index) for feed, index in fields["first"].items()},
    )


def _progress(clock: float, soft: float, spacing: float, **others: Any) -> Progress:
    """Validate the fields of a coreset's progress; its clock may be -inf."""
    return Progress(
        clock=float(clock),
        soft=_distance(soft),
        spacing=_apart(spacing),
        lower_bound=_distance(others.pop("lower_bound")),
        **{name: _count(count) for name, count in others.items()},
    )


def _count(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is no count")
    return value


def _apart(value: Any) -> float:
    """Validate a distance of unit vectors and clip it to 2; older states exceed 2 by rounding."""
    return min(FARTHEST, _distance(value, most=FARTHEST + UNIT_TOLERANCE))


def _distance(value: Any, most: float = math.inf) -> float:
    distance = _number(value)
    if not 0.0 <= distance <= most:
        raise ValueError(f"{value!r} is no distance")
    return distance


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is no number")
    return number
