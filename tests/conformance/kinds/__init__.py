"""Every kind of stream that is tested."""

from __future__ import annotations

from tests.conformance.kind import Kind
from tests.conformance.kinds import colour, h264, hevc, joins, mpeg, others, timestamps, vpx

KINDS: tuple[Kind, ...] = (
    *h264.KINDS,
    *hevc.KINDS,
    *vpx.KINDS,
    *mpeg.KINDS,
    *others.KINDS,
    *colour.KINDS,
    *timestamps.KINDS,
    *joins.KINDS,
)
