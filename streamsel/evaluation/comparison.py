"""Compares selection methods on the same frames: one row per method."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from streamsel.bounds import MOST_FRAMES
from streamsel.choices import Calibration, NearDuplicate
from streamsel.coreset.values import BurstLimit
from streamsel.decisions import Event, Kept
from streamsel.evaluation.diversity import diversity
from streamsel.frame import Candidate, FrameKey, Vectors
from streamsel.interfaces.selectors import Selector
from streamsel.selection import baselines
from streamsel.selection.budget import Budget
from streamsel.selection.online import OnlineSelector
from streamsel.selection.two_pass import TwoPassSelector


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """The figures of one method; all distances are L2 between unit embeddings (0..2).

    ``mean``, ``min``, ``max``, ``p10`` and ``p90`` are over the pairs of kept frames; ``radius`` is
    the largest distance of a seen frame from its nearest kept one, ``radius_p99`` the 99th
    percentile; ``admitted`` counts frames ever kept. NaN if there is nothing to measure.
    """

    method: str
    count: int
    mean: float
    min: float
    max: float
    p10: float
    p90: float
    radius: float
    radius_p99: float
    admitted: float

    def as_json(self) -> dict[str, str | int | float | None]:
        """Return the row with None for NaN, which JSON lacks."""
        return finite(asdict(self))


def finite(figures: Mapping[str, str | int | float]) -> dict[str, str | int | float | None]:
    """Return the figures of a row, with None for NaN."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in figures.items()
    }


def our_selectors(
    count: int,
    total: int,
    dim: int,
    *,
    near_duplicate: NearDuplicate,
    calibration: Calibration,
    look_ahead: int,
    streams: Collection[str] | None = None,
) -> dict[str, Selector]:
    """Return our methods by name, each set up to keep ``count`` of ``total`` frames.

    ``streams`` are the feeds to calibrate on; None: all.
    """
    return {
        "online": OnlineSelector(
            Budget(count=min(count, MOST_FRAMES)),  # a share may be of more
            dim,
            calibration=calibration,
            calibration_feeds=streams,
            floor=near_duplicate,
            look_ahead=look_ahead,
            burst=BurstLimit(),
        ),
        "two-pass": TwoPassSelector(count, chunk=max(count, total), burst=BurstLimit()),
    }


def chosen_by(
    selector: Selector, candidates: Sequence[Candidate]
) -> tuple[tuple[FrameKey, ...], int]:
    """Judge all candidates with a new selector; return its kept frames and its admissions."""
    verdicts = [*selector.judge(candidates), *selector.finish()]
    events: list[Event] = [event for verdict in verdicts for event in verdict.events]
    return selector.kept, sum(isinstance(event, Kept) for event in events)


def compare(
    candidates: Sequence[Candidate],
    count: int,
    *,
    near_duplicate: NearDuplicate = "auto",
    calibration: Calibration = "held-back",
    streams: Collection[str] | None = None,
    look_ahead: int = 32,
    seed: int = 0,
    draws: int = 5,
) -> list[ComparisonRow]:
    """Select ``count`` of the same frames by every method and measure the results.

    Rows: ``original`` (all frames), ``uniform`` (evenly spaced by number, as by ffmpeg's fps filter
    at a constant rate), ``random`` (mean of ``draws`` draws with seeds from ``seed`` on),
    ``online`` and ``two-pass``. Candidates without an embedding are ignored. If there are fewer
    than ``count`` frames, every method keeps all of them, except near duplicates. ``streams`` are
    the feeds that may tell the near-duplicate distance; None: all.

    Cost: farthest-first over all frames, and at most 12.5 million pair distances per row.
    """
    seen = [candidate for candidate in candidates if candidate.embedding is not None]
    if not seen:
        return []
    vectors = np.stack([one.embedding for one in seen if one.embedding is not None])  # (N, D)
    places = {candidate.frame.key: place for place, candidate in enumerate(seen)}
    total, dim = vectors.shape
    chosen = min(count, total)
    draw_rows = [
        _row("random", vectors, vectors[baselines.random(total, chosen, seed + draw)], chosen)
        for draw in range(draws)
    ]
    ours = our_selectors(
        count,
        total,
        dim,
        near_duplicate=near_duplicate,
        calibration=calibration,
        streams=streams,
        look_ahead=look_ahead,
    )
    return [
        _row("original", vectors, vectors, total),
        _row("uniform", vectors, vectors[baselines.uniform(total, chosen)], chosen),
        _mean_row(draw_rows),
        *(_selected(method, selector, seen, vectors, places) for method, selector in ours.items()),
    ]


def _selected(
    method: str,
    selector: Selector,
    candidates: Sequence[Candidate],
    vectors: Vectors,
    places: Mapping[FrameKey, int],
) -> ComparisonRow:
    kept, admitted = chosen_by(selector, candidates)
    return _row(method, vectors, vectors[[places[key] for key in kept]], admitted)


def _row(method: str, seen: Vectors, kept: Vectors, admitted: int) -> ComparisonRow:
    found = diversity(seen, kept)
    pairs, coverage = found.pairwise, found.coverage
    return ComparisonRow(
        method=method,
        count=len(kept),
        mean=pairs.mean,
        min=pairs.min,
        max=pairs.max,
        p10=pairs.p10,
        p90=pairs.p90,
        radius=coverage.radius,
        radius_p99=coverage.p99,
        admitted=admitted,
    )


def _mean_row(rows: Sequence[ComparisonRow]) -> ComparisonRow:
    """Return the mean of several draws of one method."""
    names = [name for name in ComparisonRow.__slots__ if name not in {"method", "count"}]
    means = {name: float(np.mean([getattr(row, name) for row in rows])) for name in names}
    return ComparisonRow(method=rows[0].method, count=rows[0].count, **means)
