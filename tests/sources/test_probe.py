"""What a probe says of a feed that it received some pictures of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from types import SimpleNamespace
from typing import TypeAlias

import pytest

from streamsel.sources import probe as module
from streamsel.sources.decode.timestamps import CONTINUOUS_STEP, Timeline
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.probe import Probe, probe

MILLISECONDS = Fraction(1, 1000)


Pictures: TypeAlias = list[tuple[int | None, float, bool]]


class Hand:
    """A clock that tests move."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now


class Sent:
    """A connection that sends pictures: (pts, seconds until the next, whether it is a keyframe)."""

    codec, time_base = "h264", MILLISECONDS

    def __init__(self, clock: Hand, sent: Pictures, rate: Fraction | None, tells: bool) -> None:
        self._clock = clock
        self._sent = sent
        self.rate, self.tells_time = rate, tells

    def __enter__(self) -> Sent:
        self._clock.now += 0.5
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def timeline(self) -> Timeline:
        return Timeline(self.rate, CONTINUOUS_STEP)

    def images(self) -> Iterator[SimpleNamespace]:
        for number, (pts, pause, key_frame) in enumerate(self._sent):
            side = 320 if number == 0 else 640
            yield SimpleNamespace(
                pts=pts, time_base=None, width=side, height=side // 2, key_frame=key_frame
            )
            self._clock.now += pause
        raise AssertionError("it looked for too long")


@pytest.fixture
def probed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Probe]:
    def run(
        sent: Pictures,
        seconds: float = 1.0,
        rate: Fraction | None = Fraction(25),
        tells_time: bool = True,
    ) -> Probe:
        clock = Hand()
        connection = Sent(clock, sent, rate, tells_time)
        monkeypatch.setattr(module, "Connection", lambda *_: connection)
        return probe("rtsp://me:secret@host/main", LiveOptions(), clock, seconds=seconds)

    return run


def test_it_looks_as_long_as_asked_and_says_what_came_first(probed: Callable[..., Probe]) -> None:
    found = probed([(40 * n, 0.125, n % 4 == 0) for n in range(9)])
    assert (found.width, found.height, found.codec) == (320, 160, "h264")
    assert found.first_picture == 0.5
    assert found.declared_fps == 25.0
    assert "secret" not in found.address


def test_good_timestamps_are_believed(probed: Callable[..., Probe]) -> None:
    found = probed([(40 * n, 0.125, n % 4 == 0) for n in range(9)])
    assert found.timestamps_fine
    assert found.measured_fps == pytest.approx(25)
    assert found.keyframe_interval == pytest.approx(0.16)


def test_the_longest_interval_between_keyframes_is_said(probed: Callable[..., Probe]) -> None:
    keys = {0, 1, 6, 8}
    found = probed([(40 * n, 0.125, n in keys) for n in range(9)])
    assert found.keyframe_interval == pytest.approx(0.2)


@pytest.mark.parametrize("keys", [set(), {3}])
def test_fewer_than_two_keyframes_have_no_interval(
    probed: Callable[..., Probe], keys: set[int]
) -> None:
    assert probed([(40 * n, 0.125, n in keys) for n in range(9)]).keyframe_interval is None


@pytest.mark.parametrize(
    ("times", "facts"),
    [
        ([None] * 9, {}),
        ([9_000_000, 9_000_040, 9_000_080, *range(0, 240, 40)], {}),
        ([40 * n for n in range(9)], {"tells_time": False}),
    ],
)
def test_what_a_sender_does_not_tell_well_is_measured_here(
    probed: Callable[..., Probe], times: list[int | None], facts: dict[str, bool]
) -> None:
    found = probed([(pts, 0.125, n % 4 == 0) for n, pts in enumerate(times)], **facts)
    assert not found.timestamps_fine
    assert found.measured_fps == pytest.approx(8)
    assert found.keyframe_interval == pytest.approx(0.5)


def test_a_single_picture_has_no_rate(probed: Callable[..., Probe]) -> None:
    found = probed([(0, 0.0, True)], seconds=0.0, rate=None)
    assert (found.measured_fps, found.declared_fps) == (None, None)
