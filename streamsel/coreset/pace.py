"""How a period of an endless stream comes along."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from streamsel.frame import FrameKey

SURE = 0.1
"""The part of a period that must have been seen for its rate of frames to be believed."""


@dataclass(slots=True)
class Pace:
    """How far a period has come.

    ``index`` numbers it from stream time 0; ``begun`` is when its first frame could have come and
    ``now`` when the latest did, in seconds of stream time. ``seen`` counts its frames, refused ones
    included, and ``expected`` is how many there will be (0: unknown). ``first`` is the index of
    the first frame of each feed in it.
    """

    index: int = 0
    begun: float = 0.0
    now: float = 0.0
    seen: int = 0
    expected: int = 0
    first: dict[str, int] = field(default_factory=dict)

    def go(self, time: float, keys: Iterable[FrameKey]) -> float:
        """Go on to ``time`` with the next frames; return the seconds that have passed."""
        passed, self.now = time - self.now, time
        for key in keys:
            self.seen += 1
            self.first.setdefault(key.feed, key.index)
        return passed

    def next(self, span: float, index: int, time: float) -> Pace:
        """Return that of period ``index``, whose first frame came at ``time``.

        As many frames as came in this one are expected, had it been seen from its beginning.
        """
        lasted = (self.index + 1) * span - self.begun
        expected = round(self.seen * span / lasted) if lasted >= SURE * span else 0
        return Pace(index, begun=index * span, now=time, expected=expected)
