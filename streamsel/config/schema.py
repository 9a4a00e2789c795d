"""The configuration of a service, as frozen models that check themselves.

:meth:`Config.feed` returns the settings of a feed with all defaults merged; the other sections are
used as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self, TypeAlias

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from streamsel.config.conflicts import conflicts
from streamsel.config.count import Count
from streamsel.config.definitions import DEFAULT_COUNT
from streamsel.config.sections.base import Name, Section
from streamsel.config.sections.feeds import Defaults, FeedConfig, PerFeed
from streamsel.config.sections.service import ServiceConfig
from streamsel.config.sections.sinks import PicturesConfig, Sinks
from streamsel.config.sections.webrtc import WebRtcConfig
from streamsel.config.settings import (
    ClipSettings,
    FeedSettings,
    has_packets,
    is_decoded_here,
)
from streamsel.prefilter.options import PrefilterOptions

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]


class Config(Section):
    """The whole configuration."""

    log_level: LogLevel = Field(default="info", description="minimum severity of logged messages")
    defaults: Defaults = Field(
        default={}, validate_default=True, description="options of every feed"
    )
    feeds: Mapping[Name, FeedConfig] = Field(
        min_length=1,
        description="the feeds by name; folders and topics use letters and digits of it",
        json_schema_extra={"propertyNames": {"pattern": "^[^/:]{1,200}$"}},
    )
    pictures: PicturesConfig = Field(
        default={}, validate_default=True, description="how pictures are encoded"
    )
    sinks: Sinks = Field(
        default={}, validate_default=True, description="destinations of kept frames"
    )
    webrtc: WebRtcConfig = Field(
        default={}, validate_default=True, description="connections of WebRTC feeds"
    )
    service: ServiceConfig | None = Field(
        default={}, validate_default=True, description="the HTTP server; null: none"
    )

    def feed(self, name: str) -> FeedSettings:
        """Return the settings of a feed, defaults merged. Raises KeyError for unknown feeds."""
        return _settings(name, self.merged(name))

    def merged(self, name: str) -> FeedConfig:
        """Return the section of a feed, defaults merged. Raises KeyError for unknown feeds."""
        return _merged(self.feeds[name], self.defaults)

    @model_validator(mode="after")
    def _require_agreement(self) -> Self:
        found = conflicts([self.feed(name) for name in self.feeds], self.sinks.disk is not None)
        if found:
            told = "; ".join(one.message for one in found)
            raise PydanticCustomError("conflicts", "{told}", {"told": told, "conflicts": found})
        return self


def _merged(feed: FeedConfig, defaults: Defaults) -> FeedConfig:
    values = {field: _either(feed, defaults, field) for field in PerFeed.model_fields}
    # These defaults do not apply to sources that send only pictures.
    source = feed.source.get_secret_value()
    if "clip" not in feed.model_fields_set and not has_packets(source):
        values["clip"] = None
    if "decode" not in feed.model_fields_set and not is_decoded_here(source):
        values["decode"] = "all"
    says_budget = feed.count is not None or feed.share is not None
    budget: PerFeed = feed if says_budget else defaults
    values["count"], values["share"] = budget.count, budget.share
    if budget.count is None and budget.share is None:
        values["count"] = Count(DEFAULT_COUNT)
    return FeedConfig.model_construct(source=feed.source, display_name=feed.display_name, **values)


def _either(feed: FeedConfig, defaults: Defaults, name: str) -> Any:
    """Return a feed's own value, or else the default; sections are merged key by key."""
    own, common = getattr(feed, name), getattr(defaults, name)
    if name not in feed.model_fields_set:
        return common
    if isinstance(own, Section) and isinstance(common, Section):
        return common.model_copy(update={key: getattr(own, key) for key in own.model_fields_set})
    return own


def _settings(name: str, merged: FeedConfig) -> FeedSettings:
    count, clip = merged.count, merged.clip
    return FeedSettings(
        **{
            **{field: getattr(merged, field) for field in PerFeed.model_fields},
            "name": name,
            "display_name": merged.display_name or name,
            "source": merged.source.get_secret_value(),
            "count": None if count is None else count.frames,
            "period": None if count is None else count.period,
            "prefilter": PrefilterOptions(**dict(merged.prefilter)),
            "clip": None if clip is None else ClipSettings(**dict(clip)),
        }
    )


def editor_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a configuration file, for editors."""
    schema = Config.model_json_schema()
    return {"$schema": _DIALECT, **schema, "title": "streamsel configuration"}
