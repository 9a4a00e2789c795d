"""Options of the sinks: folder, MQTT, and how pictures are encoded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self, TypeAlias

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from streamsel.config import definitions as option
from streamsel.config import fields as kind
from streamsel.config import numbers
from streamsel.config.sections.base import FilePath, Name, Section, Text

Topic: TypeAlias = Annotated[
    str,
    kind.text(
        "words separated by single slashes, without + and #, not starting with $",
        r"(?!\$)[^+#/]+(?:/[^+#/]+)*",
    ),
]


class PicturesConfig(Section):
    """How kept pictures are encoded, for all sinks."""

    format: option.Format = "jpg"
    quality: option.Quality | None = None
    size: option.Size | None = None
    keep_pixels: option.KeepPixels = False
    keep_hdr: option.KeepHdr = False

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
    """Kept frames in a folder, with the record of all decisions."""

    path: FilePath = Field(
        default=Path("kept"),
        validate_default=True,
        description="the folder; created if missing",
    )
    max_bytes: option.MaxBytes | None = None
    durability: option.Durability = "strict"
    history: Annotated[int, numbers.whole(0, 1_000_000_000)] = Field(
        default=100_000,
        description="number of verdicts stored for frames that are not kept, newest first",
    )


class MqttTlsConfig(Section):
    """TLS of the MQTT connection. The broker's certificate and host name are always verified."""

    ca_file: FilePath | None = Field(
        default=None,
        description="PEM file of the CAs to trust; null: the system's",
    )
    cert_file: FilePath | None = Field(
        default=None, description="client certificate (PEM), if the broker requires one"
    )
    key_file: FilePath | None = Field(
        default=None, description="private key (PEM), without a passphrase"
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
    """Home Assistant discovery of the feeds."""

    prefix: Topic = Field(default="homeassistant", description="Home Assistant's discovery prefix")
    page: PageAddress | None = Field(
        default=None,
        description="URL of the live page for browsers, like https://box:9464; null: by the name "
        "of this machine, if the service is reachable",
    )


def _read_discovery(value: object) -> object:
    """Convert ``true`` and ``false`` to a section and to none."""
    word = str(value).strip().lower()
    if word in ("true", "yes", "on"):
        return {}
    return None if word in ("false", "no", "off") else value


def _allow_switch(schema: dict[str, Any]) -> None:
    schema["anyOf"].append({"type": "boolean"})


class MqttConfig(Section):
    """Events and pictures sent to an MQTT broker, through an outbox on disk."""

    host: Annotated[str, kind.text("name or address of a broker", r"[^\s/@]+")] = Field(
        description="host name or address of the broker"
    )
    tls: MqttTlsConfig | None = Field(
        default=None, description="encrypt the connection; null: unencrypted"
    )
    port: Annotated[int, numbers.whole(1, 65_535)] = Field(
        default_factory=lambda read: 1883 if read.get("tls") is None else 8883,
        description="default 1883, or 8883 with tls",
    )
    username: Text | None = Field(default=None, description="user name at the broker")
    password: SecretStr | None = Field(
        default=None, description="better: password_file, or ${NAME}"
    )
    password_file: FilePath | None = Field(
        default=None, description="file with the password, read for each connection"
    )
    prefix: Topic = Field(
        default="streamsel", description="prefix of every topic; must be unique per broker"
    )
    client_id: Text | None = Field(
        default=None, description="null: derived from prefix and host name"
    )
    discovery: Annotated[DiscoveryConfig | None, BeforeValidator(_read_discovery)] = Field(
        default=None,
        description="announce the feeds to Home Assistant: true, or its section",
        json_schema_extra=_allow_switch,
    )
    max_bytes: Annotated[int, numbers.size_bytes(1 << 20)] = Field(
        default=1_000_000_000, description="maximum size of the outbox on disk"
    )
    durability: option.Durability = "strict"
    message_expiry: Annotated[float, numbers.seconds(1, 3650 * 86_400)] | None = Field(
        default=None, description="delete messages that are older than this: 24h; null: never"
    )

    @model_validator(mode="after")
    def _require_credentials(self) -> Self:
        if self.password is not None and self.password_file is not None:
            kind.refuse("give either password or password_file, not both")
        if self.username is None and (self.password or self.password_file):
            kind.refuse("a password needs a username")
        return self


class Sinks(Section):
    """Destinations of kept frames; null disables one."""

    disk: DiskConfig | None = Field(
        default={}, validate_default=True, description="a folder on this machine"
    )
    mqtt: MqttConfig | None = Field(default=None, description="an MQTT broker")
    plugins: Mapping[Name, Annotated[dict[str, Any] | None, kind.plugin_options()]] = Field(
        default={}, description="sinks of installed packages by name, each with its options"
    )

    @property
    def added(self) -> dict[str, dict[str, Any]]:
        """The options of each plug-in that is not disabled."""
        return {name: one for name, one in self.plugins.items() if one is not None}
