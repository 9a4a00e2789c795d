"""The live feeds that are written down: four scopes of one service, with a restart in the middle.

``gate`` is one feed with a count that is changed, with pins and with frames that are lost; ``yard``
three feeds that share a count, decided by fours within a window; ``hall`` keeps so many frames of
each period, ``lobby`` a share. All is made of whole numbers and replayed by a clock that is moved
by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import cycle
from pathlib import Path

import numpy as np

from streamsel.frame import Vectors
from tests.golden.live import DIM, SECONDS, Asked, Feed, Service
from tests.golden.records import Row

FRAMES = 200
MIDDLE = 110
"""The frame before which the service is stopped and started again."""
_SIZES = (1, 4, 7, 2, 6)
"""How many frames of each feed are judged in one turn, over and over."""
PARTS = {"before": (0, MIDDLE), "after": (MIDDLE, FRAMES)}

SCOPES: Mapping[str, Asked] = {
    "gate": Asked(count=12),
    "yard": Asked(count=16, near_duplicate=0.05, look_ahead=4, window=6.0),
    "hall": Asked(count=5, period=15.0, min_distance=0.02),
    "lobby": Asked(share=0.1, period=20.0, near_duplicate=0.036),
}
_FEEDS = {
    "gate": ("gate", 17),
    "left": ("yard", 0),
    "right": ("yard", 11),
    "door": ("yard", 0),
    "hall": ("hall", 0),
    "lobby": ("lobby", 0),
}
"""The scope of each feed, and every which of its frames is black."""

_DEEDS: Mapping[int, Callable[[Service], None]] = {
    24: lambda service: service.pin("gate", 2, pinned=True),
    38: lambda service: service.do("gate", "resize", 6),
    50: lambda service: service.pin("yard", 4, pinned=True),
    62: lambda service: service.do("gate", "resize", 14),
    72: lambda service: service.lose("yard", 1),
    84: lambda service: service.pin("hall", 0, pinned=True),
    92: lambda service: service.thin(3),
    130: lambda service: service.do("yard", "resize", 10),
    142: lambda service: service.pin("gate", 0, pinned=False),
    154: lambda service: service.lose("gate", 3),
    166: lambda service: service.thin(4),
    178: lambda service: service.do("yard", "resize", 20),
}
"""What is done by hand, in the first turn that begins at or after this frame."""


def feeds(seed: int = 0, by: float = 0.0) -> list[Feed]:
    """The feeds; with a ``seed`` every vector is turned by about ``by``."""
    made = []
    for number, (name, (scope, black_every)) in enumerate(_FEEDS.items()):
        vectors = _vectors(number + 1)
        if by:
            noise = np.random.default_rng([seed, number]).normal(size=vectors.shape)
            vectors = _units(vectors + by * _units(noise))
        made.append(Feed(name, scope, vectors, black_every))
    return made


def _vectors(seed: int) -> Vectors:
    """A feed among ever more places that it returns to, some of them ever farther out."""
    rng = np.random.default_rng(seed)
    places = rng.integers(-1000, 1001, (16, DIM))
    rows = []
    place = 0
    for index in range(FRAMES):
        if index % 3 == 0:
            place = int(rng.integers(2 + index * 13 // FRAMES))
        spread = (20, 150, 20, 400)[place % 4]
        rows.append(places[place] + rng.integers(-spread, spread + 1, DIM))
    return _units(np.array(rows, np.float64))


def _units(rows: np.ndarray) -> Vectors:
    vectors: Vectors = (rows / np.sqrt((rows * rows).sum(axis=1, keepdims=True))).astype(np.float32)
    vectors.flags.writeable = False
    return vectors


def names() -> list[str]:
    """What is written down, a file each."""
    return [f"feed-{scope}" for scope in SCOPES]


def replay(folder: Path, part: str, made: list[Feed] | None = None) -> dict[str, list[Row]]:
    """Run one part of the service into its folder; return the rows of each scope.

    The part ``after`` continues the folder that ``before`` has left.
    """
    first, stop = PARTS[part]
    sizes = cycle(_SIZES)
    left = dict(_DEEDS)
    with Service(folder, SCOPES, made or feeds(), first * SECONDS) as service:
        while first < stop:
            for due in [frame for frame in left if frame <= first]:
                deed = left.pop(due)
                if due >= PARTS[part][0]:
                    deed(service)
            end = min(stop, first + next(sizes))
            service.turn(first, end)
            if end % 20 < end - first:
                service.measure()
            first = end
        service.finish()
        return service.rows
