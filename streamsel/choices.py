"""The values of options that are one of a few words: the same words for every layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, get_args

from streamsel.errors import ConfigurationError

Method: TypeAlias = Literal["online", "two-pass", "random", "uniform"]
"""How frames are chosen."""

Calibration: TypeAlias = Literal["held-back", "on-the-way"]
"""When the near-duplicate distance is calibrated: before the first frame is decided, or while
frames are decided."""

NearDuplicate: TypeAlias = float | Literal["auto"]
"""The near-duplicate distance; ``auto``: measured from the feed's noise."""

ChangeWeight: TypeAlias = Literal["auto", "on", "off"]
"""Whether frames count by what changes in front of the camera: if it is fixed, always, or never."""

Decode: TypeAlias = Literal["all", "fast", "reference", "keyframes", "adaptive"]
"""Decode every frame; every frame, without the loop filter; reference frames; keyframes; or all
frames of GOPs with activity, and the keyframes of the others."""

FeedDecode: TypeAlias = Literal["all", "reference", "keyframes"]
"""How live feeds are decoded."""

Transport: TypeAlias = Literal["tcp", "udp"]
"""How RTSP video travels."""

ImageFormat: TypeAlias = Literal["jpg", "png", "webp", "avif"]
"""How kept pictures are encoded."""

Durability: TypeAlias = Literal["strict", "batched"]
"""Whether a power cut may lose the last second of what was stored."""

MEDIA_TYPES: Mapping[str, str] = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
}
"""The media type of each image format."""

ShowProgress: TypeAlias = bool | Literal["auto"]
"""Whether progress is shown; ``auto``: in notebooks."""


def require_choice(name: str, given: object, choices: Any) -> None:
    """Check an option against its ``Literal``.

    >>> require_choice("transport", "udp", Transport)

    Raises:
        ConfigurationError: It is another word.
    """
    if given not in get_args(choices):
        raise ConfigurationError(
            f"{name} is {given!r}; it must be one of {', '.join(get_args(choices))}"
        )
