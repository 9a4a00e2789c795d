"""When a camera is said to be useless, and that ordinary life in front of it is not that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from streamsel.decisions import Fault
from streamsel.frame import View
from streamsel.prefilter.options import PrefilterOptions
from streamsel.prefilter.prefilter import FramePrefilter
from streamsel.prefilter.view_watch import CameraWatch, likeness
from tests.prefilter.test_measures import smeared
from tests.prefilter.thumbnailers import Luma, PlainEye, shown

SIDE = 256
BLACK = np.full((SIDE, SIDE), 16, np.uint8)
GRAY = np.full((SIDE, SIDE), 128, np.uint8)


def scene(seed: int) -> Luma:
    """Things of many sizes on a wall."""
    chance = np.random.default_rng(seed)
    made = np.full((SIDE, SIDE), 90, np.uint8)
    for _ in range(60):
        top, left = chance.integers(0, SIDE - 20, 2)
        high, wide = chance.integers(8, 70, 2)
        made[top : top + high, left : left + wide] = chance.integers(40, 220)
    return made


def noisy(luma: Luma, count: int, level: int = 3) -> Iterator[Luma]:
    """The same picture, a second apart each, as a sensor would see it."""
    chance = np.random.default_rng(5)
    for _ in range(count):
        noise = chance.integers(-level, level + 1, luma.shape)
        yield np.clip(luma.astype(int) + noise, 0, 255).astype(np.uint8)


def faults(pictures: Sequence[Luma], **how: bool) -> list[Fault | None]:
    """What is wrong at each second."""
    thumbnailer = PlainEye()
    watch, prefilter = (
        CameraWatch(thumbnailer),
        FramePrefilter(thumbnailer, View(16), PrefilterOptions()),
    )
    return [watch.check(prefilter.check(frame)) for frame in shown(pictures, fps=1, **how)]


def kinds(pictures: Sequence[Luma], **how: bool) -> list[str]:
    return ["" if fault is None else fault.kind for fault in faults(pictures, **how)]


def runs(told: Sequence[str]) -> list[tuple[str, int]]:
    """Each state and for how many seconds it lasted."""
    found: list[tuple[str, int]] = []
    for one in told:
        if found and found[-1][0] == one:
            found[-1] = one, found[-1][1] + 1
        else:
            found.append((one, 1))
    return found


SCENE = scene(3)
COVERED = (GRAY * 0.5).astype(np.uint8)
MOVED = np.roll(SCENE, SIDE // 5, axis=1)
UNFOCUSED = smeared(SCENE, 25)


@pytest.mark.parametrize(
    ("kind", "picture"), [("covered", COVERED), ("moved", MOVED), ("unfocused", UNFOCUSED)]
)
def test_a_view_that_is_lost_is_told_after_a_minute_and_its_return_soon(
    kind: str, picture: Luma
) -> None:
    told = kinds([*noisy(SCENE, 90), *noisy(picture, 100), *noisy(SCENE, 30)])
    (before, fine), (found, lasted), (after, _) = runs(told)
    assert (before, found, after) == ("", kind, "")
    assert 90 + 60 <= fine <= 90 + 64
    assert fine + lasted == pytest.approx(90 + 100 + 12, abs=2)


def test_what_is_wrong_is_said_in_words() -> None:
    fault = faults([*noisy(SCENE, 90), *noisy(COVERED, 70)])[-1]
    assert fault == Fault(
        "covered", "the camera seems to be covered: its picture has lost nearly all contrast"
    )


@pytest.mark.parametrize(
    ("reason", "picture"), [("black", BLACK), ("frozen, uniform", GRAY), ("frozen", scene(3))]
)
def test_a_feed_of_which_every_picture_is_refused_is_told_after_a_minute(
    reason: str, picture: Luma
) -> None:
    found = faults([*[picture] * 80, *noisy(SCENE, 5)])
    told = ["" if fault is None else fault.kind for fault in found]
    (_, fine), (kind, lasted), (after, _) = runs(told)
    assert (kind, after) == ("refused", "")
    assert 60 <= fine <= 64
    assert fine + lasted == 80
    assert found[79] == Fault("refused", f"every picture for 60 s was refused: {reason}")


def test_damaged_pictures_count_and_so_do_several_reasons() -> None:
    thumbnailer = PlainEye()
    watch, prefilter = (
        CameraWatch(thumbnailer),
        FramePrefilter(thumbnailer, View(16), PrefilterOptions()),
    )
    frames = shown([BLACK] * 70, fps=1)
    frames = [replace(frame, corrupt=frame.key.index % 2 == 0) for frame in frames]
    assert [watch.check(prefilter.check(frame)) for frame in frames][-1] == Fault(
        "refused", "every picture for 60 s was refused: black, corrupt"
    )


def test_one_good_picture_in_a_minute_is_enough() -> None:
    pictures = [*[BLACK] * 50, SCENE] * 4
    assert set(kinds(pictures)) == {""}


def test_a_quiet_scene_is_fine_however_long() -> None:
    assert set(kinds([*noisy(SCENE, 400)])) == {""}


def test_what_passes_within_a_minute_is_no_fault() -> None:
    passing = [*noisy(COVERED, 50), *noisy(SCENE, 20), *noisy(UNFOCUSED, 50), *noisy(SCENE, 20)]
    assert set(kinds([*noisy(SCENE, 90), *passing, *noisy(MOVED, 50), *noisy(SCENE, 9)])) == {""}


def test_dusk_and_a_lamp_are_no_fault() -> None:
    dusk = [next(noisy((SCENE * share).astype(np.uint8), 1)) for share in np.linspace(1, 0.4, 300)]
    lamp = [*noisy(np.clip(SCENE * 1.15, 0, 255).astype(np.uint8), 100)]
    assert set(kinds([*noisy(SCENE, 90), *dusk, *lamp])) == {""}


def test_a_camera_that_turns_by_itself_is_not_said_to_be_moved() -> None:
    views = [np.roll(SCENE, 40 * turn, axis=1) for turn in range(6)]
    tour = [view for _ in range(8) for one in views for view in noisy(one, 8)]
    assert set(kinds(tour)) == {""}


def test_a_new_view_becomes_the_usual_one_after_an_hour() -> None:
    told = kinds([*noisy(SCENE, 90), *[*noisy(MOVED, 10)] * 390])
    assert [kind for kind, _ in runs(told)] == ["", "moved", ""]
    assert runs(told)[1][1] == pytest.approx(3600, abs=4)


def test_a_scene_without_contrast_is_not_watched() -> None:
    fog = np.linspace(120, 128, SIDE).astype(np.uint8)[None, :].repeat(SIDE, axis=0)
    assert set(kinds([*noisy(fog, 90), *noisy(GRAY, 80)])) == {""}


def test_it_looks_closely_once_in_two_seconds() -> None:
    thumbnailer = PlainEye()
    watch, prefilter = (
        CameraWatch(thumbnailer),
        FramePrefilter(PlainEye(), View(16), PrefilterOptions()),
    )
    for frame in shown([*noisy(SCENE, 100)], fps=25):
        watch.check(prefilter.check(frame))
    assert thumbnailer.asked["luma_rows"] == 2


def test_light_does_not_change_where_edges_lie_but_another_view_does() -> None:
    edges, other = (
        np.abs(np.diff(PlainEye().luma_grid(shown([scene(seed)])[0].picture).astype(np.float32)))
        for seed in (1, 2)
    )
    assert likeness(edges, edges * np.float32(0.3)) == pytest.approx(1.0)
    assert abs(likeness(edges, other)) < 0.2
    assert likeness(edges, np.zeros_like(edges)) == 0
