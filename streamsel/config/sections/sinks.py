"""Options of the sinks: folder, MQTT, and how pictures are encoded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self, TypeAlias

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from streamsel.config import fields as kind
from streamsel.config import numbers
from streamsel.config.options import Durability, ImageFormat
from streamsel.config.sections.base import FilePath, Section, Text
from streamsel.pixels.size import PictureSize

Topic: TypeAlias = Annotated[
    str,
    kind.text(
        "words parted by single slashes, without + and #, not beginning with $",
        r"(?!\$)[^+#/]+(?:/[^+#/]+)*",
    ),
]


class PicturesConfig(Section):
    """How kept pictures are encoded, once for all sinks."""

    format: ImageFormat = Field(default="jpg", description="of the files and messages")
    quality: Annotated[int, numbers.whole(1, 100)] | None = Field(
        default=None, description="1 to 100; null: 90 for jpg, 80 for webp and avif; png takes none"
    )
    size: Annotated[PictureSize, kind.size_px()] | None = Field(
        default=None,
        description="fit into 640x360, or to one side of it (640x, x360); 640x360! stretches to"
        " exactly that; null: as it comes",
    )
    keep_pixels: bool = Field(
        default=False, description="as stored, even where pixels are not square"
    )
    keep_hdr: bool = Field(
        default=False, description="HDR is not made SDR: png of 16 bits, or avif of 10"
    )

    @model_validator(mode="after")
    def _require_format_that_can(self) -> Self:
        if self.format == "png" and self.quality is not None:
            kind.refuse("quality cannot be set for png, which keeps every pixel exactly")
        if self.keep_hdr and self.format not in ("png", "avif"):
            kind.refuse(f"{self.format} cannot keep HDR; write png or avif")
        if self.format == "avif" and not self.keep_hdr:
            kind.refuse("avif is for keeping HDR; set keep_hdr too, or write another format")
        return self


class DiskConfig(Section):
    """Kept frames in a folder, with the record of all that was decided."""

    path: FilePath = Field(
        default=Path("kept"),
        validate_default=True,
        description="the folder; made where there is none",
    )
    max_bytes: Annotated[int, numbers.size_bytes(1_000_000)] | None = Field(
        default=None, description="evict the most redundant frames above this; null: no limit"
    )
    durability: Durability = Field(
        default="strict",
        description="strict: a power cut loses nothing; batched: at most the last second",
    )
    history: Annotated[int, numbers.whole(0, 1_000_000_000)] = Field(
        default=100_000,
        description="verdicts that are remembered of frames that are not kept, the newest",
    )


class MqttTlsConfig(Section):
    """An encrypted connection. The broker's certificate and its name are always checked."""

    ca_file: FilePath | None = Field(
        default=None, description="PEM file of the authorities to trust; null: those of the system"
    )
    cert_file: FilePath | None = Field(
        default=None, description="our own certificate (PEM), where the broker asks for one"
    )
    key_file: FilePath | None = Field(
        default=None, description="its key (PEM), without a passphrase"
    )

    @model_validator(mode="after")
    def _require_pair(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            kind.refuse("give cert_file and key_file together, or neither")
        return self


PageAddress: TypeAlias = Annotated[
    str, kind.text("an address of http or https", r"https?://[^\s/@]+(/\S*)?")
]


class DiscoveryConfig(Section):
    """Home Assistant finds the feeds by itself."""

    prefix: Topic = Field(default="homeassistant", description="Home Assistant's discovery prefix")
    page: PageAddress | None = Field(
        default=None,
        description="where browsers reach the live page, like https://box:9464; null: by the name "
        "of this machine, where the service listens for others",
    )


def _read_discovery(value: object) -> object:
    """``true`` and ``false`` stand for a section and for none."""
    word = str(value).strip().lower()
    if word in ("true", "yes", "on"):
        return {}
    return None if word in ("false", "no", "off") else value


def _also_a_switch(schema: dict[str, Any]) -> None:
    schema["anyOf"].append({"type": "boolean"})


class MqttConfig(Section):
    """Events and pictures to an MQTT broker, through an outbox on disk."""

    host: Annotated[str, kind.text("name or address of a broker", r"[^\s/@]+")] = Field(
        description="the broker"
    )
    tls: MqttTlsConfig | None = Field(
        default=None, description="encrypt the connection; null: do not"
    )
    port: Annotated[int, numbers.whole(1, 65_535)] = Field(
        default_factory=lambda read: 1883 if read.get("tls") is None else 8883,
        description="1883, or with tls 8883, where none is given",
    )
    username: Text | None = Field(default=None, description="who we are to the broker")
    password: SecretStr | None = Field(
        default=None, description="better: password_file, or ${NAME}"
    )
    password_file: FilePath | None = Field(
        default=None, description="file with the password, read at each connection"
    )
    prefix: Topic = Field(
        default="streamsel", description="begins every topic; no other service may use the same"
    )
    client_id: Text | None = Field(default=None, description="null: made of prefix and host name")
    discovery: Annotated[DiscoveryConfig | None, BeforeValidator(_read_discovery)] = Field(
        default=None,
        description="announce the feeds to Home Assistant: true, or with its prefix",
        json_schema_extra=_also_a_switch,
    )
    max_bytes: Annotated[int, numbers.size_bytes(1 << 20)] = Field(
        default=1_000_000_000, description="most that may wait on disk for the broker"
    )
    durability: Durability = Field(
        default="strict",
        description="strict: what waits survives a power cut; batched: but for the last second",
    )

    @model_validator(mode="after")
    def _require_credentials(self) -> Self:
        if self.password is not None and self.password_file is not None:
            kind.refuse("give either password or password_file, not both")
        if self.username is None and (self.password or self.password_file):
            kind.refuse("a password needs a username")
        return self


class Sinks(Section):
    """Where kept frames go; null switches one off."""

    disk: DiskConfig | None = Field(
        default={}, validate_default=True, description="a folder of this machine"
    )
    mqtt: MqttConfig | None = Field(default=None, description="an MQTT broker")
