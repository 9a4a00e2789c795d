from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from streamsel.frame import LumaGrid
from streamsel.prefilter.scene_watch import watched
from streamsel.scene import SceneState
from tests.prefilter.scenes import Grey, filmed, panned, run, seen, street, with_person

SCENE = street()
WARM = 25.0
"""Seconds after which a still camera counts as fixed."""
_ROWS: Grey
_COLUMNS: Grey
_ROWS, _COLUMNS = np.mgrid[0:32, 0:32].astype(np.float64)
_VIGNETTE: Grey = 1.15 - 1.5 * (((_COLUMNS - 16) / 32) ** 2 + ((_ROWS - 16) / 32) ** 2)


def still(at: float) -> Grey:
    return SCENE


def infrared(at: float) -> Grey:
    return np.asarray((25 + 0.62 * SCENE[:, ::-1] * 0.3 + 0.43 * SCENE) * _VIGNETTE)


def lamp_lit(at: float) -> Grey:
    return np.asarray(SCENE + 90 * (_COLUMNS < 14))


def dawn(at: float) -> Grey:
    return SCENE * (0.35 + 0.65 * min(1.0, max(0.0, at - WARM) / 60))


def exposure_steps(at: float) -> Grey:
    since = (at - WARM) % 10
    return np.asarray(SCENE * (1 + 0.25 * np.exp(-since / 1.2) * (at >= WARM)))


def cloud(at: float) -> Grey:
    middle = -20 + 1.2 * (at - WARM)
    return np.asarray(SCENE * (1 - 0.15 * np.exp(-(((_COLUMNS - middle) / 9) ** 2))))


def shares(states: Sequence[SceneState]) -> np.ndarray:
    return np.array([state.share for state in states])


def fixed_at(frames: Sequence[tuple[LumaGrid, float]]) -> float | None:
    """The media time at which the camera begins to count as fixed."""
    for (_, at), state in zip(frames, run(frames), strict=True):
        if state.fixed:
            return at
    return None


@pytest.mark.parametrize("light", [dawn, exposure_steps, cloud])
def test_light_is_no_change(light: Callable[[float], Grey]) -> None:
    changed = shares(run(filmed(light, WARM + 60)))
    assert np.quantile(changed, 0.99) < 0.005
    assert changed.max() < 0.01


@pytest.mark.parametrize("noise", [0.5, 2.0, 5.0])
def test_noise_is_no_change(noise: float) -> None:
    changed = shares(run(filmed(still, WARM + 30, noise=noise)))
    assert changed[-150:].max() < 0.005


def test_rain_is_no_change_once_it_is_known() -> None:
    rng = np.random.default_rng(5)

    def rain(at: float) -> Grey:
        streaks = 25.0 * (rng.random((32, 32)) < 0.06) * (at >= WARM)
        return SCENE * 0.95 + streaks

    changed = shares(run(filmed(rain, WARM + 30)))
    assert changed[-100:].max() < 0.01


@pytest.mark.parametrize("fps", [2.0, 5.0, 30.0])
@pytest.mark.parametrize("height", [5, 10])
def test_a_passing_person_is_a_change_of_their_size(fps: float, height: int) -> None:
    def passage(at: float) -> Grey:
        return with_person(SCENE, (at - WARM) * 12 - 4, height=height)

    frames = filmed(passage, WARM + 12, fps=fps)
    changed = shares(run(frames))
    times = np.array([at for _, at in frames])
    inside = (times > WARM + 0.6) & (times < WARM + 2.8)
    outside = (times > 1) & (times < WARM) | (times > WARM + 8)
    assert changed[outside].max() < 0.005
    assert (changed[inside] >= 0.01).mean() > 0.9
    assert changed[inside].max() < 3 * 3 * height / 1024


@pytest.mark.parametrize("other", [infrared, lamp_lit])
def test_another_light_is_a_background_of_its_own_and_known_again(
    other: Callable[[float], Grey],
) -> None:
    def switched(at: float) -> Grey:
        return SCENE if int(at // WARM) % 2 == 0 else other(at)

    frames = filmed(switched, 4 * WARM)
    states = run(frames)
    assert shares(states).max() < 0.01  # it is no change while it is not known either
    strange = [at for (_, at), state in zip(frames, states, strict=True) if state.strange_since]
    assert strange
    assert strange == [at for at in strange if WARM <= at <= WARM + 1]
    assert len(states[-1].backgrounds) == 2


def test_of_four_backgrounds_the_one_unused_for_longest_is_forgotten() -> None:
    scenes = [street(seed) for seed in range(4)]
    order = [0, 1, 2, 0, 3]
    states = run(filmed(lambda at: scenes[order[int(at // 5)]], 25))
    levels = [one.levels.reshape(32, 32) for one in states[-1].backgrounds]
    known = {int(np.argmin([np.abs(level - scene).mean() for scene in scenes])) for level in levels}
    assert known == {0, 2, 3}


@pytest.mark.parametrize("fps", [1.0, 5.0, 12.5, 30.0])
def test_a_still_camera_counts_as_fixed_within_22_seconds_at_any_rate(fps: float) -> None:
    found = fixed_at(filmed(still, WARM, fps=fps))
    assert found is not None
    assert 19 <= found <= 22


def test_it_counts_as_fixed_though_somebody_is_always_there() -> None:
    def busy(at: float) -> Grey:
        return with_person(SCENE, at * 9 % 40 - 4)

    assert fixed_at(filmed(busy, 40)) is not None


def test_frames_far_apart_count_for_a_second_each() -> None:
    found = fixed_at(filmed(still, 400, fps=0.1))
    assert found is not None
    assert 190 <= found <= 220


def test_a_pause_of_an_hour_counts_for_a_second() -> None:
    before = filmed(still, 10)
    assert fixed_at([*before, *filmed(still, 8, start=3600)]) is None
    assert fixed_at([*before, *filmed(still, 12, start=3600)]) is not None


def test_it_goes_on_where_time_goes_back_or_stands() -> None:
    states = run([*filmed(still, 10), *filmed(still, 6), *[(seen(SCENE, 1), 6.0)] * 50])
    assert states[-1].clock == pytest.approx(9.8 + 5.8 + 0.2)
    assert not states[-1].fixed
    assert run(filmed(still, 6, start=6.2), states[-1])[-1].fixed


def test_variable_rates_agree_on_what_they_both_see() -> None:
    def passage(at: float) -> Grey:
        return with_person(SCENE, (at - WARM) * 8 - 4)

    steady = filmed(passage, WARM + 6, fps=10)
    thinned = [frame for index, frame in enumerate(steady) if index % 3 or index % 5]
    peaks = [shares(run(frames)).max() for frames in (steady, thinned)]
    assert peaks[0] == pytest.approx(peaks[1], rel=0.2)
    assert [fixed_at(frames) is not None for frames in (steady, thinned)] == [True, True]


WIDE = street(2, 420)


def slow_pan(at: float) -> Grey:
    return panned(WIDE, at * 2)


def swinging_pan(at: float) -> Grey:
    return panned(WIDE, 60 + 60 * np.sin(at / 7))


def slow_swing(at: float) -> Grey:
    return panned(WIDE, 100 + 5 * np.sin(at / 7))


def hazy_pan(speed: float) -> Callable[[float], Grey]:
    """A pan over a scene of little contrast; ``speed`` is in cells a second."""
    return lambda at: np.asarray(100 + 0.35 * (panned(WIDE, at * speed) - 100))


@pytest.mark.parametrize("speed", [0.3, 0.5, 1.0, 2.0, 4.0])
def test_a_pan_in_the_haze_does_not_count_as_fixed(speed: float) -> None:
    assert fixed_at(filmed(hazy_pan(speed), 60)) is None


def film(at: float) -> Grey:
    """Shots of 4 seconds, with fades, in which something large moves."""
    shot, since = int(at // 4), at % 4
    scene = panned(WIDE, 30 * shot % 360 + 2 * since)
    fade = min(1.0, since * 2, (4 - since) * 2) if shot % 3 == 0 else 1.0
    return with_person(scene, since * 6, height=14) * fade + 16 * (1 - fade)


def handheld(at: float) -> Grey:
    return panned(WIDE, 100 + 5 * np.sin(at * 3.1) + 4 * np.sin(at * 7.3 + 1))


@pytest.mark.parametrize("fps", [1.0, 5.0, 24.0])
@pytest.mark.parametrize("scene_at", [slow_pan, swinging_pan, slow_swing, film, handheld])
def test_pans_films_and_a_shaking_camera_never_count_as_fixed(
    scene_at: Callable[[float], Grey], fps: float
) -> None:
    assert fixed_at(filmed(scene_at, 60, fps=fps)) is None


def test_a_mast_in_the_wind_counts_as_fixed() -> None:
    assert fixed_at(filmed(lambda at: panned(WIDE, 100.5 + 0.3 * np.sin(at * 5)), 40)) is not None


def test_a_flat_picture_is_of_no_scene() -> None:
    flat = np.full((32, 32), 128, np.uint8)
    before = run(filmed(still, 12))
    states = run([(flat, 12 + index / 5) for index in range(10)], before[-1])
    assert shares(states).max() == 0
    assert states[-1].backgrounds is before[-1].backgrounds
    after = run(filmed(still, 14, start=14), states[-1])
    assert [state.fixed for state in (after[10], after[-1])] == [False, False]


def test_frames_within_90_milliseconds_are_like_the_measured_one() -> None:
    frames = filmed(still, 2, fps=100)
    states = run(frames)
    assert len({state.measured for state in states}) == 20 + 2
    assert all(state.media_time == at for (_, at), state in zip(frames, states, strict=True))


def test_a_camera_that_is_known_to_be_fixed_counts_from_its_first_frame() -> None:
    ((luma_grid, at),) = filmed(still, 0.2)
    state = watched(SceneState(), luma_grid, at, is_fixed=True)
    assert state.fixed_since == at
    assert watched(state, luma_grid, at + 1).fixed_since == at
    assert watched(SceneState(), luma_grid, at).fixed_since is None


@pytest.mark.parametrize("until", [0, 1, 40, 77, 120, 150])
def test_a_stored_state_continues_with_the_same_decisions(until: int) -> None:
    def eventful(at: float) -> Grey:
        return infrared(at) if 8 < at < 10 else with_person(dawn(at + WARM), at * 6 % 90 - 4)

    frames = filmed(eventful, 32)
    states = run(frames)
    stored = (states[until - 1] if until else SceneState()).packed()
    for state, expected in zip(
        run(frames[until:], SceneState.unpacked(stored)), states[until:], strict=True
    ):
        assert state.packed() == expected.packed()


def test_the_state_of_a_fixed_camera_is_small() -> None:
    states = run(filmed(still, 30))
    assert len(states[90].packed()) < 40_000
    assert len(states[-1].packed()) < 10_000


_EVERY_BIT = "dffd6766b7af2c71ad2fdf6afeb17b29eda0df6ae710d2dc0cf8e33c2d5b0864"


def test_results_are_the_same_on_every_machine() -> None:
    """Pixels from whole numbers alone, and every bit of what follows from them."""
    rows, columns = np.mgrid[0:32, 0:32]
    state, told = SceneState(), hashlib.sha256()
    for index in range(160):
        grid = (rows * rows * 7 + columns * 37 + (rows * columns * (index % 7)) % 5) % 160 + 20
        grid = grid * (60 + index // 4) // 100
        grid[10:18, index % 40 : index % 40 + 4] = 240
        state = watched(state, grid.astype(np.uint8), index / 5)
        told.update(state.packed())
    assert state.fixed
    assert told.hexdigest() == _EVERY_BIT
