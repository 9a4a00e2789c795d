from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import numpy as np
import pytest
from av.filter.filter import filters_available

from streamsel.errors import ConfigurationError
from streamsel.sources.decode.filter_list import INSTEAD
from streamsel.sources.decode.filter_syntax import parse
from streamsel.sources.decode.filters import FilterChain
from streamsel.sources.decode.orientation import (
    UPRIGHT,
    Orientation,
    from_display_matrix,
    from_exif,
)
from tests.sources.media import moving_picture

TICK = Fraction(1, 25)


def images(count: int = 10, width: int = 64, height: int = 48) -> Iterator[av.VideoFrame]:
    for index in range(count):
        image = av.VideoFrame.from_ndarray(moving_picture(index, width, height), format="rgb24")
        image.pts, image.time_base = index, TICK
        yield image


def run(
    text: str, source: Iterable[av.VideoFrame] | None = None, orientation: Orientation = UPRIGHT
) -> list[av.VideoFrame]:
    chain = FilterChain(text)
    out: list[av.VideoFrame] = []
    for image in source or images():
        out += chain.apply(image, TICK, orientation)
    return [*out, *chain.drain()]


@pytest.mark.parametrize(
    ("text", "count", "size"),
    [
        ("scale=32:-2", 10, (32, 24)),
        ("scale='min(100\\,iw)':-1, hflip", 10, (64, 48)),
        ("crop=10:12:1:2,pad=20:20", 10, (20, 20)),
        ("fps=5", 2, (64, 48)),
        ("split[a][b];[b]crop=10:10[c];[a][c]overlay=5:5", 10, (64, 48)),
        ("[in]split=3[x][y][z];[x][y][z]hstack=inputs=3[out]", 10, (192, 48)),
        ("color=red:size=8x8[r];[in][r]overlay=shortest=1", 10, (64, 48)),
        ("drawbox=x=1:y=2:w=5:h=5:color=red@0.5", 10, (64, 48)),
        ("scale@big=128:96", 10, (128, 96)),
        ("reverse", 10, (64, 48)),
    ],
)
def test_ffmpeg_chains_run(text: str, count: int, size: tuple[int, int]) -> None:
    out = run(text)
    assert (len(out), (out[0].width, out[0].height)) == (count, size)


def test_pixels_are_those_of_the_filter() -> None:
    (image,) = images(1)
    (flipped,) = run("format=rgb24,hflip", [image])
    np.testing.assert_array_equal(flipped.to_ndarray(), image.to_ndarray()[:, ::-1])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nope", "no filter nope"),
        ("scale=w=foo", "Invalid size 'foo'"),
        ("scale=10:20:bogus=1", "bogus"),
        ("scale=32:32,", "name is missing"),
        ("", "name is missing"),
        ("hflip[", "not closed"),
        ("hflip]x", "no filter hflip]x"),
        ("hflip=x]y", "cannot parse"),
    ],
)
def test_a_bad_chain_is_refused_before_any_video_is_opened(text: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match="write it as for ffmpeg -vf") as caught:
        FilterChain(text)
    assert reason in str(caught.value)
    assert f"'{text}'" in str(caught.value)


@pytest.mark.parametrize("name", sorted(INSTEAD))
def test_what_stands_in_for_a_filter_that_is_missing_is_there(name: str) -> None:
    assert name not in filters_available
    named = set(re.findall(r"[a-z_0-9]+", INSTEAD[name].partition(":")[0].partition(";")[0]))
    assert not INSTEAD[name] or named & filters_available


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("eq=contrast=1.2", "eq is missing from this build of PyAV; instead: lutyuv"),
        ("crop=10:10,scale_vaapi=4:4", "scale_vaapi is missing from this build of PyAV; instead: "),
        (
            "[in]subtitles=a.srt",
            "subtitles is missing from this build of PyAV; it has no",
        ),
    ],
)
def test_a_filter_that_this_build_lacks_is_not_called_wrong(text: str, reason: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        FilterChain(text)
    assert reason in str(caught.value)
    assert "write it as for ffmpeg" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("crop=9999:10", "too big"),
        ("split", "exactly one output"),
        ("[q]hflip", r"no filter outputs \[q\]"),
        ("color=red", "exactly one input"),
        ("hflip[a][b]", "more labels"),
    ],
)
def test_a_chain_that_does_not_fit_the_picture_is_refused_at_the_first(
    text: str, reason: str
) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        run(text)


def test_a_new_size_starts_the_filters_afresh() -> None:
    both = [*images(5, 64, 48), *images(5, 32, 96)]
    out = run("tile=3x1", both)
    assert [(image.width, image.height) for image in out] == [(192, 48)] * 2 + [(96, 96)] * 2


def test_trim_says_when_it_has_seen_enough() -> None:
    chain = FilterChain("trim=end_frame=3")
    out: list[av.VideoFrame] = []
    for image in images(10):
        out += chain.apply(image, TICK, UPRIGHT)
    assert len(out) == 3
    assert chain.finished
    assert list(chain.drain()) == []


def test_quotes_and_escapes_are_ffmpegs() -> None:
    ((node,),) = parse(r" drawtext = text='a, b\: c':x=\,1 ")
    assert (node.name, node.options) == ("drawtext", r"text=a, b\: c:x=,1")


def test_whether_a_chain_keeps_the_rate_is_known() -> None:
    assert FilterChain("crop=10:10,hflip").keeps_rate
    assert not FilterChain("crop=10:10,fps=2").keeps_rate


TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a),
}


@pytest.mark.parametrize("tag", range(1, 9))
def test_every_exif_orientation_is_made_upright(tag: int) -> None:
    """Figure of the EXIF standard: where row 0 and column 0 of the stored picture belong."""
    (image,) = images(1)
    orientation = from_exif(tag)
    (upright,) = run("format=rgb24", [image], orientation)
    expected = TURNS[tag](image.to_ndarray())
    np.testing.assert_array_equal(upright.to_ndarray(), expected)
    assert orientation.upright(64, 48) == expected.shape[1::-1]


@pytest.mark.parametrize(
    ("matrix", "orientation"),
    [
        ((1, 0, 0, 1), Orientation()),
        ((-1, 0, 0, -1), Orientation(180)),
        ((0, -1, 1, 0), Orientation(90)),
        ((0, 1, -1, 0), Orientation(270)),
        ((-1, 0, 0, 1), Orientation(0, mirrored=True)),
        ((1, 0, 0, -1), Orientation(180, mirrored=True)),
    ],
)
def test_display_matrices(matrix: tuple[int, ...], orientation: Orientation) -> None:
    a, b, c, d = (65536 * entry for entry in matrix)
    assert from_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30]) == orientation
