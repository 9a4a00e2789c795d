"""Every kind of stream in every way of reading it: the right picture, name and time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest

from streamsel.choices import Decode
from tests.conformance.kind import Kind
from tests.conformance.reading import Seen, image_of, read, seen, source
from tests.conformance.truth import Shot, number_of, times_by_ffprobe

WORKERS = (1, 2, 8)
PARTIAL = tuple(way for way in get_args(Decode) if way not in ("all", "fast"))


def test_the_number_of_each_picture_is_what_was_encoded_there(
    kind: Kind, truth: list[Shot]
) -> None:
    assert truth
    assert kind.shown is None or [shot.number for shot in truth] == list(kind.shown)


@pytest.mark.parametrize("workers", WORKERS)
def test_pictures_are_those_of_sequential_decoding_under_their_index(
    stream: Path, truth: list[Shot], everything: list[Seen], workers: int
) -> None:
    frames = everything if workers == 1 else read(stream, workers)
    assert [(frame.index, frame.digest) for frame in frames] == [
        (index, shot.digest) for index, shot in enumerate(truth)
    ]
    assert frames == everything


def test_times_are_those_of_ffprobe(kind: Kind, stream: Path, everything: list[Seen]) -> None:
    # Where a recording begins within a group, older decoders show what they cannot decode first.
    probed = times_by_ffprobe(stream)[-len(everything) :]
    assert len(everything) == len(probed)
    times = [frame.media_time for frame in everything]
    assert times[0] == 0
    assert all(before <= after for before, after in pairwise(times))
    # A raw stream says of no picture when it is shown, some containers not of the last ones.
    known = {place: time for place, time in enumerate(probed) if time is not None}
    if kind.has_clean_times and known:
        first = known[min(known)] - times[min(known)]
        assert {place: times[place] for place in known} == pytest.approx(
            {place: time - first for place, time in known.items()}, abs=1e-5
        )


@pytest.mark.parametrize("way", PARTIAL)
@pytest.mark.parametrize("workers", WORKERS)
def test_pictures_that_are_not_left_out_are_the_same(
    stream: Path, everything: list[Seen], way: Decode, workers: int
) -> None:
    some = read(stream, workers, decode=way)
    assert some
    assert some == [frame for frame in everything if frame.index in {one.index for one in some}]


@pytest.mark.parametrize("workers", WORKERS)
def test_a_fast_look_has_the_same_places_and_finds_the_same_pictures(
    stream: Path, everything: list[Seen], workers: int
) -> None:
    looked = source(stream, workers, decode="fast")
    places = [(frame.key.index, frame.media_time, frame.pts) for frame in looked.frames()]
    assert places == [(frame.index, frame.media_time, frame.pts) for frame in everything]
    wanted = everything[3::7]
    assert seen(looked.fetch([frame.index for frame in wanted])) == wanted


@pytest.mark.parametrize("workers", WORKERS)
def test_a_reading_goes_on_anywhere(stream: Path, everything: list[Seen], workers: int) -> None:
    frames = len(everything)
    for start in {1, frames // 2, frames - 2} & set(range(frames)):
        assert read(stream, workers, start) == everything[start:]


def test_scattered_frames_are_found_again(stream: Path, everything: list[Seen]) -> None:
    wanted = [*everything[::9], everything[-1]]
    indices = {frame.index for frame in wanted}
    once_read = source(stream, 2)
    assert seen(once_read.frames()) == everything
    assert seen(once_read.fetch(indices)) == [f for f in everything if f.index in indices]
    assert seen(source(stream, 2).fetch(indices)) == [f for f in everything if f.index in indices]


def test_a_filter_that_does_nothing_changes_nothing(
    kind: Kind, stream: Path, everything: list[Seen]
) -> None:
    frames = list(source(stream, 2, filters="null").frames())
    numbers = [number_of(image_of(frame), frame.picture.rotation) for frame in frames]
    assert kind.shown is None or numbers == list(kind.shown)
    filtered = seen(frames)
    assert [f.index for f in filtered] == [f.index for f in everything]
    if not any(frame.rotation for frame in everything):
        assert [f.digest for f in filtered] == [f.digest for f in everything]
    assert [f.media_time for f in filtered] == pytest.approx(
        [f.media_time for f in everything], abs=1e-3
    )
