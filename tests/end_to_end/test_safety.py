"""Nothing of the user's is lost or mixed up, whatever is asked for."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import streamsel as package
from streamsel.config.options import RunOptions, SelectOptions
from streamsel.decisions import FeedReport, Verdict
from streamsel.errors import ConfigurationError
from streamsel.frame import PrefilteredFrame
from streamsel.runtime.execute import execute
from streamsel.runtime.file_run import Pipeline
from streamsel.wiring.selection import build_selection
from tests.end_to_end.conftest import manifest, streamsel


def test_a_demo_does_not_write_over_a_file_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "demo.mp4").write_text("precious")
    ended = streamsel("demo", "-o", tmp_path)
    assert ended.code == 2
    assert (tmp_path / "demo.mp4").read_text() == "precious"


@pytest.mark.parametrize(
    "arguments",
    [
        ["broken.mp4", "-n", "5"],
        ["broken.mp4", "nowhere.mp4", "--share", "5%"],
        ["demo.mp4", "--share", "5%", "--per-input", "--vf", "fps=3"],
        ["demo.mp4", "--seed", "99999999999999999999"],
        ["demo.mp4", "-n", "99999999999"],
        ["demo.mp4", "-n", "5", "--fps", "inf"],
        ["demo.mp4", "-n", "5", "--method", "random", "--min-distance", "0.5"],
    ],
)
def test_a_run_is_not_replaced_by_one_that_cannot_be(
    arguments: list[str], demo_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(demo_clip, "demo.mp4")
    Path("broken.mp4").write_text("not a video")
    assert streamsel("select", "demo.mp4", "-n", 5, "-o", "kept").code == 0
    before = manifest(Path("kept"))
    ended = streamsel("select", *arguments, "-o", "kept", "--overwrite")
    assert ended.code in {1, 2}
    assert "Traceback" not in ended.err
    assert manifest(Path("kept")) == before
    assert all((tmp_path / "kept" / line["path"]).exists() for line in before)


def test_a_file_that_was_replaced_is_not_continued(
    demo_clip: Path, second_clip: Path, tmp_path: Path
) -> None:
    clip, kept = tmp_path / "clip.mp4", tmp_path / "kept"
    shutil.copy(demo_clip, clip)
    assert streamsel("select", clip, "-n", 5, "-o", kept).code == 0
    shutil.copy(second_clip, clip)
    ended = streamsel("select", clip, "-n", 5, "-o", kept, "--resume")
    assert ended.code == 2
    assert "content.clip" in ended.err


def test_a_run_from_before_rules_had_numbers_is_not_continued(
    demo_clip: Path, tmp_path: Path
) -> None:
    kept, options = tmp_path / "kept", RunOptions(select=SelectOptions(count=5))
    built = build_selection([str(demo_clip)], options, kept)
    assert execute(built.pipeline, [built.sink])
    with contextlib.closing(sqlite3.connect(kept / "streamsel.db")) as database, database:
        database.execute("UPDATE runs SET identity = json_remove(identity, '$.rules')")
    with pytest.raises(ConfigurationError, match=r"names follow rules 1.*pictures follow rules 1"):
        build_selection([str(demo_clip)], options, kept, resume=True)


def test_a_finished_run_still_names_what_failed(demo_clip: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_text("not a video")
    arguments = ["select", tmp_path / "broken.mp4", demo_clip, "-n", 5, "-o", tmp_path / "kept"]
    for flags in ([], ["--resume"]):
        ended = streamsel(*arguments, *flags)
        assert ended.code == 1
        assert "1 input failed: broken" in ended.out


def test_an_input_that_failed_last_is_tried_again(demo_clip: Path, tmp_path: Path) -> None:
    broken, kept = tmp_path / "broken.mp4", tmp_path / "kept"
    broken.write_text("not a video")

    class Watcher:
        def __init__(self) -> None:
            self.opened: list[str] = []
            self.pipeline: Pipeline | None = None

        def feed_opened(self, feed: str, expected_frames: int | None, done_frames: int) -> None:
            self.opened.append(feed)

        def seen(self, prefiltered_frames: Sequence[PrefilteredFrame]) -> None:
            """Not of interest."""

        def judged(self, verdicts: Sequence[Verdict]) -> None:
            """Not of interest."""

        def feed_ended(self, report: FeedReport) -> None:
            if report.error is not None and self.pipeline is not None:
                self.pipeline.stop()

    def run(inputs: Sequence[Path], watcher: Watcher, *, stop: bool) -> bool:
        built = build_selection(
            [str(path) for path in inputs],
            RunOptions(select=SelectOptions(count=5)),
            kept,
            resume=True,
            observers=[watcher],
        )
        watcher.pipeline = built.pipeline if stop else None
        return execute(built.pipeline, [built.sink])

    first, again = Watcher(), Watcher()
    assert not run([broken, demo_clip], first, stop=True)
    assert first.opened == ["broken"]
    assert run([broken, demo_clip], again, stop=False)
    assert again.opened == ["broken", "demo"]


def test_a_broken_input_does_not_refuse_a_share_of_the_others(
    demo_clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.mp4").write_text("not a video")
    ended = streamsel(
        "select", tmp_path / "broken.mp4", demo_clip, "--share", "5%", "-o", tmp_path / "kept"
    )
    assert ended.code == 1
    assert len(manifest(tmp_path / "kept")) >= 8


def test_results_of_earlier_runs_are_not_inputs(demo_clip: Path, tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    shutil.copy(demo_clip, videos)
    assert streamsel("select", videos, "-n", 5, "-o", videos / "first").code == 0
    assert streamsel("select", videos, "-n", 5, "-o", videos / "second").code == 0
    assert {line["feed"] for line in manifest(videos / "second")} == {"demo"}


def test_kept_pictures_can_be_selected_from_again(demo_clip: Path, tmp_path: Path) -> None:
    assert streamsel("select", demo_clip, "-n", 12, "-o", tmp_path / "first").code == 0
    frames = tmp_path / "first" / "frames" / "demo"
    ended = streamsel("select", frames, "-n", 4, "-o", tmp_path / "second")
    assert ended.code == 0, ended.err
    assert len(manifest(tmp_path / "second")) == 4


def test_an_empty_span_says_so(demo_clip: Path, tmp_path: Path) -> None:
    ended = streamsel("select", demo_clip, "-n", 3, "--start", "10m", "-o", tmp_path / "kept")
    assert "nothing was read" in ended.out


def test_a_window_goes_on_over_several_files(
    demo_clip: Path, second_clip: Path, tmp_path: Path
) -> None:
    alone = streamsel(
        "select", second_clip, "-n", 40, "--window", "3s", "--json", "-o", tmp_path / "alone"
    )
    both = streamsel(
        "select", demo_clip, second_clip, "-n", 40, "--window", "3s", "-o", tmp_path / "both"
    )
    assert both.code == 0, both.err
    feeds = [line["feed"] for line in manifest(tmp_path / "both")]
    assert feeds.count("second") >= alone.json["kept"] / 2
    late = [line["media_time"] for line in manifest(tmp_path / "both") if line["feed"] == "demo"]
    assert not late or min(late) >= 0


@pytest.mark.parametrize("wrong", [{"share": 20.0}, {"share": float("nan")}, {"start": -1.0}])
def test_python_values_are_checked_too(wrong: dict[str, float], demo_clip: Path) -> None:
    select: Callable[..., package.Selection] = package.select
    with pytest.raises(package.StreamselError):
        select(demo_clip, **wrong)


def test_selecting_from_within_a_running_loop(demo_clip: Path) -> None:
    async def notebook() -> int:
        return len(package.select(demo_clip, count=3).frames)

    assert asyncio.run(notebook()) == 3


def test_the_programs_own_signal_handlers_are_put_back(demo_clip: Path) -> None:
    def mine(number: int, frame: object) -> None:
        """Never called."""

    before = signal.signal(signal.SIGTERM, mine)
    try:
        package.select(demo_clip, count=2)
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)


def test_an_interrupt_is_noticed_before_the_first_frame(demo_clip: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "streamsel", "select", demo_clip, "-n", "3"),
            *("--start", "9000h", "--vf", "loop=loop=-1:size=50", "-o", tmp_path / "kept"),
        ],
        stdout=subprocess.DEVNULL,
    )
    while not (tmp_path / "kept" / "streamsel.db").exists():
        assert process.poll() is None
    # Where the tests run in the background, an interrupt is ignored until the run takes it up.
    for _ in range(24):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            assert process.wait(timeout=5) == 130
            return
    process.kill()
    process.wait()
    pytest.fail("the interrupt was not noticed")
