"""Luma grids of generated scenes, each with what is true of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from streamsel.frame import LumaGrid
from streamsel.prefilter.scene_watch import watched
from streamsel.scene import SceneState

Grey = npt.NDArray[np.float64]
"""(32, 32) grey levels, not rounded."""


def street(seed: int = 1, side: int = 32) -> Grey:
    """A textured scene of 40 to 200 grey levels, smooth over a few cells."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(40, 200, (side // 4 + 2, side // 4 + 2))
    fine = np.kron(coarse, np.ones((4, 4)))
    smooth = (fine[:-4, :-4] + fine[4:, :-4] + fine[:-4, 4:] + fine[4:, 4:]) / 4
    return np.asarray(smooth[:side, :side] + rng.normal(0, 12, (side, side)))


def seen(scene: Grey, seed: int, noise: float = 1.0) -> LumaGrid:
    """The scene through a sensor."""
    made = scene + np.random.default_rng(seed).normal(0, noise, scene.shape)
    return np.clip(np.rint(made), 0, 255).astype(np.uint8)


def filmed(
    scene_at: Callable[[float], Grey],
    seconds: float,
    *,
    fps: float = 5.0,
    start: float = 0.0,
    noise: float = 1.0,
) -> list[tuple[LumaGrid, float]]:
    """Frames of a scene that depends on the time, each with its media time."""
    times = [start + index / fps for index in range(round(seconds * fps))]
    return [(seen(scene_at(at), round(at * 1000), noise), at) for at in times]


def run(
    frames: Iterable[tuple[LumaGrid, float]], state: SceneState | None = None
) -> list[SceneState]:
    """The states of a scene after each of its frames."""
    states, state = [], state or SceneState()
    for luma_grid, media_time in frames:
        state = watched(state, luma_grid, media_time)
        states.append(state)
    return states


def with_person(scene: Grey, left: float, *, height: int = 10, level: float = 25.0) -> Grey:
    """The scene with a dark upright body, three cells wide, its left side at this column."""
    drawn = scene.copy()
    column = round(left)
    drawn[18 : 18 + height, max(column, 0) : max(column + 3, 0)] = level
    return drawn


def panned(wide: Grey, column: float) -> Grey:
    """The part of a wide scene that a camera shows which has turned this far."""
    whole = int(column)
    part = column - whole
    return (1 - part) * wide[:32, whole : whole + 32] + part * wide[:32, whole + 1 : whole + 33]
