"""The values of options that are one of a few words: the same words for every layer."""

from __future__ import annotations

from typing import Literal, TypeAlias

Method: TypeAlias = Literal["online", "two-pass", "random", "uniform"]
"""How frames are chosen."""

Calibration: TypeAlias = Literal["held-back", "on-the-way"]
"""When the near-duplicate distance is calibrated: before the first frame is decided, or while
frames are decided."""

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
