"""``streamsel compare --decode``: what each way of decoding costs and gains on a video."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import CliRunner, Result

from streamsel.api.compare import compare_inputs
from streamsel.cli.main import cli
from streamsel.config.options import ReadOptions, RunOptions, SelectOptions
from streamsel.decisions import FeedReport, Verdict
from streamsel.errors import ConfigurationError
from streamsel.frame import PrefilteredFrame
from streamsel.runtime.execute import execute
from streamsel.wiring.collection import build_collection
from tests.sources.media import moving_picture

FRAMES = 500
EVENTS = {(20, 220, 40): range(310, 320), (220, 30, 200): range(410, 420)}
COUNT = 9


@pytest.fixture(scope="module")
def resting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture that rests, with a little noise, but for two events between keyframes."""
    path = tmp_path_factory.mktemp("clips") / "rests.mp4"
    chance = np.random.default_rng(5)
    x264 = {"preset": "veryfast", "x264-params": "keyint=25:min-keyint=25:scenecut=0"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options=x264)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        rests = moving_picture(0).astype(np.int16)
        for index in range(FRAMES):
            picture = rests + chance.integers(-2, 3, rests.shape)
            for colour, event in EVENTS.items():
                if index in event:
                    picture[40:100, 30:110] = colour
            image = av.VideoFrame.from_ndarray(picture.clip(0, 255).astype(np.uint8), "rgb24")
            container.mux(stream.encode(image))
        container.mux(stream.encode(None))
    return path


def compare(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["compare", *(str(one) for one in arguments)])


class Interrupter:
    """Presses Ctrl-C as soon as a feed of this name is opened."""

    def __init__(self, feed: str) -> None:
        self._feed = feed

    def feed_opened(self, feed: str, expected_frames: int | None, done_frames: int) -> None:
        if feed == self._feed:
            os.kill(os.getpid(), signal.SIGINT)

    def seen(self, prefiltered_frames: Sequence[PrefilteredFrame]) -> None: ...

    def judged(self, verdicts: Sequence[Verdict]) -> None: ...

    def feed_ended(self, report: FeedReport) -> None: ...


def test_what_ways_of_decoding_cost_and_gain(resting: Path) -> None:
    ended = compare(resting, "-n", COUNT, "--decode", "all,adaptive,keyframes", "--json")
    assert ended.exit_code == 0, ended.output
    table = json.loads(ended.stdout)
    full, adaptive, keyframes = table["decode"]
    assert [row["decode"] for row in table["decode"]] == ["all", "adaptive", "keyframes"]
    assert table["rows"][0]["count"] == full["frames"] == FRAMES
    assert (full["share"], full["speed"]) == (1, 1)
    assert adaptive["frames"] < 0.8 * FRAMES
    assert adaptive["share"] == adaptive["frames"] / FRAMES
    for method in ("online", "two-pass"):
        assert (full[method]["radius_ratio"], full[method]["missed"]) == (1, 0)
        # The events lie between keyframes: only the keyframes alone miss them.
        assert 0.9 <= adaptive[method]["radius_ratio"] < 2
        assert keyframes[method]["radius"] > 10 * full[method]["radius"]
        assert keyframes[method]["missed"] >= 20 / FRAMES
    assert all(row["seconds"] > 0 < row["cpu_seconds"] for row in table["decode"])


def test_the_same_as_text_for_each_input(resting: Path, tmp_path: Path) -> None:
    second = shutil.copy(resting, tmp_path / "second.mp4")
    ended = compare(resting, second, "-n", 5, "--per-input", "--decode", "keyframes,fast")
    assert ended.exit_code == 0, ended.output
    headings = [line for line in ended.stdout.splitlines() if "to keep" in line]
    assert [line.split(":")[0] for line in headings] == [
        "rests (decoded",
        "second (decoded",
    ]
    costs = [line.split() for line in ended.stdout.splitlines() if " online " in line]
    ways = [line[0] for line in costs if line[0] != "online"]
    assert ways == ["all", "keyframes", "fast"] * 2  # all is measured though it was not named
    assert "reading and embedding" in ended.stdout
    assert "rests (fast): read to its end" in ended.stderr


def test_one_way_alone_gives_the_table_of_its_frames(resting: Path) -> None:
    ended = compare(resting, "-n", 5, "--decode", "adaptive", "--json")
    one = json.loads(ended.stdout)
    assert one["decoded"] == "adaptive"
    assert "decode" not in one
    assert one["rows"][0]["count"] < FRAMES


@pytest.mark.parametrize(
    ("ways", "told"),
    [("all,some", "'some'"), ("", "empty"), ("all,,fast", "empty"), ("fast,all,fast", "twice")],
)
def test_a_list_that_cannot_be_is_a_usage_error(ways: str, told: str) -> None:
    ended = compare("walk.mp4", "--decode", ways)
    assert ended.exit_code == 2
    assert "--decode" in ended.stderr
    assert told in ended.stderr


def test_a_way_that_cannot_be_with_filters_is_refused_before_anything_is_read(
    tmp_path: Path,
) -> None:
    options = RunOptions(read=ReadOptions(filters="hflip"))
    with pytest.raises(ConfigurationError, match="filter chain"):
        compare_inputs([str(tmp_path / "none.mp4")], options, decodes=("all", "fast"))


def test_interrupted_what_was_read_is_measured(resting: Path) -> None:
    options = RunOptions(select=SelectOptions(count=COUNT))
    compared = compare_inputs(
        [str(resting)],
        options,
        decodes=("all", "keyframes", "adaptive"),
        observers=[Interrupter("rests (keyframes)")],
    )
    assert not compared.complete
    (table,) = compared.tables
    assert [row.decode for row in table.decode_rows] == ["all"]
    assert table.rows[0].count == FRAMES


def test_a_way_that_sees_nothing_of_a_stretch_is_measured_too(resting: Path) -> None:
    options = RunOptions(read=ReadOptions(start=8.04, end=8.6), select=SelectOptions(count=3))
    compared = compare_inputs([str(resting)], options, decodes=("all", "keyframes"))
    full, keyframes = compared.tables[0].decode_rows
    assert full.frames > 10
    assert keyframes.frames == 0
    assert keyframes.online.missed == 1


def test_only_what_selectors_look_at_is_held(resting: Path) -> None:
    run = build_collection([str(resting)], RunOptions())
    assert execute(run.pipeline)
    assert len(run.candidates) == FRAMES
    for one in run.candidates:
        assert one.frame.picture.held_bytes == 0
        assert one.prefiltered.luma_grid.size == 0
        assert one.prefiltered.thumbnail is None
        assert one.prefiltered.state.previous is None
        assert one.prefiltered.sharpness > 0
