from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from tests.bench.worth.backgrounds import DRAWN, background
from tests.bench.worth.camera import FixedCamera, Span
from tests.bench.worth.drawing import HEIGHT, WIDTH, Grain, paste, random_of, shrunk
from tests.bench.worth.people import CAST, cast_of
from tests.bench.worth.truth import events_of

SHORT = FixedCamera(3, seconds=100, fps=1, walk_seconds=(3.0, 4.0))


def test_a_camera_shows_every_event_and_every_kind_of_junk() -> None:
    truth = [seen for _, seen in SHORT.frames()]
    assert len(truth) == 100
    assert events_of(truth) == [str(number) for number in range(6)]
    kinds = {seen.kind for seen in truth}
    assert {"event", "dawn", "night", "clouds", "rain", "exposure", "headlights"} <= kinds
    assert all(seen.junk is None for seen in truth if seen.event is not None)


def test_the_truth_is_where_the_picture_differs() -> None:
    alone = FixedCamera(3, seconds=100, fps=1, walk_seconds=(3.0, 4.0), events=0)
    changed = {
        seen.frame: float((with_people != without).mean())
        for (with_people, seen), (without, _) in zip(SHORT.frames(), alone.frames(), strict=True)
    }
    eventful = {seen.frame for _, seen in SHORT.frames() if seen.event is not None}
    assert all(changed[frame] > 0.003 for frame in eventful)
    assert sum(share > 0.003 for share in changed.values()) <= len(eventful) + len("123456")


def test_a_seed_gives_these_pixels() -> None:
    found = hashlib.sha256()
    for number, (picture, _) in enumerate(SHORT.frames()):
        if number % 9 == 0:
            assert picture.shape == (HEIGHT, WIDTH, 3)
            found.update(picture.tobytes())
    assert found.hexdigest()[:16] == "71275bb8dfdea60a"


def test_seeds_differ_in_what_they_show_and_when() -> None:
    first, second = FixedCamera(0).schedule, FixedCamera(1).schedule
    assert first.night != second.night
    assert [walk.span for walk in first.walks] != [walk.span for walk in second.walks]
    for schedule in (first, second):
        lengths = [walk.span.end - walk.span.begin for walk in schedule.walks]
        assert all(1.4 <= length <= 3.2 for length in lengths)
        assert all(
            one.span.end < other.span.begin
            for one, other in zip(schedule.walks, schedule.walks[1:], strict=False)
        )
    places = [background(name, seed) for name in DRAWN for seed in (0, 1)]
    assert len({place.tobytes() for place in places}) == len(places)


def test_people_of_a_cast_can_be_told_apart() -> None:
    sprites = [person.sprite(0.0, 0.0, 80) for person in cast_of(None, 5)]
    assert len(sprites) == CAST
    assert len({sprite.tobytes() for sprite in sprites}) == CAST
    walking = cast_of(None, 5)[0]
    assert not np.array_equal(walking.sprite(0.0, 0.0, 80), walking.sprite(0.4, 0.1, 80))


def test_cut_outs_are_taken_from_a_folder(tmp_path: Path) -> None:
    for person in range(2):
        for frame in range(3):
            pixels = np.full((40, 20, 4), 255, np.uint8)
            pixels[..., :3] = 40 * person + frame
            Pillow.fromarray(pixels).save(tmp_path / f"{person}-{frame:02}.png")
    cast = cast_of(tmp_path, 0)
    assert len(cast) == 4  # both, and both mirrored
    assert cast[0].sprite(9.0, 0.5, 80).shape == (80, 40, 4)
    assert cast[0].sprite(0.0, 1.0, 80)[0, 0, 0] == 2
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="has no cut-outs"):
        cast_of(tmp_path / "empty", 0)


def test_a_sprite_is_cut_at_the_edge() -> None:
    picture = np.zeros((10, 10, 3), np.uint8)
    sprite = np.full((4, 4, 4), 255, np.uint8)
    assert paste(picture, sprite, 8, 0) == 0.5
    assert picture[:4, 8:].min() == 255
    assert picture.sum() == 8 * 3 * 255
    assert paste(picture, sprite, 10, 0) == 0.0


def test_shrinking_keeps_the_colour_of_an_edge() -> None:
    sprite = np.zeros((4, 4, 4), np.uint8)
    sprite[:, 0] = (200, 100, 50, 255)
    small = shrunk(sprite, 4)
    assert small[0, 0].tolist() == [200, 100, 50, 63]


def test_grain_is_as_loud_as_asked() -> None:
    grey = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    loud = Grain(random_of(1), HEIGHT, WIDTH).add(grey, random_of(2), 6.0)
    assert loud.std() == pytest.approx(6.0, rel=0.05)
    assert loud.mean() == pytest.approx(128, abs=0.6)


def test_a_span_ends_before_its_end() -> None:
    span = Span(2.0, 4.0)
    assert 2.0 in span
    assert 4.0 not in span
    assert span.part(3.0) == 0.5
