"""Decoding one GOP: each picture in the place that its timestamp says, or in none."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import av
import pytest
from av.video.frame import PictureType

from streamsel.sources.decode.attempts import (
    FirstGopCheck,
    TroubleError,
    UnfitError,
    decode_after_previous,
    decode_keyframe,
    decode_keyframe_after_previous,
    decode_undamaged,
    match_timestamps,
    require_intact,
    spread_suspicion,
)
from streamsel.sources.decode.gops import Gop, cut
from streamsel.sources.decode.shown import DecodedFrame
from streamsel.sources.decode.video_reader import VideoReader
from tests.sources.media import write_video
from tests.stand_ins import as_a

GOP = 12
X264 = {"preset": "veryfast", "bf": "2", "sc_threshold": "0"}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gops")
    return write_video(folder / "a.mp4", gop=GOP, options=X264)


@pytest.fixture
def decoder(path: Path) -> Iterator[VideoReader]:
    with VideoReader("here", str(path)) as opened:
        yield opened


@pytest.fixture
def gops(path: Path) -> list[Gop]:
    with VideoReader("here", str(path)) as opened:
        return list(cut(opened.packets(), opened.random_access()))


def moved(gop: Gop) -> list[int]:
    """The places of a GOP, every third of them, the last too, a little before its picture."""
    times = gop.times or ()
    assert len(times) == GOP
    return [time - (place % 3 == 2) for place, time in enumerate(times)]


def require_placed(decoded: list[DecodedFrame], places: list[int], filled: list[bool]) -> None:
    assert [one.pts for one in decoded] == places
    assert [one.image is not None for one in decoded] == filled
    assert all(one.image.pts == one.pts for one in decoded if one.image is not None)


def test_pictures_that_cannot_be_placed_are_left_out(decoder: VideoReader, gops: list[Gop]) -> None:
    places = moved(gops[2])
    decoded = list(decode_after_previous(decoder, gops[2], deque(places), is_partial=False))
    require_placed(decoded, places, [place % 3 != 2 for place in range(GOP)])
    assert [one.is_random_access for one in decoded] == [True] + [False] * 11


def test_pictures_before_what_is_left_and_behind_it_are_left_out(
    decoder: VideoReader, gops: list[Gop]
) -> None:
    places = list(gops[2].times or ())[4:9]
    decoded = list(decode_after_previous(decoder, gops[2], deque(places), is_partial=False))
    require_placed(decoded, places, [True] * 5)


@pytest.mark.parametrize("is_partial", [False, True])
def test_the_first_gop_must_fit_unless_some_of_it_is_left_out(
    decoder: VideoReader, gops: list[Gop], is_partial: bool
) -> None:
    places = moved(gops[1])
    decoding = decode_after_previous(decoder, gops[1], deque(places), is_partial=is_partial)
    if is_partial:
        assert [one.pts for one in decoding] == places
        return
    with pytest.raises(UnfitError):
        list(decoding)


def test_where_a_picture_lacks_its_place_there_is_trouble(
    decoder: VideoReader, gops: list[Gop]
) -> None:
    gop = gops[2]
    times = list(gop.times or ())
    for places in (moved(gop), times[:-1], times[1:], [*times, times[-1] + 1]):
        with pytest.raises(TroubleError):
            list(
                match_timestamps(
                    decode_undamaged(decoder, gop), deque(places), gop, is_partial=False
                )
            )
        decoder.drain()
    decoded = match_timestamps(decode_undamaged(decoder, gop), deque(times), gop, is_partial=False)
    require_placed(list(decoded), times, [True] * GOP)


def test_places_whose_pictures_were_passed_over_stay_empty(
    decoder: VideoReader, gops: list[Gop]
) -> None:
    gop = gops[2]
    times = list(gop.times or ())
    places = sorted([*times, times[0] - 1, times[4] + 1, times[-1] + 1, times[-1] + 2])
    decoded = list(
        match_timestamps(decode_undamaged(decoder, gop), deque(places), gop, is_partial=True)
    )
    require_placed(decoded, places, [place in times for place in places])
    assert [one.pts for one in decoded if one.is_random_access] == [gop.begin]


def test_a_place_where_decoding_can_begin_is_one_without_its_picture_too(
    decoder: VideoReader, gops: list[Gop]
) -> None:
    gop = gops[2]
    times = list(gop.times or ())
    images = islice(decode_undamaged(decoder, gop), 1, None)
    decoded = list(match_timestamps(images, deque(times), gop, is_partial=True))
    require_placed(decoded, times, [False] + [True] * 11)
    assert [one.is_random_access for one in decoded] == [True] + [False] * 11


@dataclass
class Decoded:
    """What is asked of a picture of a kind: B where others after it were decoded before."""

    pict_type: PictureType
    is_corrupt: bool = False


def made(kinds: str) -> list[tuple[av.VideoFrame, bool]]:
    """Pictures I, P or B, in the order they are shown; those in small letters are in corruption."""
    return [
        (as_a(av.VideoFrame, Decoded(PictureType[kind.upper()], kind.islower())), kind.islower())
        for kind in kinds
    ]


@pytest.mark.parametrize(
    ("kinds", "suspect"),
    [
        ("IBBPBBP", "......."),
        ("IBBpBBP", ".???..."),
        ("IBbPBBP", ".???..."),
        ("iPBBP", "?...."),
        ("IPBbB", "..???"),
        ("B" * 16 + "p", "." * 16 + "?"),
        ("B" * 15 + "p", "?" * 16),
        ("B" * 16 + "bP", "." * 16 + "??"),
    ],
)
def test_pictures_before_one_in_corruption_are_doubted_if_they_may_need_it(
    kinds: str, suspect: str
) -> None:
    pictures = made(kinds)
    found = list(spread_suspicion(iter(pictures)))
    assert [image for image, _ in found] == [image for image, _ in pictures]
    assert "".join(".?"[is_suspect] for _, is_suspect in found) == suspect


def test_no_more_pictures_are_held_than_may_be_shown_before_one_they_need() -> None:
    pictures = iter(made("B" * 40))
    next(spread_suspicion(pictures))
    assert len(list(pictures)) == 40 - 16


def test_pictures_are_trusted_up_to_the_first_that_may_show_damage() -> None:
    pictures = [image for image, _ in made("IBBPBbP")]
    passing = require_intact(pictures)
    assert list(islice(passing, 4)) == pictures[:4]
    with pytest.raises(TroubleError):
        next(passing)
    assert list(require_intact(pictures[:5])) == pictures[:5]


@pytest.mark.parametrize("where", ["key", "before"])
def test_the_first_gop_need_not_fit_where_damage_may_be_why(
    decoder: VideoReader, gops: list[Gop], where: str
) -> None:
    gop, places = gops[1], moved(gops[1])
    (packet, *_) = gop.packets if where == "key" else gop.before[::-1]
    packet.is_corrupt = True
    decoded = list(decode_after_previous(decoder, gop, deque(places), is_partial=False))
    require_placed(decoded, places, [place % 3 != 2 for place in range(GOP)])
    shown = [one.is_suspect for one in decoded if one.image is not None]
    assert shown == [where == "key"] * 8


def test_places_at_the_end_may_be_empty_where_some_are_left_out_alone(
    decoder: VideoReader, gops: list[Gop]
) -> None:
    gop = replace(gops[1], packets=tuple(gops[1].packets)[:-4])
    times = list(gop.times or ())
    with pytest.raises(UnfitError):
        list(decode_after_previous(decoder, gop, deque(times), is_partial=False))
    decoder.drain()
    decoded = list(decode_after_previous(decoder, gop, deque(times), is_partial=True))
    assert [one.pts for one in decoded] == times
    assert decoded[-1].image is None
    assert [one.pts for one in decoded if one.is_random_access] == [gop.begin]


def test_a_gop_that_lost_its_key_has_its_place_all_the_same(
    decoder: VideoReader, gops: list[Gop]
) -> None:
    gop = replace(gops[2], packets=tuple(gops[2].packets)[1:])
    decoded = list(decode_after_previous(decoder, gop, deque(gop.times or ()), is_partial=False))
    assert [one.pts for one in decoded] == list(gop.times or ())
    assert (decoded[0].image, decoded[0].is_random_access) == (None, True)
    assert not any(one.is_random_access for one in decoded[1:])


def test_a_key_alone_is_the_picture_of_its_own_time_and_whole(
    decoder: VideoReader, gops: list[Gop]
) -> None:
    gop = gops[2]
    assert gop.begin is not None
    elsewhere = replace(gop, begin=gop.begin + 1)
    key = decode_keyframe(decoder, gop)
    assert key is not None
    assert key.pts == gop.begin
    assert decode_keyframe(decoder, elsewhere) is None
    found = decode_keyframe_after_previous(decoder, gop)
    assert found.image is not None
    assert (found.pts, found.is_random_access, found.is_suspect) == (gop.begin, True, False)
    assert decode_keyframe_after_previous(decoder, elsewhere).image is None
    next(iter(gop.packets)).is_corrupt = True
    assert decode_keyframe(decoder, gop) is None
    assert decode_keyframe_after_previous(decoder, gop).is_suspect


def is_fit(shown: list[int], suspect: int | None, begin: int | None, end: int | None) -> bool:
    """Whether these pictures may be all that came of a head with places 2, 4, ... 10."""
    fit = FirstGopCheck(Gop(0, 0, 0, (), (), (), begin, end, (2, 4, 6, 8, 10)))
    try:
        for pts in shown:
            fit.take(DecodedFrame(pts, None, is_suspect=pts == suspect))
        fit.end()
    except UnfitError:
        return False
    return True


@pytest.mark.parametrize("shown", [[2, 4, 6, 8, 10], [4, 6, 8, 10], [2, 6, 8, 10], [6, 8, 10]])
def test_a_head_may_lack_pictures_before_its_key(shown: list[int]) -> None:
    assert is_fit(shown, None, 6, 12)


@pytest.mark.parametrize(
    "shown",
    [[], [2, 4], [2, 4, 8, 10], [6, 8], [6, 10], [6, 8, 10, 12], [2, 5, 6, 8, 10], [6, 6, 8, 10]],
)
def test_a_head_may_lack_nothing_else_unless_it_is_damaged_or_nothing_is_known_of_it(
    shown: list[int],
) -> None:
    assert not is_fit(shown, None, 6, 12)
    assert is_fit(shown, None, None, 12)
    assert is_fit(shown, None, 6, None)
    assert not shown or is_fit(shown, shown[0], 6, 12)
