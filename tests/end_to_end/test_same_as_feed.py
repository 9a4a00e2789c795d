"""A file and a live feed of the same frames are decided alike where both decide at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import streamsel
from streamsel.errors import ConfigurationError
from streamsel.record.reader import Record
from tests.end_to_end.service import Service
from tests.golden.clips import draw
from tests.golden.run import command
from tests.polling import eventually
from tests.servers.clips import camera_clip, passers_clip, still_clip

OPTIONS: dict[str, dict[str, object]] = {
    "defaults": {"count": 12},
    "limited": {"count": 6, "window": "2s", "min_distance": 0.05},
    "spread": {"count": 8, "burst": "1/4s"},
}
RUNS = (
    *(
        (name, options)
        for name in ("camera", "still", "spoiled")
        for options in ("defaults", "limited")
    ),
    *(("passers", options) for options in ("defaults", "spread")),
)


def decided(folder: Path, feed: str) -> tuple[list[Any], list[Any]]:
    """Every decision about the frames of a feed, and every change of its kept frames, in order."""
    with Record.open(folder) as record:
        return (
            [one for one in record.decisions() if one.key.feed == feed],
            [one for one in record.changes() if one.key.feed == feed],
        )


@pytest.fixture(scope="module")
def clips(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """What cameras see: motion, the noise of a sensor, frames that are refused, passers-by."""
    folder = tmp_path_factory.mktemp("clips")
    return {
        "camera": camera_clip(ffmpeg, folder / "camera.mp4", seconds=8, size=(160, 90)),
        "still": still_clip(ffmpeg, folder / "still.mp4", size=(160, 90)),
        "spoiled": draw("spoiled", folder),
        "passers": passers_clip(ffmpeg, folder / "passers.mp4"),
    }


@pytest.fixture(scope="module")
def watched(clips: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a service that has watched every clip, with some sets of options."""
    folder = tmp_path_factory.mktemp("watched")
    feeds = {
        f"{options}-{name}": {"source": f"file:{clips[name]}?pace=0", **OPTIONS[options]}
        for name, options in RUNS
    }
    with Service(folder, {"feeds": feeds, "sinks": {"disk": {"path": "kept"}}}) as service:
        eventually(
            lambda: {feed["state"] for feed in service.feeds().values()} == {"ended"},
            within=90,
            what="every clip is judged",
        )
        assert service.stop() == 0
    return folder / "kept"


@pytest.mark.parametrize(("name", "options"), RUNS)
def test_a_file_is_decided_as_a_feed_is(
    name: str, options: str, clips: Mapping[str, Path], watched: Path, tmp_path: Path
) -> None:
    feed = f"{options}-{name}"
    clip = (tmp_path / feed).with_suffix(clips[name].suffix)
    clip.symlink_to(clips[name])
    given = [f"--{option.replace('_', '-')}={value}" for option, value in OPTIONS[options].items()]
    at_once = ("--look-ahead", 1, "--calibration", "on-the-way")
    command("select", clip, "-o", tmp_path / "kept", *at_once, *given)
    decisions, changes = decided(tmp_path / "kept", feed)
    assert (decisions, changes) == decided(watched, feed)


def test_decisions_of_every_kind_were_compared(watched: Path) -> None:
    with Record.open(watched) as record:
        reasons = {one.reason for one in record.decisions()}
        evictions = {one.reason for one in record.changes() if one.kind == "evicted"}
    assert reasons >= {"novel", "covered", "near-duplicate", "burst", "black", "unchanged"}
    assert evictions >= {"closest-pair", "exchanged", "near-duplicate", "expired"}


def test_a_run_goes_on_only_with_the_calibration_that_it_began_with(
    clips: Mapping[str, Path], tmp_path: Path
) -> None:
    clip, folder = clips["spoiled"], tmp_path / "kept"
    streamsel.select(clip, calibration="on-the-way", output=folder)
    streamsel.select(clip, calibration="on-the-way", output=folder, resume=True)
    with pytest.raises(ConfigurationError, match=r"calibration was .on-the-way"):
        streamsel.select(clip, output=folder, resume=True)
