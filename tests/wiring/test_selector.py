"""The selector that options ask for, and what its method must know of the inputs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from streamsel.bounds import MOST_FRAMES
from streamsel.choices import Method
from streamsel.config.options import RunOptions, SelectOptions
from streamsel.coreset.values import BurstLimit
from streamsel.errors import ConfigurationError
from streamsel.interfaces.selectors import Selector
from streamsel.interfaces.sources import Source
from streamsel.selection.baselines import RandomSelector, UniformSelector
from streamsel.selection.online import OnlineSelector
from streamsel.selection.per_feed import PerFeedSelector
from streamsel.selection.two_pass import TwoPassSelector
from streamsel.sources.file import FileSource
from streamsel.wiring.selector import build_selector, burst_limit
from tests.sources.media import write_video
from tests.stand_ins import as_a

DIM = 4


@dataclass
class Endless:
    """A source that can be read, and does not say for how long."""

    path: Path
    feed: str = "endless"
    expected_frames: int | None = None
    expected_seconds: float | None = None

    @property
    def frames(self) -> object:
        return FileSource(self.feed, str(self.path)).frames


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clips") / "walk.mp4", frames=25)


@pytest.fixture
def sources(clip: Path) -> list[Source]:
    """A second of video, and a file that is none."""
    return [FileSource("walk", str(clip)), FileSource("gone", str(clip.parent / "gone.mp4"))]


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("online", OnlineSelector),
        ("two-pass", TwoPassSelector),
        ("random", RandomSelector),
        ("uniform", UniformSelector),
    ],
)
def test_each_method_has_its_selector(
    sources: list[Source], method: Method, kind: type[Selector]
) -> None:
    options = RunOptions(select=SelectOptions(method=method, count=5))
    assert type(build_selector(options, sources, DIM)) is kind
    each = RunOptions(select=SelectOptions(method=method, count=5, per_input=True))
    assert type(build_selector(each, sources, DIM)) is PerFeedSelector


def online(sources: list[Source], options: SelectOptions) -> OnlineSelector:
    made = build_selector(RunOptions(select=options), sources, DIM)
    assert isinstance(made, OnlineSelector)
    return made


def test_a_share_is_of_the_frames_that_can_be_read(sources: list[Source]) -> None:
    assert online(sources, SelectOptions(share=0.2)).capacity == 5
    assert online(sources[1:], SelectOptions(share=0.2)).capacity == 1
    assert online(sources, SelectOptions(count=7)).capacity == 7


def test_a_count_is_bounded_for_the_online_method(clip: Path) -> None:
    long = Endless(clip, expected_frames=10 * MOST_FRAMES)
    made = online([as_a(FileSource, long)], SelectOptions(share=0.5))
    assert made.capacity == MOST_FRAMES


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (SelectOptions(share=0.2), "a share needs inputs of known length, .* 'endless'"),
        (SelectOptions(method="uniform", count=5), "the uniform method needs .* 'endless'"),
    ],
)
def test_an_input_of_unknown_length_is_refused_where_it_matters(
    clip: Path, options: SelectOptions, told: str
) -> None:
    endless = as_a(FileSource, Endless(clip))
    with pytest.raises(ConfigurationError, match=told):
        build_selector(RunOptions(select=options), [endless], DIM)
    assert online([endless], SelectOptions(count=5)).capacity == 5


def test_a_burst_is_limited_as_it_is_written() -> None:
    assert burst_limit("off") is None
    assert burst_limit("3/10s") == BurstLimit(3, 10.0)
