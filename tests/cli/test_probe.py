"""``streamsel probe`` against a real RTSP server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamsel.cli.probe import command
from streamsel.errors import SourceError
from tests.servers.clips import RATE, camera_clip
from tests.servers.rtsp import Mount, RtspServer


@pytest.fixture(scope="module")
def guarded(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    folder = tmp_path_factory.mktemp("probe")
    mounts = {"/main": Mount([camera_clip(ffmpeg, folder / "main.mp4", seconds=5)])}
    with RtspServer(folder, mounts, user=("viewer", "canary-right")) as running:
        yield running


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_it_says_what_the_camera_sends(guarded: RtspServer, transport: str) -> None:
    ended = CliRunner().invoke(command, [guarded.url("/main"), "--transport", transport, "--json"])
    assert ended.exit_code == 0, ended.output
    seen = json.loads(ended.stdout)
    assert (seen["codec"], seen["width"], seen["height"]) == ("h264", 640, 360)
    assert seen["measured_fps"] == pytest.approx(RATE, rel=0.1)
    assert seen["keyframe_interval"] == pytest.approx(1.0, abs=0.1)
    assert seen["timestamps_fine"] is True
    assert seen["first_picture"] > 0
    assert "canary" not in ended.output


def test_it_says_so_to_people_without_the_password(guarded: RtspServer) -> None:
    ended = CliRunner().invoke(command, [guarded.url("/main")])
    assert ended.exit_code == 0, ended.output
    assert "h264" in ended.output
    assert "640x360" in ended.output
    assert "canary" not in ended.output


def test_a_refused_password_is_one_line_without_it(guarded: RtspServer) -> None:
    ended = CliRunner().invoke(command, [guarded.url("/main", password="canary-wrong")])
    assert isinstance(ended.exception, SourceError)
    assert len(str(ended.exception).splitlines()) == 1
    assert "refused" in str(ended.exception)
    assert "canary" not in str(ended.exception) + ended.output
