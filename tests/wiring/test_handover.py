"""A selection of files whose kept frames go to a sink of another package."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import streamsel
from streamsel.cli.main import cli
from streamsel.decisions import Kept
from streamsel.errors import ConfigurationError, SinkError
from streamsel.testing import RecordingSink
from streamsel.wiring.handover import hand_over
from tests.plugins import install
from tests.sinks.streams import end, kept_keys, opened, supply, turn, verdicts

OUTLETS = """
made = []
refused = set()

class Outlet:
    def __init__(self, url: str, retries: int = 3):
        self.url, self.retries, self.updates, self.closed = url, retries, [], 0
        made.append(self)

    def apply(self, update):
        if str(update.events[0].frame.key) in refused:
            raise OSError(f"{self.url} has no paper")
        self.updates.append(update)

    def close(self):
        self.closed += 1
"""


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = {"streamsel.sinks": {"outlet": "outlets:Outlet"}}
    install("outlets", groups, OUTLETS, tmp_path / "site", monkeypatch)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of six pictures that no embedder takes for one another."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(6):
        pixels = np.full((48, 64, 3), 60, np.uint8)
        pixels[:, number * 8 : number * 8 + 20] = np.eye(3)[number % 3] * 255
        pixels[number * 6 : number * 6 + 12] = 200 - 30 * number
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def outlets() -> Any:
    return import_module("outlets")


def delivered(outlet: Any) -> list[Kept]:
    return [event for update in outlet.updates for event in update.events]


def test_it_receives_what_is_kept_in_the_end_as_it_is_stored(
    pictures: Path, tmp_path: Path
) -> None:
    selection = streamsel.select(
        pictures, count=3, output=tmp_path / "kept", sink="outlet url='https://a/b c' retries=5"
    )
    [outlet] = outlets().made
    assert (outlet.url, outlet.retries, outlet.closed) == ("https://a/b c", 5, 1)
    events = delivered(outlet)
    assert [str(event.frame.key) for event in events] == sorted(frame.id for frame in selection)
    assert len(events) == 3
    stored = {frame.id: frame.path.read_bytes() for frame in selection}
    for event in events:
        encoded = event.frame.picture.encoded
        assert encoded is not None
        assert encoded.content == stored[str(event.frame.key)]
        assert (encoded.width, encoded.height) == (64, 48)
        assert event.embedding is not None
        assert event.reason == "novel"


def test_what_it_refuses_is_delivered_by_a_resumed_run(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "canary-4711")
    folder, sink = tmp_path / "kept", "outlet url=https://a/b?key=${KEY}"
    once = streamsel.select(pictures, count=3, output=folder)
    keys = sorted(frame.id for frame in once)

    def resume() -> streamsel.Selection:
        return streamsel.select(pictures, count=3, output=folder, resume=True, sink=sink)

    outlets().refused.add(keys[1])
    with pytest.raises(SinkError) as raised:
        resume()
    assert str(raised.value) == (
        "sink 'outlet' of outlets 1.0 failed: OSError: https://a/b?key=*** has no paper. "
        f"The frames are stored in {folder}; resume the run to deliver them again"
    )
    assert [str(event.frame.key) for event in delivered(outlets().made[0])] == keys[:1]
    outlets().refused.clear()
    assert resume().complete
    assert [str(event.frame.key) for event in delivered(outlets().made[1])] == keys
    assert [one.closed for one in outlets().made] == [1, 1]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("outlt url=a", "no installed package adds a sink 'outlt'"),
        ("outlet", "missing a required argument: 'url'"),
        ("outlet url=a retries=canary", "refuses its option retries"),
        ("outlet url=a canary", "its options are written as KEY=VALUE"),
        ("outlet url='canary", "a sink is written as NAME KEY=VALUE"),
        ("outlet url=${NOWHERE}", "environment variable NOWHERE is not set"),
        (["outlet url=a", "outlet url=b"], "sink 'outlet' is given twice"),
    ],
)
def test_mistakes_are_found_before_a_folder_is_made(
    pictures: Path, tmp_path: Path, written: str | list[str], told: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        streamsel.select(pictures, count=3, output=tmp_path / "kept", sink=written)
    assert told in str(raised.value)
    assert "canary" not in str(raised.value)
    assert not (tmp_path / "kept").exists()
    assert not any(one.closed == 0 for one in getattr(outlets(), "made", ()))


def test_the_command_has_it_too(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "4711")
    common = ["select", str(pictures), "-n", "3", "--quiet", "-o", str(tmp_path / "kept")]
    planned = CliRunner().invoke(cli, [*common, "--sink", "outlet", "--dry-run"])
    assert isinstance(planned.exception, ConfigurationError)
    assert "missing a required argument: 'url'" in str(planned.exception)
    ran = CliRunner().invoke(cli, [*common, "--sink", "outlet url=https://a/b?key=${KEY}"])
    assert ran.exit_code == 0, ran.output
    [outlet] = outlets().made
    assert outlet.url == "https://a/b?key=4711"
    assert len(delivered(outlet)) == 3


def test_a_frame_without_a_picture_is_delivered_without_one(tmp_path: Path) -> None:
    made, recording = list(verdicts(seen=False)), RecordingSink()
    folder = tmp_path / "kept"
    run = opened(folder)
    run.apply(turn(made))
    run.close()
    hand_over(folder, [recording], resumable=True)
    assert list(recording.kept) == kept_keys(made)
    pictures = [event.frame.picture.encoded for event in recording.kept.values()]
    assert pictures == [None] * len(pictures)


@pytest.mark.parametrize("resumable", [True, False])
def test_a_picture_that_is_gone_is_named(tmp_path: Path, resumable: bool) -> None:
    folder = tmp_path / "kept"
    run = opened(folder)
    run.apply(turn(list(verdicts())))
    supply(run)
    end(run)
    gone = min((folder / "frames").rglob("*.png"))
    gone.unlink()
    with pytest.raises(SinkError, match=f"^{gone}: cannot be read: No such file") as raised:
        hand_over(folder, [RecordingSink()], resumable=resumable)
    assert ("resume the run" in str(raised.value)) == resumable
