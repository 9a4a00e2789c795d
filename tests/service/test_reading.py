"""What HTTP is told of the frames in a record, read in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from operator import methodcaller
from pathlib import Path
from typing import TypeVar

import pytest

from streamsel.decisions import Kept
from streamsel.frame import FrameKey
from streamsel.http.control import Position
from streamsel.runtime.service_run import LivePipeline
from streamsel.runtime.worker import Worker
from streamsel.service.controls import HttpControl
from streamsel.service.operations import Operations
from tests.sinks.live_streams import frame, judged, opened, verdict
from tests.stand_ins import as_a

T = TypeVar("T")

KEYS = [FrameKey("gate", index) for index in range(4)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three kept frames: beside none, beside one that is not kept, and beside the second."""
    sink = opened(tmp_path)
    for index, nearest in ((1, None), (2, KEYS[0]), (3, KEYS[2])):
        distance = None if nearest is None else 0.25
        event = Kept(frame(index), distance, nearest, 0.1, "novel")
        made = verdict(frame(index), "kept")
        sink.apply(judged(replace(made, distance=distance, nearest=nearest, events=(event,))))
    sink.select_into(["yard"])
    sink.close()
    return tmp_path


def answer(folder: Path, ask: Callable[[HttpControl], Awaitable[T]]) -> T:
    async def asked() -> T:
        async with Worker("reading") as reading:
            control = HttpControl(as_a(Operations, None), as_a(LivePipeline, None), folder, reading)
            return await ask(control)

    return asyncio.run(asked())


def test_the_newest_frames_come_first_and_a_page_after_another(folder: Path) -> None:
    first = answer(folder, lambda control: control.frames(None, 2, None))
    assert [view.key for view in first] == [KEYS[3], KEYS[2]]
    last = first[-1]
    place = Position(last.wall_time, last.key.feed, last.key.index)
    rest = answer(folder, lambda control: control.frames("gate", 9, place))
    assert [view.key for view in rest] == [KEYS[1]]
    assert answer(folder, lambda control: control.frames("yard", 9, None)) == []


def test_frames_are_found_by_key_and_by_path(folder: Path) -> None:
    (found,) = answer(folder, lambda control: control.find([KEYS[2], KEYS[0]]))
    assert found.key == KEYS[2]
    assert answer(folder, lambda control: control.claims(found.picture.path)) is True
    assert answer(folder, lambda control: control.claims("frames/gate/other.jpg")) is False


def test_why_a_frame_was_kept_is_put_in_words(folder: Path) -> None:
    told = [answer(folder, methodcaller("explain", key)) for key in KEYS]
    assert told[0] is None
    why = "It was kept because no kept frame was within the threshold: "
    near = "was at a distance of 0.250."
    assert [None if one is None else one.words for one in told[1:]] == [
        f"{why}there was none to compare it with.",
        f"{why}the nearest, gate-000000, {near} That frame is not kept any more.",
        f"{why}the nearest, gate-000002, {near}",
    ]
    assert told[3] is not None
    assert told[3].nearest is not None
    assert told[3].nearest.key == KEYS[2]


def test_what_is_left_of_removed_feeds_is_listed(folder: Path) -> None:
    (gone,) = answer(folder, lambda control: control.gone())
    assert (gone.scope, gone.frames) == ("gate", 3)
