"""How little contrast does a small thing need to be noticed by the prefilter?

    python -m tests.bench.small_objects

A square of one grey level more comes up somewhere in a textured picture of 640 x 360 that else
differs from the reference by the noise of a sensor alone. The table, as it is in
docs/explanation/guarantees.md, has the smallest contrast at which each of ten such squares is
noticed, by the size of the square and the deviation of the noise, in grey levels; a column is for
squares that differ in colour alone, by levels of V.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import av
import click
import numpy as np
import numpy.typing as npt

from streamsel.frame import Frame, FrameKey, Picture, View
from streamsel.prefilter.options import PrefilterOptions
from streamsel.prefilter.prefilter import FramePrefilter
from streamsel.sources.thumbnails.cpu import CpuThumbnailer

WIDTH, HEIGHT = 640, 360
AREAS = (0.0002, 0.0005, 0.001, 0.005, 0.02)
"""Shares of the picture."""
NOISES = (0.0, 2.0, 4.0, 8.0)
MOST = 128
TRIALS = 10
Planes = npt.NDArray[np.float64]
"""(3, H, W) Y, U and V."""


def ground() -> Planes:
    """A texture of blocks of middling levels, without colour."""
    blocks = np.random.default_rng(0).integers(60, 120, (HEIGHT // 8, WIDTH // 8))
    planes: Planes = np.full((3, HEIGHT, WIDTH), 128.0)
    planes[0] = np.kron(blocks, np.ones((8, 8)))
    return planes


def noticed(before: Planes, after: Planes) -> bool:
    """Whether the second picture is not refused as unchanged after the first."""
    prefilter = FramePrefilter(CpuThumbnailer(), View(32), PrefilterOptions(calibration=0))
    told = [
        prefilter.check(_frame(index, one)).refusal for index, one in enumerate((before, after))
    ]
    return told[1] is None


def smallest(area: float, noise: float, plane: int, seed: int) -> int:
    """The smallest contrast at which one square is noticed; above 128 it is not looked for."""
    random = np.random.default_rng([seed, round(1e5 * area), round(noise)])
    scene = ground()
    before, after = (scene + noise * random.normal(size=scene.shape) for _ in range(2))
    side = round(math.sqrt(area * WIDTH * HEIGHT))
    x, y = int(random.integers(WIDTH - side)), int(random.integers(HEIGHT - side))

    def is_seen(contrast: int) -> bool:
        other = after.copy()
        other[plane, y : y + side, x : x + side] += contrast
        return noticed(before, other)

    return _first(is_seen)


def row(area: float, noises: Sequence[float], trials: int = TRIALS) -> list[int]:
    """The contrast that every square needs, for each noise, and in colour at a noise of 2."""
    kinds = [*((noise, 0) for noise in noises), (2.0, 2)]
    return [
        max(smallest(area, noise, plane, seed) for seed in range(trials)) for noise, plane in kinds
    ]


def _first(is_seen: Callable[[int], bool]) -> int:
    """The smallest number up to ``MOST`` from which on ``is_seen``, else one more."""
    low, high = 0, MOST + 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_seen(middle) else (middle + 1, high)
    return low


def _frame(index: int, planes: Planes) -> Frame:
    levels = np.rint(planes).clip(0, 255).astype(np.uint8)
    image = av.VideoFrame.from_ndarray(levels, format="yuv444p").reformat(format="yuv420p")
    return Frame(
        key=FrameKey("made", index),
        pts=index,
        time_base=Fraction(1, 25),
        media_time=index / 25,
        width=WIDTH,
        height=HEIGHT,
        picture=Picture(image),
    )


@click.command()
@click.option("--trials", default=TRIALS, show_default=True, help="Squares for each figure.")
def main(trials: int) -> None:
    """Print the table."""
    click.echo("| square | " + " | ".join(f"noise {noise:g}" for noise in NOISES) + " | colour |")
    click.echo("|---" + "|---:" * (len(NOISES) + 1) + "|")
    for area in AREAS:
        side = round(math.sqrt(area * WIDTH * HEIGHT))
        figures = row(area, NOISES, trials)
        told = [f"{figure}" if figure <= MOST else f"> {MOST}" for figure in figures]
        click.echo(f"| {100 * area:g} %, {side} x {side} | " + " | ".join(told) + " |")


if __name__ == "__main__":
    main()
