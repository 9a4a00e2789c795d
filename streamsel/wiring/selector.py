"""Builds the selector of a file run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from streamsel.bounds import MOST_FRAMES
from streamsel.config.burst import read_burst
from streamsel.config.options import RunOptions
from streamsel.errors import ConfigurationError
from streamsel.interfaces.selectors import Selector
from streamsel.interfaces.sources import Source
from streamsel.wiring.inputs import is_readable, streams_of

if TYPE_CHECKING:
    from streamsel.coreset.values import BurstLimit

_CHUNK = 32_768


def build_selector(options: RunOptions, sources: Sequence[Source], dim: int) -> Selector:
    """Build the selector; raises :class:`ConfigurationError` for invalid options."""
    if not options.select.per_input:
        return _selector_over(options, sources, dim)
    from streamsel.selection.per_feed import PerFeedSelector

    # All checks run first: invalid options must be reported before anything is changed.
    selectors = {source.feed: _selector_over(options, [source], dim) for source in sources}
    return PerFeedSelector(selectors.pop)


def _selector_over(options: RunOptions, sources: Sequence[Source], dim: int) -> Selector:
    from streamsel.selection.baselines import RandomSelector, UniformSelector
    from streamsel.selection.budget import Budget
    from streamsel.selection.online import OnlineSelector
    from streamsel.selection.two_pass import TwoPassSelector

    select = options.select
    count = _count(options, sources)
    if select.method == "random":
        return RandomSelector(count, seed=select.seed)
    if select.method == "uniform":
        return UniformSelector(count, _lengths(sources), start=options.read.start or 0.0)
    if select.method == "two-pass":
        chunk = max(_CHUNK, count)
        burst = burst_limit(select.burst)
        return TwoPassSelector(count, min_distance=select.min_distance, chunk=chunk, burst=burst)
    return OnlineSelector(
        Budget(count=min(count, MOST_FRAMES)),  # a share may be of more
        dim,
        calibration=select.calibration,
        calibration_feeds=streams_of(sources),
        floor=select.near_duplicate,
        min_distance=select.min_distance,
        look_ahead=select.look_ahead,
        window=select.window,
        burst=burst_limit(select.burst),
    )


def burst_limit(text: str) -> BurstLimit | None:
    """Return the limit that an option asks for; None: no limit."""
    from streamsel.coreset.values import BurstLimit

    asked = read_burst(text)
    return None if asked is None else BurstLimit(asked.frames, asked.seconds)


def _count(options: RunOptions, sources: Sequence[Source]) -> int:
    """Return how many frames to keep of all sources together."""
    total = 0 if options.select.share is None else _total(sources, "a share")
    return options.select.target(total)


def _lengths(sources: Sequence[Source]) -> dict[str, float]:
    """Return the length of each feed in seconds; without feeds that will fail later."""
    found = {}
    for source in sources:
        seconds = source.expected_seconds
        if seconds is None and is_readable(source):
            raise ConfigurationError(
                "the uniform method needs inputs of known length, and that of feed "
                f"{source.feed!r} is unknown; use another method"
            )
        found[source.feed] = seconds or 0.0
    return found


def _total(sources: Sequence[Source], wanted_by: str) -> int:
    total = 0
    for source in sources:
        expected = source.expected_frames
        if expected is None and not is_readable(source):
            continue  # it is reported when it is read
        if expected is None:
            raise ConfigurationError(
                f"{wanted_by} needs inputs of known length, and that of feed {source.feed!r} "
                "is unknown; give a count instead"
            )
        total += expected
    return max(1, total)
