"""Options of a selection, as frozen dataclasses that check themselves."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Literal, get_args

from streamsel.bounds import MOST_FRAMES, require_count
from streamsel.choices import Decode, Durability, ImageFormat, Method
from streamsel.errors import ConfigurationError
from streamsel.pixels.size import PictureSize
from streamsel.prefilter.options import PrefilterOptions
from streamsel.sources.masks import read_masks

DEFAULT_COUNT = 100
LOOK_AHEAD = 32
MOST_FPS = 100_000
MOST_JOBS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How inputs are read: a span in seconds of media time, a frame rate, an ffmpeg filter chain.

    ``decode`` is ``all``: every frame; ``fast``: every frame without loop filter, and kept frames
    decoded again exactly; ``reference``: frames that other frames refer to; ``keyframes``; or
    ``adaptive``: every frame where the picture changes, else keyframes. ``hwaccel`` is the type of
    hardware decoder, or ``auto``; None: software. ``mask`` are privacy masks, normalised by
    :func:`~streamsel.sources.masks.read_mask`.
    """

    start: float | None = None
    end: float | None = None
    fps: float | None = None
    filters: str | None = None
    decode: Decode = "all"
    hwaccel: str | None = None
    mask: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "mask", tuple(map(str, read_masks(self.mask))))
        if self.decode not in get_args(Decode):
            raise ConfigurationError(
                f"decode is {self.decode!r}; it must be one of {', '.join(get_args(Decode))}"
            )
        if self.decode == "fast" and self.filters is not None:
            raise ConfigurationError(
                "decode cannot be fast with a filter chain: what is kept would have to be filtered"
                " again from the beginning; give one of the two"
            )
        if self.fps is not None and not 0 < self.fps <= MOST_FPS:
            raise ConfigurationError(
                f"fps is {self.fps:g}; it must be above 0 and at most {MOST_FPS:,}"
            )
        for name, position in (("start", self.start), ("end", self.end)):
            if position is not None and not 0 <= position < math.inf:
                raise ConfigurationError(f"{name} is {position:g} s; it must be 0 or later")
        start = self.start or 0.0
        if self.end is not None and self.end <= start:
            raise ConfigurationError(f"end ({self.end:g} s) must lie after start ({start:g} s)")


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedOptions:
    """The embedder, its weights and its device; or files of precomputed ``embeddings``."""

    embedder: str = "builtin"
    weights: str | None = None
    device: str = "auto"
    embeddings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
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
    ``DEFAULT_COUNT``, unless ``min_distance`` alone sets the limit. ``near_duplicate`` is the
    near-duplicate distance, or ``auto`` to calibrate it from the noise of the feed. ``window``:
    seconds of media time after which a frame that was not seen again expires.
    """

    method: Method = "online"
    count: int | None = None
    share: float | None = None
    min_distance: float = 0.0
    near_duplicate: float | Literal["auto"] = "auto"
    look_ahead: int = LOOK_AHEAD
    window: float | None = None
    per_input: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise ConfigurationError(
                f"method is {self.method!r}; it must be one of {', '.join(get_args(Method))}"
            )
        if self.count is not None and self.share is not None:
            raise ConfigurationError("give either count or share, not both")
        if self.count is not None:
            require_count(self.count)
        if self.share is not None and not 0 < self.share <= 1:
            raise ConfigurationError(f"share is {self.share:g}; it must be above 0 and at most 1")
        if not 0 <= self.seed < 2**63:
            raise ConfigurationError(f"seed is {self.seed}; it must be 0 or more, below 2^63")
        if not 0 <= self.min_distance <= 2:
            raise ConfigurationError(
                f"min-distance is {self.min_distance:g}; distances of unit vectors lie in 0..2"
            )
        if self.near_duplicate != "auto" and not 0 <= self.near_duplicate <= 2:
            raise ConfigurationError(
                f"near-duplicate is {self.near_duplicate:g}; write auto or a distance in 0..2"
            )
        if self.look_ahead < 1:
            raise ConfigurationError(f"look-ahead is {self.look_ahead}; it must be at least 1")
        if self.window is not None and not self.window > 0:
            raise ConfigurationError(f"window is {self.window:g} s; it must be above 0")
        self._require_method()

    def _require_method(self) -> None:
        """Refuse options that the chosen method does not support."""
        wants_online = {
            "window": self.window is not None,
            "near-duplicate": self.near_duplicate != "auto",
            "look-ahead": self.look_ahead != LOOK_AHEAD,
        }
        for name, given in wants_online.items():
            if given and self.method != "online":
                raise ConfigurationError(f"{name} needs the online method, not {self.method}")
        if self.min_distance > 0 and self.method in ("random", "uniform"):
            raise ConfigurationError(
                f"min-distance needs the online or the two-pass method, not {self.method}"
            )

    def target(self, total: int) -> int:
        """Return how many of ``total`` frames to keep."""
        if self.count is not None:
            return self.count
        if self.share is not None:
            return max(1, math.ceil(self.share * total))
        return DEFAULT_COUNT if self.min_distance == 0 else MOST_FRAMES


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """How kept frames are written: with square pixels and in SDR by default."""

    format: ImageFormat = "jpg"
    quality: int | None = None
    size: PictureSize | None = None
    keep_pixels: bool = False
    keep_hdr: bool = False
    durability: Durability = "strict"


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
