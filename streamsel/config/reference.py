"""Generates the tables of options: ``python -m streamsel.config.reference PAGE``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from streamsel.config.fields import Kind
from streamsel.config.schema import Config
from streamsel.config.sections.base import Section, meaning_of
from streamsel.config.sections.feeds import (
    ClipConfig,
    Defaults,
    FeedConfig,
    PerFeed,
    PrefilterConfig,
)
from streamsel.config.sections.service import ServiceConfig, ServiceTlsConfig
from streamsel.config.sections.sinks import (
    DiscoveryConfig,
    DiskConfig,
    MqttConfig,
    MqttTlsConfig,
    PicturesConfig,
    Sinks,
)
from streamsel.config.sections.webrtc import IceServerConfig, WebRtcConfig
from streamsel.json_text import json_text

_BEGIN = "<!-- options -->\n"
_END = "<!-- end of options -->\n"

# Every section, in the order of the page, with the title it has there.
_SECTIONS: tuple[tuple[str, type[Section]], ...] = (
    ("The whole file", Config),
    ("`feeds.NAME`", FeedConfig),
    ("`defaults` and `feeds.NAME`", PerFeed),
    ("`defaults`", Defaults),
    ("`defaults.prefilter` and `feeds.NAME.prefilter`", PrefilterConfig),
    ("`defaults.clip` and `feeds.NAME.clip`", ClipConfig),
    ("`pictures`", PicturesConfig),
    ("`sinks`", Sinks),
    ("`sinks.disk`", DiskConfig),
    ("`sinks.mqtt`", MqttConfig),
    ("`sinks.mqtt.tls`", MqttTlsConfig),
    ("`sinks.mqtt.discovery`", DiscoveryConfig),
    ("`webrtc`", WebRtcConfig),
    ("`webrtc.ice_servers.NAME`", IceServerConfig),
    ("`service`", ServiceConfig),
    ("`service.tls`", ServiceTlsConfig),
)


def with_tables(page: str) -> str:
    """Return the page with the current tables between its two markers."""
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError(f"the page lacks {_BEGIN} and {_END}")
    tables = "\n".join(line for title, section in _SECTIONS for line in _table(title, section))
    return f"{before}{begin}\n{tables}{end}{after}"


def _table(title: str, section: type[Section]) -> Iterator[str]:
    told = (section.__doc__ or "").partition("\n")[0].replace("``", "`")
    yield from (f"### {title}", "", told, "")
    yield from ("| key | value | default | meaning |", "|---|---|---|---|")
    inherited = set() if section is PerFeed else set(PerFeed.model_fields)
    for name, field in section.model_fields.items():
        if name not in inherited:
            cells = (f"`{name}`", value_of(field), _default(field), meaning_of(field))
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""


def value_of(field: FieldInfo) -> str:
    """Return the valid values of a field, in words.

    Raises TypeError for a type without words.
    """
    for part in _parts(field):
        if isinstance(part, Kind):
            return part.told
        if get_origin(part) is Literal:
            return ", ".join(f"`{choice}`" for choice in get_args(part))
        if part is bool:
            return "`true` or `false`"
        if part is SecretStr:
            return "secret text"
        if isinstance(part, type) and issubclass(part, Section):
            return "keys, see below"
    raise TypeError(f"no words for {field.annotation}")


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "see there"
    if field.is_required():
        return "must be given"
    if field.default == {}:
        return "its defaults"
    if field.default is None or isinstance(field.default, bool):
        return f"`{json_text(field.default)}`"
    kinds = [part for part in _parts(field) if isinstance(part, Kind)]
    return f"`{kinds[0].write(field.default) if kinds else field.default}`"


def _parts(field: FieldInfo) -> Iterator[Any]:
    """Yield all parts of an annotation, except the keys of mappings."""
    yield from field.metadata
    waiting: list[Any] = [field.annotation]
    while waiting:
        part = waiting.pop()
        yield part
        yield from getattr(part, "__metadata__", ())
        if get_origin(part) is not Literal:
            waiting += get_args(part)[1:] if get_origin(part) is Mapping else get_args(part)


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(with_tables(file.read_text()))
