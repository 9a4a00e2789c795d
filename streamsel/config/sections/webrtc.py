"""Options of WebRTC, for feeds with the source ``whip`` or ``whep+https://``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self, TypeAlias

from pydantic import Field, SecretStr, model_validator

from streamsel.config import fields as kind
from streamsel.config import numbers
from streamsel.config.sections.base import NAME, FilePath, Name, Section, Text

IceUrl: TypeAlias = Annotated[
    str,
    kind.text(
        "stun:HOST[:PORT], or turn:HOST[:PORT][?transport=tcp]",
        r"(?:stuns?:[^\s/?@]+|turns?:[^\s/?@]+(?:\?transport=(?:udp|tcp))?)",
    ),
]


class IceServerConfig(Section):
    """A STUN or TURN server, which lets peers behind NAT connect."""

    url: IceUrl = Field(description="address: stun:HOST:PORT or turn:HOST:PORT")
    username: Text | None = Field(default=None, description="user name at a TURN server")
    credential: SecretStr | None = Field(
        default=None, description="password; better: credential_file, or ${NAME}"
    )
    credential_file: FilePath | None = Field(
        default=None, description="file with the password, read at the start"
    )

    @model_validator(mode="after")
    def _require_one_credential(self) -> Self:
        if self.credential is not None and self.credential_file is not None:
            kind.refuse("give either credential or credential_file, not both")
        return self


class WebRtcConfig(Section):
    """WebRTC: senders that connect to us (WHIP), and servers that we connect to (WHEP)."""

    ice_servers: Mapping[Name, IceServerConfig] = Field(
        default={},
        description="STUN and TURN servers by any name; none: no third party is contacted",
        json_schema_extra={"propertyNames": {"pattern": f"^{NAME}$"}},
    )
    max_peers: Annotated[int, numbers.whole(1, 1000)] = Field(
        default=16, description="maximum number of connected senders"
    )
    max_session: Annotated[float, numbers.seconds(1)] | None = Field(
        default=None,
        description="maximum length of a sender's session; null: unlimited",
    )
