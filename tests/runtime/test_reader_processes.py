from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest

from streamsel.errors import SourceError
from streamsel.runtime.reader_processes import ReaderProcesses, RemoteSource
from tests.polling import eventually
from tests.runtime.far import Scripted
from tests.runtime.stages import CountingSource

Reading: TypeAlias = Callable[..., tuple[list[RemoteSource], dict[str, object]]]


@pytest.fixture
def reading() -> Iterator[Reading]:
    """Makes far sources over children, and sees that nothing is left of them."""
    opened = []
    threads = threading.active_count()
    descriptors = len(os.listdir("/proc/self/fd"))

    def over(count: int, *scripts: Scripted) -> tuple[list[RemoteSource], dict[str, object]]:
        children = ReaderProcesses(count)
        opened.append(children)
        trails: dict[str, object] = {}
        far = []
        for script in scripts:
            adopt = partial(trails.__setitem__, script.feed)
            source = RemoteSource(CountingSource(script.feed, 0), script, adopt, children)
            children.add(source)
            far.append(source)
        return far, trails

    yield over
    for children in opened:
        children.close()
        assert not children._children
    assert threading.active_count() == threads
    assert len(os.listdir("/proc/self/fd")) == descriptors


def indices(source: RemoteSource) -> list[tuple[str, int]]:
    return [(one.frame.key.feed, one.frame.key.index) for one in source.prefiltered_frames()]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_feeds_come_whole_and_in_order(reading: Reading, count: int) -> None:
    lengths = {"a": 70, "b": 0, "c": 1, "d": 33, "e": 300}
    scripts = [Scripted(name, frames) for name, frames in lengths.items()]
    far, trails = reading(count, *scripts)
    for source, script in zip(far, scripts, strict=True):
        assert indices(source) == [(script.feed, index) for index in range(script.frames)]
        assert trails[script.feed] == (script.feed, script.frames)
        assert source.warnings() == (f"feed '{script.feed}': torch is not there",)


def test_a_feed_that_fails_leaves_what_came_before_and_the_others(reading: Reading) -> None:
    far, _ = reading(2, Scripted("a", 40, "lost"), Scripted("b", 5, "unopened"), Scripted("c", 3))
    seen: list[int] = []
    with pytest.raises(SourceError, match="feed 'a': was lost"):
        seen.extend(one.frame.key.index for one in far[0].prefiltered_frames())
    with pytest.raises(SourceError, match="feed 'b': cannot be opened"):
        indices(far[1])
    assert len(indices(far[2])) == 3


@pytest.mark.parametrize(("ending", "why"), [("killed", "signal 9"), ("defect", "exit code 3")])
def test_a_child_that_dies_is_the_end_of_its_feed_alone(
    reading: Reading, ending: str, why: str
) -> None:
    far, _ = reading(1, Scripted("a", 64, ending), Scripted("b", 40))
    with pytest.raises(SourceError, match=f"feed 'a': its reading process .*{why}"):
        indices(far[0])
    assert len(indices(far[1])) == 40


def test_stopping_ends_feeds_that_never_end(reading: Reading) -> None:
    far, _ = reading(2, Scripted("a", 1, "never"), Scripted("b", 1, "never"))
    coming = far[0].prefiltered_frames()
    assert next(coming).frame.key.index == 0
    far[0].stop()
    with pytest.raises(SourceError):
        for _ in coming:
            pass


def test_leaving_early_ends_the_children(reading: Reading) -> None:
    far, _ = reading(2, Scripted("a", 1, "never"), Scripted("b", 1, "never"))
    coming = far[0].prefiltered_frames()
    next(coming)
    coming.close()


def test_what_a_child_that_died_saw_is_found_by_the_parents_own_means(reading: Reading) -> None:
    far, trails = reading(1, Scripted("a", 40, "killed"))
    with pytest.raises(SourceError):
        indices(far[0])
    assert not trails


def test_what_is_wrong_is_told_as_the_child_saw_it(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    far, _ = reading(1, Scripted("a", 3))
    monkeypatch.setattr(far[0]._source, "warnings", lambda: ("found again: 1 damaged packet",))
    indices(far[0])
    assert far[0].warnings() == ("feed 'a': torch is not there",)


def test_modules_in_the_working_directory_are_not_taken_for_ours(
    reading: Reading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("numpy", "streamsel"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not what was meant')")
    monkeypatch.chdir(tmp_path)
    far, _ = reading(1, Scripted("a", 3))
    assert len(indices(far[0])) == 3


def test_a_child_that_cannot_be_started_is_told(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamsel.runtime.reader_processes._PYTHON", ("/nowhere/python",))
    far, _ = reading(2, Scripted("a", 3), Scripted("b", 3))
    for source in far:
        why = rf"feed '{source.feed}': a process .* cannot be started \(No such file.*fewer jobs"
        with pytest.raises(SourceError, match=why):
            indices(source)


_PARENT = """
import os, sys
from streamsel.runtime.reader_processes import ReaderProcesses, RemoteSource
from tests.runtime.far import Scripted
from tests.runtime.stages import CountingSource

children = ReaderProcesses(1)
far = RemoteSource(CountingSource("a", 0), Scripted("a", 32, "silent"), print, children)
children.add(far)
coming = far.prefiltered_frames()
next(coming)
(child,) = children._children.values()
print(child._process.pid, flush=True)
os._exit(9)
"""


def test_a_child_in_a_feed_that_hangs_leaves_when_its_parent_was_killed() -> None:
    ended = subprocess.run([sys.executable, "-c", _PARENT], capture_output=True, text=True)
    assert ended.returncode == 9, ended.stderr
    eventually(lambda: not runs(ended.stdout.strip()), what="the child leaves")


def runs(process: str) -> bool:
    """Whether a process is there, and not only its number, for a parent that does not ask."""
    try:
        return "zombie" not in Path("/proc", process, "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
