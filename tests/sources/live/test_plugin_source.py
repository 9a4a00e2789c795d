"""Live sources of other packages: pictures from an iterator become frames, faults become errors."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from importlib import import_module
from itertools import islice
from pathlib import Path

import av
import pytest

from streamsel.clock import SystemClock
from streamsel.decisions import SourceCounters
from streamsel.errors import SourceError
from streamsel.frame import Frame
from streamsel.plugins import plugins
from streamsel.sources.covering import Areas
from streamsel.sources.inputs import expand
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.live.plugin import PluginSource
from streamsel.sources.live.plugin_address import OWN_SCHEMES, plugin_of
from streamsel.sources.masks import read_masks
from tests.plugins import install

LABORATORY = """
import av
import numpy as np

closed = []
given = []

def greys(address):
    given.append(address)
    try:
        for grey in range(0, 250, 10):
            yield np.full((48, 64, 3), grey, np.uint8)
    finally:
        closed.append(address)

def images(address):
    return [av.VideoFrame(64, 48, "yuv420p") for _ in range(3)]

def backwards(address):
    return iter([np.zeros((48, 128, 3), np.uint8)[:, ::-2]])

class OutOfPaperError(Exception):
    pass

def failing(address):
    yield np.zeros((48, 64, 3), np.uint8)
    raise OutOfPaperError("rtsp://user:secret@10.0.0.4/a")

def grey(address):
    yield np.zeros((48, 64), np.uint8)

def floats(address):
    yield np.zeros((48, 64, 3))

def paths(address):
    yield "picture.jpg"

def huge(address):
    yield np.broadcast_to(np.zeros(3, np.uint8), (100_000, 100_000, 3))

def number(address):
    return 7

def empty(address):
    yield av.VideoFrame()

def nothing(address):
    yield np.zeros((48, 64, 3), np.uint8)
    yield None

def leaving(address):
    yield np.zeros((48, 64, 3), np.uint8)
    raise SystemExit(3)

constant = 7
"""


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., PluginSource]:
    names = re.findall(r"def (\w+)\(address\)", LABORATORY)
    points = {name: f"laboratory:{name}" for name in (*names, "constant", "absent")}
    install("laboratory", {"streamsel.sources": points}, LABORATORY, tmp_path, monkeypatch)
    found = {plugin.name: plugin for plugin in plugins("source")}

    def make(location: str, options: LiveOptions | None = None) -> PluginSource:
        plugin = found[plugin_of(location) or ""]
        return PluginSource("lab", location, plugin, options or LiveOptions(), SystemClock())

    return make


def grey_of(frame: Frame) -> int:
    assert frame.picture.image is not None
    return int(frame.picture.image.to_ndarray(format="rgb24").mean())


def test_pictures_become_frames_in_their_place(source: Callable[..., PluginSource]) -> None:
    lab = source("greys:line 7?x=1")
    with closing(lab.session(40, 8.0)) as session:
        frames = list(islice(session, 5))
    assert [frame.key.index for frame in frames] == [40, 41, 42, 43, 44]
    assert [grey_of(frame) for frame in frames] == [0, 10, 20, 30, 40]
    assert all(frame.media_time >= 8.0 and frame.received is not None for frame in frames)
    assert (frames[0].width, frames[0].height) == (64, 48)
    assert lab.tally() == SourceCounters(5, 5)
    laboratory = import_module("laboratory")
    assert laboratory.given == laboratory.closed == ["line 7?x=1"]


def test_its_end_loses_the_feed_and_it_is_opened_again(
    source: Callable[..., PluginSource],
) -> None:
    lab = source("greys:a")
    for _ in range(2):
        with closing(lab.session(0, 0.0)) as session, pytest.raises(SourceError) as lost:
            list(session)
        assert str(lost.value) == (
            "feed 'lab': greys:a: there are no more pictures; "
            "the source 'greys' of laboratory 1.0 ended them"
        )
    lab.stop()
    assert list(lab.session(0, 0.0)) == []


def test_a_filter_chain_that_ends_is_blamed_for_it(source: Callable[..., PluginSource]) -> None:
    lab = source("greys:a", LiveOptions(filters="trim=end_frame=2"))
    with pytest.raises(SourceError, match="greys:a: its filter chain lets nothing more pass"):
        list(lab.session(0, 0.0))
    assert lab.tally().decoded <= 5


def test_images_of_pyav_and_arrays_in_any_order_of_memory(
    source: Callable[..., PluginSource],
) -> None:
    for name, expected in (("images:", 3), ("backwards:", 1)):
        with closing(source(f"{name}x").session(0, 0.0)) as session:
            assert [next(session).width for _ in range(expected)] == [64] * expected
            with pytest.raises(SourceError, match="no more pictures"):
                next(session)


def test_the_feeds_options_apply(source: Callable[..., PluginSource]) -> None:
    areas = Areas.of(read_masks(["0,0,0.5,1:black"]))
    lab = source("greys:a", LiveOptions(filters="scale=32:24,negate", areas=areas))
    with closing(lab.session(0, 0.0)) as session:
        *_, frame = islice(session, 6)
    image = frame.picture.image
    assert isinstance(image, av.VideoFrame)
    pixels = image.to_ndarray(format="rgb24")
    assert pixels.shape == (24, 32, 3)
    assert pixels[:, 20:].mean() == pytest.approx(255 - 50, abs=2)
    assert pixels[:, :12].mean() == pytest.approx(255, abs=2)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("failing", "failed: OutOfPaperError: rtsp://user:***@10.0.0.4/a"),
        ("grey", "yielded an array (48, 64) of uint8; it must be"),
        ("floats", "yielded an array (48, 64, 3) of float64; it must be"),
        ("paths", "yielded an instance of str; it must be"),
        ("huge", "yielded 100000 x 100000 pixels; it must be"),
        ("empty", "yielded 0 x 0 pixels; it must be"),
        ("nothing", "yielded None; it must be"),
        ("leaving", "failed: SystemExit: 3"),
        ("number", "returned an instance of int; yield pictures"),
        ("constant", "is no function, but an instance of int: laboratory:constant"),
        ("absent", "cannot be loaded: AttributeError"),
    ],
)
def test_what_is_wrong_is_told_with_the_package(
    name: str, told: str, source: Callable[..., PluginSource]
) -> None:
    with closing(source(f"{name}:x").session(0, 0.0)) as session, pytest.raises(SourceError) as why:
        list(session)
    assert f"source '{name}' of laboratory 1.0 {told}" in str(why.value)


@pytest.mark.parametrize(
    "address",
    [
        "whip",
        "/dev/video0",
        "usb:0",
        "file:clip.mp4",
        "snapshot+http://10.0.0.4/a.jpg",
        "RTSP://x/a",
    ],
)
def test_what_is_read_here_is_no_plugins(address: str) -> None:
    assert plugin_of(address) is None


@pytest.mark.usefixtures("source")
def test_where_files_are_wanted_it_is_said_that_it_is_live() -> None:
    live, missing = expand(["greys:token=canary", "nobodys:a"]).errors
    assert "streamsel watch --feed greys=greys:token=***" in str(live)
    assert "does not exist" in str(missing)


def test_names_are_those_of_schemes() -> None:
    assert plugin_of("Pylon://10.0.0.4") == "pylon"
    assert plugin_of("10.0.0.4:554/main") is None
    assert "https" in OWN_SCHEMES
