"""Options of one feed, and the defaults for all feeds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self, TypeAlias

from pydantic import ConfigDict, Field, model_validator

from streamsel.config import definitions as option
from streamsel.config import feed_source, numbers
from streamsel.config import fields as kind
from streamsel.config.sections.base import FilePath, Name, Section, Text
from streamsel.prefilter.options import BOUNDS

_Timeout: TypeAlias = Annotated[float, numbers.seconds(0.1, 600)]


class PrefilterConfig(Section):
    """Which frames are refused before they are embedded; null or false disables a check.

    And whether the change in front of the camera is measured, which refuses none.
    """

    corrupt: bool = Field(
        default=True, description="refuse frames that the decoder reports as damaged"
    )
    black_share: Annotated[float, numbers.number(*BOUNDS["black_share"])] | None = Field(
        default=0.98, description="refuse a picture if this share of it is darker than black_level"
    )
    black_level: option.BlackLevel = 32
    uniform_share: Annotated[float, numbers.number(*BOUNDS["uniform_share"])] | None = Field(
        default=0.975,
        description="refuse a picture if this share of its rows has a single value",
    )
    exact_duplicates: bool = Field(
        default=True, description="refuse a picture with exactly the same pixels as an earlier one"
    )
    freeze_seconds: option.FrozenAfter | None = 2.0
    unchanged_mean: option.UnchangedLevel | None = 1.0
    unchanged_cell: Annotated[int, numbers.whole(*BOUNDS["unchanged_cell"])] = Field(
        default=7, description="and by fewer grey levels than this in every cell"
    )
    calibration: Annotated[int, numbers.whole(*BOUNDS["calibration"])] = Field(
        default=100,
        description="frames that calibrate the noise, before any is refused as unchanged",
    )
    min_sharpness: option.MinSharpness | None = 0.01
    change_weight: option.ChangeWeight = "auto"


class ClipConfig(Section):
    """A short video clip around each kept frame, stored beside its picture."""

    before: Annotated[float, numbers.seconds(0, 600)] = Field(
        default=2.0, description="length before the frame"
    )
    after: Annotated[float, numbers.seconds(0.1, 600)] = Field(
        default=3.0, description="length after the frame"
    )


class PerFeed(Section):
    """Options for all feeds under ``defaults``, or for a single feed."""

    enabled: bool = Field(
        default=True, description="whether the feed is read; can be changed at run time"
    )
    group: Name | None = Field(
        default=None,
        description="feeds of one group share a set of kept frames and must agree in its options",
    )
    count: option.FeedCount | None = None
    share: option.Share | None = None
    window: option.Window | None = None
    burst: option.Burst = "auto"
    min_distance: option.MinDistance = 0.0
    near_duplicate: option.NearDuplicate = "auto"
    look_ahead: option.FeedLookAhead = 1
    transport: option.Transport = "tcp"
    open_timeout: _Timeout = Field(default=5.0, description="timeout for opening a connection")
    read_timeout: _Timeout = Field(default=5.0, description="timeout for receiving data")
    down_after: _Timeout = Field(
        default=10.0, description="report the feed as down after this long without a picture"
    )
    interval: Annotated[float, numbers.seconds(0.1, 86400)] = Field(
        default=1.0, description="polling interval of a snapshot+http source"
    )
    tls_ca_file: FilePath | None = Field(
        default=None,
        description="PEM file of the CAs to trust for rtsps and https",
    )
    decode: option.FeedDecode = "all"
    fps: option.Fps | None = None
    vf: Annotated[option.Vf, kind.text()] | None = None
    mask: option.Mask = ()
    prefilter: PrefilterConfig = Field(
        default={}, validate_default=True, description="which frames are refused before embedding"
    )
    clip: ClipConfig | None = Field(
        default=None, description="a short video clip around each kept frame"
    )

    @model_validator(mode="after")
    def _require_one_budget(self) -> Self:
        if self.count is not None and self.share is not None:
            kind.refuse("give either count or share, not both")
        return self


class Defaults(PerFeed):
    """Options of all feeds, unless a feed overrides them, and the embedder."""

    embedder: Annotated[option.Embedder, kind.text()] = "builtin"
    weights: Annotated[Path, kind.path(), option.WEIGHTS] | None = None
    device: option.Device = "auto"


def _allow_either_source(schema: dict[str, Any]) -> None:
    schema["required"].remove("source")
    schema["anyOf"] = [{"required": ["source"]}, {"required": ["source_file"]}]


class FeedConfig(PerFeed):
    """One feed: its source, and its options that differ from the defaults."""

    model_config = ConfigDict(json_schema_extra=_allow_either_source)

    source: Annotated[feed_source.SecretSource, feed_source.source()] = Field(
        description="URL (rtsp, rtsps, http, https, whep+https, snapshot+http, ...) or device "
        "of the feed; file:clip.mp4?pace=1: a file; whip: waits for a WebRTC sender"
    )
    display_name: Text | None = Field(
        default=None,
        description="name of the feed for people, in any script; null: its key",
    )
    source_file: FilePath | None = Field(
        default=None,
        description="file with the source as its only line, masked entirely; instead of source",
    )
