"""Candidates made of nothing but a vector, for selectors that look at nothing else."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from streamsel.frame import Candidate, Frame, FrameKey, Picture, PrefilteredFrame, SceneChange

THUMBNAIL_SIDE = 4


def candidate(
    index: int,
    vector: np.ndarray | None,
    refusal: str | None = None,
    sharpness: float = 0.5,
    feed: str = "walk",
    change: SceneChange | None = None,
) -> Candidate:
    """Frame ``index`` of a feed at 25 frames a second; refused ones have no thumbnail."""
    frame = Frame(
        key=FrameKey(feed, index),
        pts=index,
        time_base=Fraction(1, 25),
        media_time=index / 25,
        width=64,
        height=48,
        picture=Picture(None),
    )
    prefiltered = PrefilteredFrame(
        frame=frame,
        luma_grid=np.zeros((32, 32), np.uint8),
        digest=index,
        sharpness=sharpness,
        refusal=refusal,
        thumbnail=(None if refusal else np.zeros((THUMBNAIL_SIDE, THUMBNAIL_SIDE, 3), np.uint8)),
        change=change,
    )
    return Candidate(prefiltered, vector)
