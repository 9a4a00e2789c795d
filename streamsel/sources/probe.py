"""Probes a live feed: codec, size, frame rate and keyframe interval."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from streamsel.clock import Clock
from streamsel.redaction import redact
from streamsel.sources.live.connection import Connection, LiveOptions

LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Properties of a feed. None: not declared, or not enough was received.

    ``width`` and ``height`` are those of the first picture, in pixels, as sent. ``measured_fps``
    and ``keyframe_interval`` (the longest seen, in seconds) use the sender's clock if its
    timestamps are good, else ours. ``first_picture`` is the time from the call to that picture in
    seconds.
    """

    address: str
    codec: str
    width: int
    height: int
    declared_fps: float | None
    measured_fps: float | None
    keyframe_interval: float | None
    timestamps_fine: bool
    first_picture: float


@dataclass(frozen=True, slots=True)
class _Picture:
    media_time: float
    received: float
    is_keyframe: bool


def probe(
    address: str, options: LiveOptions, clock: Clock, *, seconds: float = LOOK_SECONDS
) -> Probe:
    """Connect, receive for ``seconds`` from the first picture on, and return the properties.

    Raises :class:`SourceError` if the feed cannot be opened, or is lost during the probe.
    """
    began = clock.monotonic()
    masked = redact(address)
    with Connection(masked, address, options, clock) as connection:
        timeline = connection.timeline()
        size: tuple[int, int] | None = None
        pictures: list[_Picture] = []
        for image in connection.images():
            size = size or (image.width, image.height)
            media_time = timeline.stamp(image.pts, image.time_base or connection.time_base)
            pictures.append(_Picture(media_time, clock.monotonic(), image.key_frame))
            if pictures[-1].received - pictures[0].received >= seconds:
                break
        # There is a picture: images() ends only by raising.
        width, height = size or (0, 0)
        is_fine = (
            connection.tells_time and timeline.jumps == 0 and 2 * timeline.missing < len(pictures)
        )
        times = [one.media_time if is_fine else one.received for one in pictures]
        return Probe(
            address=masked,
            codec=connection.codec,
            width=width,
            height=height,
            declared_fps=None if connection.rate is None else float(connection.rate),
            measured_fps=_rate(times),
            keyframe_interval=_longest_step(
                [at for at, one in zip(times, pictures, strict=True) if one.is_keyframe]
            ),
            timestamps_fine=is_fine,
            first_picture=pictures[0].received - began,
        )


def _rate(times: list[float]) -> float | None:
    lasts = times[-1] - times[0]
    return (len(times) - 1) / lasts if lasts > 0 else None


def _longest_step(times: list[float]) -> float | None:
    return max((b - a for a, b in pairwise(times)), default=None)
