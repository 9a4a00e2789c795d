"""Which videos the yardsticks are made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.bench.worth.backgrounds import DRAWN, PHOTOGRAPHS, clips_of
from tests.bench.worth.camera import FixedCamera
from tests.bench.worth.media import Recipe
from tests.bench.worth.scenes import Film, Identities, Pan, Screen

COUNTS = (20, 50, 100)
OTHER_COUNTS = (12, 24, 48)
IDENTITY_COUNTS = (8, 12, 20)
_BITS = 500_000


def places(media: Path | None) -> Sequence[str]:
    """Backgrounds in turn: photographs, drawn places and, where given, clips of a folder."""
    own = [PHOTOGRAPHS[0], DRAWN[0], DRAWN[1], PHOTOGRAPHS[1], DRAWN[2]]
    clips = list(clips_of(media)) if media is not None else []
    return [place for pair in zip(own, clips, strict=False) for place in pair] + own


def cameras(seeds: Sequence[int], *, media: Path | None, people: Path | None) -> list[FixedCamera]:
    """A fixed camera for each seed.

    People are large before every other camera and small before the others; of four cameras two
    send little, as real ones do, and two lose next to nothing.
    """
    found = places(media)
    return [
        FixedCamera(
            seed,
            background=found[seed % len(found)],
            people=people,
            person=1 / 3 if seed % 2 == 0 else 1 / 6,
            bits=_BITS if seed % 4 < 2 else None,
        )
        for seed in seeds
    ]


def identities(
    seeds: Sequence[int], *, media: Path | None, people: Path | None
) -> list[Identities]:
    """Six people before a wall, for each seed."""
    found = places(media)
    return [Identities(seed, found[(seed + 1) % len(found)], people) for seed in seeds]


def others(seed: int, *, people: Path | None) -> list[Recipe]:
    """Videos of which no camera is fixed."""
    return [
        Pan(seed, people=people),
        Pan(seed, shaking=True, people=people),
        Screen(seed),
        Film(seed, people=people),
    ]
