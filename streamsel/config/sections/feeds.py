"""Options of one feed, and the defaults for all feeds."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import ConfigDict, Field, model_validator

from streamsel.choices import FeedDecode, Transport
from streamsel.config import fields as kind
from streamsel.config import numbers
from streamsel.config.count import Count
from streamsel.config.options import DEFAULT_COUNT, MOST_FPS
from streamsel.config.sections.base import FilePath, Name, Section, Text

_Timeout: TypeAlias = Annotated[float, numbers.seconds(0.1, 600)]
_Level: TypeAlias = Annotated[float, numbers.number(0, 255)]
_Unit: TypeAlias = Annotated[float, numbers.number(0, 1)]


class PrefilterConfig(Section):
    """Which frames are refused before they are embedded; null or false disables a check."""

    corrupt: bool = Field(
        default=True, description="refuse frames that the decoder reports as damaged"
    )
    black_share: _Unit | None = Field(
        default=0.98, description="refuse a picture if this share of it is darker than black_level"
    )
    black_level: Annotated[int, numbers.whole(0, 255)] = Field(
        default=32, description="grey level below which a cell of the picture counts as black"
    )
    uniform_share: _Unit | None = Field(
        default=0.975,
        description="refuse a picture if this share of its rows has a single value",
    )
    exact_duplicates: bool = Field(
        default=True, description="refuse a picture with exactly the same pixels as an earlier one"
    )
    freeze_seconds: Annotated[float, numbers.seconds(0)] | None = Field(
        default=2.0, description="refuse a picture that has not changed for longer than this"
    )
    unchanged_mean: _Level | None = Field(
        default=1.0, description="refuse a picture if it differs by fewer grey levels on average"
    )
    unchanged_cell: Annotated[int, numbers.whole(0, 256)] = Field(
        default=7, description="and by fewer grey levels than this in every cell"
    )
    calibration: Annotated[int, numbers.whole(0, 1_000_000)] = Field(
        default=100,
        description="frames that calibrate the noise, before any is refused as unchanged",
    )
    min_sharpness: _Unit | None = Field(
        default=0.01,
        description="refuse a picture less sharp than this; ordinary footage is above 0.2",
    )


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
    count: Annotated[Count, kind.frames()] | None = Field(
        default=None,
        description=f"maximum number of frames; {DEFAULT_COUNT} without count and share",
    )
    share: Annotated[float, numbers.share()] | None = Field(
        default=None,
        description="keep about this share of all frames, instead of a count: 0.2 or 20%",
    )
    window: Annotated[float, numbers.seconds(1)] | None = Field(
        default=None,
        description="drop frames that were not seen again for this long; null: never",
    )
    min_distance: Annotated[float, numbers.number(0, 2)] = Field(
        default=0.0, description="minimum embedding distance between two kept frames"
    )
    near_duplicate: Annotated[float | Literal["auto"], numbers.floor(2)] = Field(
        default="auto",
        description="near-duplicate distance; auto calibrates it from the feed's noise",
    )
    look_ahead: Annotated[int, numbers.whole(1, 1024)] = Field(
        default=1, description="frames decided together; 1 decides at once"
    )
    transport: Transport = Field(default="tcp", description="transport of RTSP video")
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
    decode: FeedDecode = Field(
        default="all",
        description="decode every frame, only reference frames, or only keyframes",
    )
    fps: Annotated[float, numbers.number(above=0, most=MOST_FPS)] | None = Field(
        default=None, description="process at most this many frames per second; null: all"
    )
    vf: Text | None = Field(
        default=None,
        description="ffmpeg filter chain applied first, like crop=640:360:0:0; this build "
        "lacks eq, boxblur, drawtext, delogo, hqdn3d, mpdecimate and zscale",
    )
    mask: Annotated[tuple[str, ...], kind.masks()] = Field(
        default=(),
        description="privacy masks: areas of the upright picture to hide before any processing",
    )
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

    embedder: Text = Field(
        default="builtin", description="name of the embedder, see: streamsel embedders"
    )
    weights: FilePath | None = Field(
        default=None, description="file of other weights for the embedder"
    )
    device: Annotated[
        str, kind.text("auto, cpu, cuda or cuda:N", r"auto|cpu|cuda(?::\d{1,3})?")
    ] = Field(default="auto", description="device of the embedder")


def _allow_either_source(schema: dict[str, Any]) -> None:
    schema["required"].remove("source")
    schema["anyOf"] = [{"required": ["source"]}, {"required": ["source_file"]}]


class FeedConfig(PerFeed):
    """One feed: its source, and its options that differ from the defaults."""

    model_config = ConfigDict(json_schema_extra=_allow_either_source)

    source: Annotated[kind.SecretSource, kind.source()] = Field(
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
