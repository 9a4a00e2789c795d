"""Options of the prefilter: which checks run, and their limits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from streamsel.choices import ChangeWeight, require_choice
from streamsel.errors import ConfigurationError

BOUNDS: Mapping[str, tuple[int, int | None]] = {
    "black_share": (0, 1),
    "black_level": (0, 255),
    "uniform_share": (0, 1),
    "freeze_seconds": (0, None),
    "unchanged_mean": (0, 255),
    "unchanged_cell": (0, 256),
    "calibration": (0, 1_000_000),
    "min_sharpness": (0, 1),
}
"""Least and most of each limit; None: unbounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefilterOptions:
    """The checks of a prefilter; None or False disables one. Levels are grey levels, 0 to 255.

    ``corrupt``: the decoder flagged the frame as damaged.
    ``black_share``: minimum share of cells of the luma grid darker than ``black_level``, a level of
    limited range (16 is black, 235 white), which is converted for pictures of full range. A picture
    with pixels four times as far above black is not black: text, stars, lamps.
    ``uniform_share``: minimum share of sampled rows with a single value (a lost signal, a decoder's
    grey fill) in a picture of one colour without text. Half of the rows is not enough: letterboxes
    and slides have as many such rows.
    ``exact_duplicates``: luma grid and thumbnail equal those of an earlier frame of the feed; or
    the frame is unchanged, and its luma rows and chroma grid equal those of the previous frame.
    ``freeze_seconds``: duration without any change, in media time, after which a frame is frozen.
    ``unchanged_mean`` and ``unchanged_cell``: the luma grid of an unchanged frame differs from the
    reference by less than these, in the mean and in the largest cell, and so does its chroma grid.
    The check starts after
    ``calibration`` frames have passed, because the noise of the feed is measured on them.
    ``min_sharpness``: minimum sharpness in 0..1. Ordinary footage is above 0.2, footage enlarged
    three times above 0.03; a Gaussian blur of 1/80 of the width brings both below 0.01.
    ``change_weight``: whether the change in front of the camera is measured, for the weight of
    frames in the selection; ``auto``: from the moment on at which the camera counts as fixed. It
    refuses no frame.

    Raises :class:`ConfigurationError` for a value out of bounds.
    """

    corrupt: bool = True
    black_share: float | None = 0.98
    black_level: int = 32
    uniform_share: float | None = 0.975
    exact_duplicates: bool = True
    freeze_seconds: float | None = 2.0
    unchanged_mean: float | None = 1.0
    unchanged_cell: int = 7
    calibration: int = 100
    min_sharpness: float | None = 0.01
    change_weight: ChangeWeight = "auto"

    def __post_init__(self) -> None:
        """Refuse values out of bounds."""
        for name, (least, most) in BOUNDS.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= (math.inf if most is None else most):
                raise ConfigurationError(
                    f"prefilter: {name} is {value:g}; it must be "
                    + (f"at least {least:g}" if most is None else f"from {least:g} to {most:g}")
                )
        require_choice("prefilter: change_weight", self.change_weight, ChangeWeight)
