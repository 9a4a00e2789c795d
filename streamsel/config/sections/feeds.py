"""Options of one feed, and the defaults for all feeds."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import ConfigDict, Field, model_validator

from streamsel.config import fields as kind
from streamsel.config import numbers
from streamsel.config.count import Count
from streamsel.config.options import DEFAULT_COUNT, MOST_FPS
from streamsel.config.sections.base import FilePath, Name, Section, Text
from streamsel.config.settings import Decode, Transport

_Timeout: TypeAlias = Annotated[float, numbers.seconds(0.1, 600)]
_Level: TypeAlias = Annotated[float, numbers.number(0, 255)]
_Unit: TypeAlias = Annotated[float, numbers.number(0, 1)]


class PrefilterConfig(Section):
    """What is refused before the network looks; null or false switches a check off."""

    corrupt: bool = Field(default=True, description="refuse what the decoder calls damaged")
    black_share: _Unit | None = Field(
        default=0.98, description="refuse a picture of which this share is darker than black_level"
    )
    black_level: Annotated[int, numbers.whole(0, 255)] = Field(
        default=32, description="grey level below which a cell of the picture counts as black"
    )
    uniform_share: _Unit | None = Field(
        default=0.975,
        description="refuse a picture of which this share of rows has one single value",
    )
    exact_duplicates: bool = Field(
        default=True, description="refuse a picture whose very pixels were seen before"
    )
    freeze_seconds: Annotated[float, numbers.seconds(0)] | None = Field(
        default=2.0, description="refuse a picture that has not changed at all for longer than this"
    )
    unchanged_mean: _Level | None = Field(
        default=1.0, description="refuse a picture that differs by fewer grey levels in the mean"
    )
    unchanged_cell: Annotated[int, numbers.whole(0, 256)] = Field(
        default=7, description="and by fewer grey levels than this in every cell"
    )
    calibration: Annotated[int, numbers.whole(0, 1_000_000)] = Field(
        default=100,
        description="frames before which none is refused as unchanged: they tell the noise",
    )
    min_sharpness: _Unit | None = Field(
        default=0.01,
        description="refuse a picture less sharp than this; ordinary footage is above 0.2",
    )


class ClipConfig(Section):
    """A short video around each kept frame, beside its picture."""

    before: Annotated[float, numbers.seconds(0, 600)] = Field(
        default=2.0, description="how much before the frame"
    )
    after: Annotated[float, numbers.seconds(0.1, 600)] = Field(
        default=3.0, description="how much after the frame"
    )


class PerFeed(Section):
    """What can be set for all feeds under ``defaults``, and for each one by itself."""

    enabled: bool = Field(
        default=True, description="whether the feed is read; can be switched later"
    )
    group: Name | None = Field(
        default=None,
        description="feeds of one group share one set of kept frames, so must want the same",
    )
    count: Annotated[Count, kind.frames()] | None = Field(
        default=None,
        description=f"most frames to keep; {DEFAULT_COUNT} where neither count nor share is given",
    )
    share: Annotated[float, numbers.share()] | None = Field(
        default=None,
        description="keep about this share of all frames, instead of a count: 0.2 or 20%",
    )
    window: Annotated[float, numbers.seconds(1)] | None = Field(
        default=None, description="give up what was not seen again for so long; null: never"
    )
    min_distance: Annotated[float, numbers.number(0, 2)] = Field(
        default=0.0, description="no two kept frames closer than this distance of embeddings"
    )
    near_duplicate: Annotated[float | Literal["auto"], numbers.floor(2)] = Field(
        default="auto",
        description="distance up to which a frame repeats a kept one; auto measures the noise",
    )
    look_ahead: Annotated[int, numbers.whole(1, 1024)] = Field(
        default=1, description="frames weighed together; 1 decides at once"
    )
    transport: Transport = Field(default="tcp", description="how RTSP carries the video")
    open_timeout: _Timeout = Field(
        default=5.0, description="give up a connection that takes longer"
    )
    read_timeout: _Timeout = Field(
        default=5.0, description="give up a session that is silent for longer"
    )
    down_after: _Timeout = Field(
        default=10.0, description="report the feed down when no picture has come for so long"
    )
    interval: Annotated[float, numbers.seconds(0.1, 86400)] = Field(
        default=1.0, description="ask a snapshot+http source for a picture so often"
    )
    tls_ca_file: FilePath | None = Field(
        default=None, description="PEM file of the authorities to trust for rtsps and https"
    )
    decode: Decode = Field(
        default="all",
        description="decode every frame, only those others refer to, or keyframes alone",
    )
    fps: Annotated[float, numbers.number(above=0, most=MOST_FPS)] | None = Field(
        default=None, description="look at no more than so many frames a second; null: at all"
    )
    vf: Text | None = Field(
        default=None,
        description="an ffmpeg filter chain before all else, like crop=640:360:0:0; this build "
        "lacks eq, boxblur, drawtext, delogo, hqdn3d, mpdecimate and zscale",
    )
    mask: Annotated[tuple[str, ...], kind.masks()] = Field(
        default=(),
        description="areas of the upright picture that nobody may see; hidden before all else",
    )
    prefilter: PrefilterConfig = Field(
        default={}, validate_default=True, description="what is refused unseen"
    )
    clip: ClipConfig | None = Field(
        default=None, description="a short video around each kept frame"
    )

    @model_validator(mode="after")
    def _require_one_budget(self) -> Self:
        if self.count is not None and self.share is not None:
            kind.refuse("give either count or share, not both")
        return self


class Defaults(PerFeed):
    """What holds for every feed that says nothing else, and the network that looks at all."""

    embedder: Text = Field(
        default="builtin", description="name of the network, see: streamsel embedders"
    )
    weights: FilePath | None = Field(default=None, description="file of other weights for it")
    device: Annotated[
        str, kind.text("auto, cpu, cuda or cuda:N", r"auto|cpu|cuda(?::\d{1,3})?")
    ] = Field(default="auto", description="where the network runs")


def _either_source(schema: dict[str, Any]) -> None:
    schema["required"].remove("source")
    schema["anyOf"] = [{"required": ["source"]}, {"required": ["source_file"]}]


class FeedConfig(PerFeed):
    """One feed: where it comes from, and what differs from the defaults."""

    model_config = ConfigDict(json_schema_extra=_either_source)

    source: Annotated[kind.SecretSource, kind.source()] = Field(
        description="URL (rtsp, rtsps, http, https, whep+https, snapshot+http, ...) or device "
        "of the feed; file:clip.mp4?pace=1: a file; whip: it waits for a sender over WebRTC"
    )
    display_name: Text | None = Field(
        default=None,
        description="what people call the feed, in any script; null: as it is named",
    )
    source_file: FilePath | None = Field(
        default=None,
        description="file whose one line is the source, all of it a secret; in its place",
    )
