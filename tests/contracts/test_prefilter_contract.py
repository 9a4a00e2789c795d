"""What every prefilter and every watch of a view does: decisions depend on the frames alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.frame import Frame, PrefilteredFrame, View
from streamsel.interfaces.prefilter import Prefilter, ViewWatch
from streamsel.prefilter.options import PrefilterOptions
from streamsel.prefilter.prefilter import FramePrefilter
from streamsel.prefilter.view_watch import CameraWatch
from tests.contracts.implementations import implementations
from tests.prefilter.thumbnailers import PlainEye, shown, textured

PREFILTERS: dict[str, Callable[[], Prefilter]] = {
    "FramePrefilter": lambda: FramePrefilter(
        PlainEye(), View(16), PrefilterOptions(calibration=3, freeze_seconds=0.2)
    ),
}
WATCHES: dict[str, Callable[[], ViewWatch]] = {
    "CameraWatch": lambda: CameraWatch(PlainEye()),
}

SCENES = [textured(1), textured(2), np.full((64, 64), 16, np.uint8), textured(1)]
STREAMS = st.lists(st.tuples(st.integers(0, len(SCENES) - 1), st.integers(1, 7)), max_size=6)


def frames_of(script: list[tuple[int, int]]) -> list[Frame]:
    return shown([SCENES[scene] for scene, times in script for _ in range(times)])


def told(prefiltered: PrefilteredFrame) -> tuple[object, ...]:
    state = prefiltered.state
    return (
        *(prefiltered.frame.key, prefiltered.refusal, prefiltered.digest, prefiltered.sharpness),
        *(prefiltered.thumbnail is None, state.passed, state.still_since, state.rows_digest),
    )


def test_every_prefilter_is_here() -> None:
    assert implementations(Prefilter) == PREFILTERS.keys()
    assert implementations(ViewWatch) == WATCHES.keys()


@pytest.mark.parametrize("name", PREFILTERS)
@settings(deadline=None, max_examples=40)
@given(script=STREAMS, data=st.data())
def test_it_goes_on_after_any_frame_as_if_it_had_never_stopped(
    name: str, script: list[tuple[int, int]], data: st.DataObject
) -> None:
    frames = frames_of(script)
    prefilter = PREFILTERS[name]()
    whole = [prefilter.check(frame) for frame in frames]
    for one in whole:
        assert (one.thumbnail is None) == (one.refusal is not None)
    if not frames:
        return
    at = data.draw(st.integers(1, len(frames)))
    again = PREFILTERS[name]()
    passed = [one.digest for one in whole[:at] if one.refusal is None]
    again.resume(whole[at - 1].state, passed[-again.memory :])
    assert [told(again.check(frame)) for frame in frames[at:]] == [told(one) for one in whole[at:]]


@pytest.mark.parametrize("name", WATCHES)
@settings(deadline=None, max_examples=20)
@given(script=STREAMS)
def test_a_watch_says_the_same_of_the_same_frames(name: str, script: list[tuple[int, int]]) -> None:
    def faults() -> list[object]:
        prefilter, watch = PREFILTERS["FramePrefilter"](), WATCHES[name]()
        return [watch.check(prefilter.check(frame)) for frame in frames_of(script)]

    assert faults() == faults()
