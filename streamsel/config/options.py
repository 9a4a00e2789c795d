"""Options of a selection, as frozen dataclasses that check themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, TypeVar

from streamsel.bounds import MOST_FRAMES
from streamsel.config import definitions as option
from streamsel.config.annotated import definitions_of, require_bounds
from streamsel.errors import ConfigurationError
from streamsel.prefilter.options import PrefilterOptions
from streamsel.sources.masks import read_masks

LOOK_AHEAD = 32
CALIBRATION: Final = "held-back"
_T = TypeVar("_T")
_FIELDS = {"vf": "filters"}
"""Options that a field of another name holds, which stored runs have too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How inputs are read: a span in seconds of media time, a frame rate, an ffmpeg filter chain.

    ``decode`` is ``all``: every frame; ``fast``: every frame without loop filter, and kept frames
    decoded again exactly; ``reference``: frames that other frames refer to; ``keyframes``; or
    ``adaptive``: every frame where the picture changes, else keyframes. ``hwaccel`` is the type of
    hardware decoder, or ``auto``; None: software. ``mask`` are privacy masks, normalised by
    :func:`~streamsel.sources.masks.read_mask`.
    """

    start: option.Start | None = None
    end: option.End | None = None
    fps: option.Fps | None = None
    filters: option.Vf | None = None
    decode: option.Decode = "all"
    hwaccel: option.Hwaccel | None = None
    mask: option.Mask = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "mask", tuple(map(str, read_masks(self.mask))))
        require_bounds(self)
        if self.decode == "fast" and self.filters is not None:
            raise ConfigurationError(
                "decode cannot be fast with a filter chain: what is kept would have to be filtered"
                " again from the beginning; give one of the two"
            )
        start = self.start or 0.0
        if self.end is not None and self.end <= start:
            raise ConfigurationError(f"end ({self.end:g} s) must lie after start ({start:g} s)")


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedOptions:
    """The embedder, its weights and its device; or files of precomputed ``embeddings``."""

    embedder: option.Embedder = "builtin"
    weights: option.Weights | None = None
    device: option.Device = "auto"
    embeddings: option.Embeddings = ()

    def __post_init__(self) -> None:
        require_bounds(self)
        if self.embeddings and (self.embedder, self.weights, self.device) != (
            "builtin",
            None,
            "auto",
        ):
            raise ConfigurationError(
                "give either embeddings, or an embedder with its weights and device, not both"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectOptions:
    """How many frames are kept, and by which rule.

    At most one of ``count`` (frames) and ``share`` (of all frames) is given; neither means
    100, unless ``min_distance`` alone sets the limit. ``near_duplicate`` is the
    near-duplicate distance, or ``auto`` to calibrate it from the noise of the feed, see
    ``calibration``. ``window``: seconds of media time after which a frame that was not seen again
    expires. ``burst``: how many frames are kept of a stretch of time.

    A file may wait, so by default frames are held back for the calibration, and decided in blocks.
    With ``calibration`` on-the-way and a ``look_ahead`` of 1 they are decided as those of a live
    feed.
    """

    method: option.Method = "online"
    count: option.Count | None = None
    share: option.Share | None = None
    min_distance: option.MinDistance = 0.0
    near_duplicate: option.NearDuplicate = "auto"
    calibration: option.Calibration = CALIBRATION
    look_ahead: option.LookAhead = LOOK_AHEAD
    window: option.Window | None = None
    burst: option.Burst = "auto"
    per_input: option.PerInput = False
    seed: option.Seed = 0

    def __post_init__(self) -> None:
        require_bounds(self)
        if self.count is not None and self.share is not None:
            raise ConfigurationError("give either count or share, not both")
        self._require_method()

    def _require_method(self) -> None:
        """Refuse options that the chosen method does not support."""
        wants_online = {
            "window": self.window is not None,
            "near-duplicate": self.near_duplicate != "auto",
            "calibration": self.calibration != CALIBRATION,
            "look-ahead": self.look_ahead != LOOK_AHEAD,
        }
        for name, given in wants_online.items():
            if given and self.method != "online":
                raise ConfigurationError(f"{name} needs the online method, not {self.method}")
        for name, given in (
            ("min-distance", self.min_distance > 0),
            ("burst", self.burst != "auto"),
        ):
            if given and self.method in ("random", "uniform"):
                raise ConfigurationError(
                    f"{name} needs the online or the two-pass method, not {self.method}"
                )

    def target(self, total: int) -> int:
        """Return how many of ``total`` frames to keep."""
        if self.count is not None:
            return self.count
        if self.share is not None:
            return max(1, math.ceil(self.share * total))
        return option.DEFAULT_COUNT if self.min_distance == 0 else MOST_FRAMES


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """How kept frames are written: with square pixels and in SDR by default."""

    format: option.Format = "jpg"
    quality: option.Quality | None = None
    size: option.Size | None = None
    keep_pixels: option.KeepPixels = False
    keep_hdr: option.KeepHdr = False
    durability: option.Durability = "strict"

    def __post_init__(self) -> None:
        require_bounds(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """All options of a run."""

    read: ReadOptions = ReadOptions()
    prefilter: PrefilterOptions = field(default_factory=PrefilterOptions)
    embed: EmbedOptions = EmbedOptions()
    select: SelectOptions = SelectOptions()
    write: WriteOptions = WriteOptions()

    def __post_init__(self) -> None:
        if self.select.method == "uniform" and self.read.decode not in ("all", "fast"):
            raise ConfigurationError(
                f"the uniform method needs every frame, and decode is {self.read.decode}; "
                "use decode all, or another method"
            )

    def as_json(self) -> dict[str, dict[str, object]]:
        """Return the options as JSON values, for the record of a run."""
        return asdict(self)


def run_options(given: Mapping[str, Any]) -> RunOptions:
    """Return the options of a run, from values under the names that users write.

    Missing names keep their default, names that are not of a run are ignored. Raises
    :class:`ConfigurationError` for values that are out of bounds or do not go together.
    """
    given = {_FIELDS.get(name, name): value for name, value in given.items()}

    def part(options: type[_T]) -> _T:
        return options(**{name: given[name] for name in definitions_of(options) if name in given})

    return RunOptions(
        read=part(ReadOptions),
        prefilter=_prefilter_options(given),
        embed=part(EmbedOptions),
        select=part(SelectOptions),
        write=part(WriteOptions),
    )


def _prefilter_options(given: Mapping[str, Any]) -> PrefilterOptions:
    defaults = PrefilterOptions()

    def unless(kept: str, limit: float | None) -> float | None:
        return None if given.get(kept) else limit

    return PrefilterOptions(
        corrupt=not given.get("keep_corrupt"),
        black_share=unless("keep_black", defaults.black_share),
        black_level=given.get("black_level", defaults.black_level),
        uniform_share=unless("keep_uniform", defaults.uniform_share),
        exact_duplicates=not given.get("keep_exact_duplicates"),
        freeze_seconds=unless("keep_frozen", given.get("frozen_after", defaults.freeze_seconds)),
        unchanged_mean=unless(
            "keep_unchanged", given.get("unchanged_level", defaults.unchanged_mean)
        ),
        min_sharpness=given.get("min_sharpness", defaults.min_sharpness),
        change_weight=given.get("change_weight", defaults.change_weight),
    )
