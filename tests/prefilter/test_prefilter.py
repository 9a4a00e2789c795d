from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.choices import ChangeWeight
from streamsel.errors import ConfigurationError
from streamsel.frame import Frame, PrefilteredFrame, PrefilterState, SceneChange, View
from streamsel.interfaces.prefilter import Prefilter, Thumbnailer
from streamsel.prefilter.options import PrefilterOptions
from streamsel.prefilter.prefilter import FramePrefilter
from tests.prefilter.test_measures import smeared
from tests.prefilter.thumbnailers import Luma, PlainEye, shown, textured

MADE: Callable[..., PrefilterOptions] = PrefilterOptions
AT_ONCE = PrefilterOptions(calibration=0)
ALL_OFF = PrefilterOptions(
    corrupt=False,
    black_share=None,
    uniform_share=None,
    exact_duplicates=False,
    freeze_seconds=None,
    unchanged_mean=None,
    min_sharpness=None,
)


def looked_at(
    frames: Iterable[Frame],
    options: PrefilterOptions = AT_ONCE,
    thumbnailer: Thumbnailer | None = None,
) -> list[PrefilteredFrame]:
    prefilter: Prefilter = FramePrefilter(thumbnailer or PlainEye(), View(16), options)
    return [prefilter.check(frame) for frame in frames]


def refusals(
    pictures: Iterable[Luma],
    options: PrefilterOptions = AT_ONCE,
    *,
    fps: int = 25,
    corrupt: bool = False,
) -> list[str | None]:
    return [seen.refusal for seen in looked_at(shown(pictures, fps, corrupt), options)]


def noisy(luma: npt.NDArray[np.integer], seed: int, level: int = 2) -> Luma:
    noise = np.random.default_rng(seed).integers(-level, level + 1, luma.shape)
    return np.clip(luma.astype(int) + noise, 0, 255).astype(np.uint8)


BLACK = np.full((64, 64), 16, np.uint8)
GRAY_FILL = np.full((64, 64), 128, np.uint8)
BLURRED = smeared(np.kron(textured(2), np.ones((8, 8), np.uint8)), 49)


@pytest.mark.parametrize(
    ("picture", "reason", "off"),
    [
        (BLACK, "black", {"black_share": None, "uniform_share": None}),
        (GRAY_FILL, "uniform", {"uniform_share": None}),
        (BLURRED, "blurred", {"min_sharpness": None}),
    ],
)
def test_each_check_refuses_its_kind_and_can_be_switched_off(
    picture: Luma, reason: str, off: dict[str, None]
) -> None:
    (seen,) = looked_at(shown([picture]))
    assert (seen.refusal, seen.digest) == (reason, 0)
    assert (seen.sharpness > 0) == (reason != "black")
    assert refusals([picture], MADE(**off)) == [None]


def test_a_corrupt_frame_is_refused_unseen_and_changes_nothing() -> None:
    thumbnailer = PlainEye()
    whole, damaged = shown([textured(1)])[0], shown([textured(2)], corrupt=True)[0]
    first, second = looked_at([whole, damaged], thumbnailer=thumbnailer)
    assert (second.refusal, second.digest, second.sharpness) == ("corrupt", 0, 0.0)
    assert second.state is first.state
    assert thumbnailer.asked["luma_grid"] == 1
    assert refusals([textured(2)], PrefilterOptions(corrupt=False), corrupt=True) == [None]


def test_with_every_check_off_everything_passes() -> None:
    pictures = [BLACK, GRAY_FILL, BLURRED, *[textured(1)] * 80]
    assert refusals(pictures, ALL_OFF) == [None] * len(pictures)


def test_a_dark_picture_with_a_lamp_is_not_black() -> None:
    lamp = BLACK.copy()
    lamp[8:24, 8:24] = 180
    assert refusals([lamp]) == [None]


def test_a_passing_frame_carries_a_thumbnail_and_a_refused_one_none() -> None:
    first, second = looked_at(shown([textured(1), textured(1)]))
    assert first.thumbnail is not None
    assert first.thumbnail.shape == (16, 16, 3)
    assert first.digest != 0
    assert 0 < first.sharpness <= 1
    assert second.refusal is not None
    assert (second.thumbnail, second.digest, second.sharpness) == (None, 0, 0.0)


def test_a_repeated_picture_is_a_duplicate_until_it_counts_as_frozen() -> None:
    told = refusals([textured(1)] * 60, PrefilterOptions(freeze_seconds=2.0), fps=25)
    assert told[:2] == [None, "exact-duplicate"]
    assert told[2:52] == ["exact-duplicate"] * 50
    assert told[52:] == ["frozen"] * 8


def test_a_freeze_ends_with_the_first_change() -> None:
    pictures = [*[textured(1)] * 60, textured(2), textured(1), textured(1)]
    told = refusals(pictures, AT_ONCE, fps=25)
    assert told[-4:] == ["frozen", None, "exact-duplicate", "unchanged"]


def test_noise_is_not_a_freeze_however_long() -> None:
    told = refusals([noisy(textured(1), seed) for seed in range(90)], AT_ONCE)
    assert Counter(told) == {None: 1, "unchanged": 89}


def test_noise_passes_while_the_feed_is_calibrated() -> None:
    pictures = [noisy(textured(1), seed) for seed in range(30)]
    assert refusals(pictures, PrefilterOptions(calibration=10)) == [None] * 10 + ["unchanged"] * 20


def test_a_small_object_is_noticed_though_the_mean_hardly_moves() -> None:
    scene = textured(1, side=256)
    with_object = scene.copy()
    with_object[100:108, 100:108] = 255 - with_object[100:108, 100:108] // 2
    assert refusals([scene, with_object]) == [None, None]
    blind = PrefilterOptions(calibration=0, unchanged_cell=256)
    assert refusals([scene, with_object], blind) == [None, "unchanged"]


def test_a_slow_drift_is_noticed_against_the_last_frame_that_passed() -> None:
    dawn = [np.clip(textured(1).astype(int) + step, 0, 255).astype(np.uint8) for step in range(5)]
    flickering = [level for level in dawn for _ in range(2)]
    options = PrefilterOptions(calibration=0, unchanged_mean=1.5)
    told = refusals(flickering, options)
    assert [index for index, refusal in enumerate(told) if refusal is None] == [0, 4, 8]


def test_a_loop_is_seen_once() -> None:
    loop = [textured(seed) for seed in range(20)]
    assert refusals(loop * 3) == [None] * 20 + ["exact-duplicate"] * 40
    off = PrefilterOptions(exact_duplicates=False)
    assert refusals(loop * 3, off) == [None] * 60


def test_pictures_that_differ_where_no_cell_shows_it_are_not_duplicates() -> None:
    one = textured(1)
    other = one.copy()
    other[0, 0], other[0, 1] = other[0, 1] + 40, other[0, 1] - 40
    thumbnailer = PlainEye()
    fine = FramePrefilter(thumbnailer, View(64), PrefilterOptions(unchanged_mean=None))
    assert [fine.check(frame).refusal for frame in shown([one, other])] == [None, None]


def test_what_was_not_seen_for_long_is_forgotten() -> None:
    first, later = shown([textured(1)])[0], shown([textured(2)])[0]
    prefilter = FramePrefilter(PlainEye(), View(16), AT_ONCE)
    digest = prefilter.check(first).digest
    others = list(range(1, prefilter.memory))
    prefilter.resume(PrefilterState(), [digest, *others])
    assert prefilter.check(first).refusal == "exact-duplicate"
    prefilter.resume(PrefilterState(), [digest, *others])
    assert prefilter.check(later).refusal is None
    assert prefilter.check(first).refusal is None
    prefilter.resume(PrefilterState(), [digest, *others[1:]])
    assert prefilter.check(later).refusal is None  # the last one that there is room for
    assert prefilter.check(first).refusal == "exact-duplicate"


def test_only_what_passes_the_cheap_checks_costs_a_thumbnail() -> None:
    thumbnailer = PlainEye()
    pictures = [textured(1), BLACK, *(noisy(textured(1), seed) for seed in range(10)), BLURRED]
    looked_at(shown(pictures), thumbnailer=thumbnailer)
    assert thumbnailer.asked == {
        "luma_grid": 13,
        "chroma_grid": 12,
        "luma_rows": 3,
        "thumbnail": 1,
    }


SCENES = {
    "a": textured(1),
    "b": textured(2),
    "a noisy": noisy(textured(1), 1),
    "a noisier": noisy(textured(1), 2, level=6),
    "black": BLACK,
    "fill": GRAY_FILL,
    "blurred": BLURRED,
}


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.tuples(st.sampled_from(sorted(SCENES)), st.integers(1, 9)), max_size=6),
    st.sampled_from([0, 3]),
    st.data(),
)
def test_resumed_at_any_point_it_goes_on_alike(
    script: list[tuple[str, int]], calibration: int, data: st.DataObject
) -> None:
    options = PrefilterOptions(calibration=calibration, freeze_seconds=0.2)
    frames = shown([SCENES[name] for name, times in script for _ in range(times)])
    whole = looked_at(frames, options)
    split = data.draw(st.integers(0, len(frames)))
    before = whole[:split]
    prefilter = FramePrefilter(PlainEye(), View(16), options)
    prefilter.resume(
        before[-1].state if before else PrefilterState(),
        [seen.digest for seen in before if seen.refusal is None],
    )
    after = [prefilter.check(frame) for frame in frames[split:]]
    assert [judged(seen) for seen in after] == [judged(seen) for seen in whole[split:]]


def judged(seen: PrefilteredFrame) -> tuple[object, ...]:
    state = seen.state
    return (
        *(seen.refusal, seen.digest, seen.sharpness, seen.change),
        *(state.passed, state.still_since, state.scene.packed()),
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"black_share": 1.5},
        {"black_level": -1},
        {"uniform_share": -0.1},
        {"freeze_seconds": -1.0},
        {"unchanged_mean": 300.0},
        {"calibration": -1},
        {"min_sharpness": 2.0},
    ],
)
def test_options_out_of_bounds_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        MADE(**wrong)


@pytest.mark.parametrize(("levels", "refusal"), [(6, "unchanged"), (7, None)])
def test_a_cell_that_differs_by_seven_grey_levels_is_a_change(
    levels: int, refusal: str | None
) -> None:
    scene = np.kron(textured(1, side=128), np.ones((2, 2))).astype(np.uint8)
    other = scene.copy()
    other[96:104, 96:104] += levels  # one cell of the luma grid
    assert refusals([scene, other]) == [None, refusal]


def test_a_freeze_is_timed_anew_after_every_change() -> None:
    told = refusals([*[textured(1)] * 40, *[textured(2)] * 60], AT_ONCE, fps=25)
    assert "frozen" not in told[:92]
    assert told[92:] == ["frozen"] * 8
    dark = refusals([*[textured(1)] * 40, BLACK, *[textured(1)] * 60], AT_ONCE, fps=25)
    assert "frozen" not in dark[:93]
    assert dark[93:] == ["frozen"] * 8


def test_a_change_that_only_the_rows_show_ends_a_freeze() -> None:
    scene, other = textured(1), textured(1)
    other[0, 0], other[0, 1] = other[0, 1] + 4, other[0, 0] - 4
    one, two = shown([scene, other])
    thumbnailer = PlainEye()
    assert np.array_equal(thumbnailer.luma_grid(one.picture), thumbnailer.luma_grid(two.picture))
    told = refusals([*[scene] * 40, *[other] * 60], AT_ONCE, fps=25)
    assert "frozen" not in told[:91]
    assert told[91:] == ["frozen"] * 9


SCENE_FPS = 5
BODY = (slice(24, 48), slice(28, 36))


def passage() -> list[Luma]:
    """A street for 24 s, in which somebody stands for the last two."""
    pictures = [noisy(textured(1), seed) for seed in range(24 * SCENE_FPS)]
    for picture in pictures[-2 * SCENE_FPS :]:
        picture[BODY] = 250
    return pictures


def changes(
    pictures: Sequence[Luma], options: PrefilterOptions = AT_ONCE, *, corrupt: bool = False
) -> list[SceneChange | None]:
    frames = shown(pictures, fps=SCENE_FPS, corrupt=corrupt)
    return [seen.change for seen in looked_at(frames, options)]


def shares(found: Sequence[SceneChange | None]) -> list[float]:
    return [change.share for change in found if change is not None]


def fixed(found: Sequence[SceneChange | None]) -> list[bool]:
    return [change.fixed for change in found if change is not None]


def test_the_change_in_front_of_a_fixed_camera_is_measured() -> None:
    found = changes(passage())
    assert fixed(found) == [False] * 95 + [True] * 25
    assert max(shares(found)[:-10]) < 0.005
    assert shares(found)[-10] == pytest.approx(24 * 8 / 4096, rel=0.2)


def test_refused_frames_are_measured_like_the_others() -> None:
    told = looked_at(shown(passage(), fps=SCENE_FPS))
    passing = looked_at(shown(passage(), fps=SCENE_FPS), ALL_OFF)
    assert {seen.refusal for seen in told} > {"unchanged"}
    assert [seen.change for seen in told] == [seen.change for seen in passing]


@pytest.mark.parametrize("wanted", ["auto", "on", "off"])
def test_measuring_the_change_refuses_no_frame(wanted: ChangeWeight) -> None:
    options = PrefilterOptions(calibration=0, change_weight=wanted)
    assert refusals(passage(), options) == refusals(passage())
    found = changes(passage(), options)
    if wanted == "off":
        assert found == [None] * len(found)
    else:
        assert fixed(found).index(True) == (0 if wanted == "on" else 95)


def test_frames_without_a_picture_are_not_measured() -> None:
    assert changes([BLACK]) == [None]
    assert changes([textured(1)], corrupt=True) == [None]


def test_a_weight_that_is_none_of_the_words_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="change_weight is 'yes'; it must be one of auto"):
        MADE(change_weight="yes")
