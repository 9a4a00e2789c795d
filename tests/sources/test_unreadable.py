"""Videos that cannot be read as they are: the message says what they are, and what to do."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from streamsel.choices import Decode
from streamsel.cli.main import cli
from streamsel.errors import SourceError, UnreadableError
from streamsel.sources.file import FileSource
from streamsel.sources.images import ImageSource
from tests.servers.web import WebServer
from tests.sources.media import X264, write_video

ENCRYPTION = {
    "encryption_scheme": "cenc-aes-ctr",
    "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb",
    "encryption_kid": "a7e61c373e219033c21091fa607bf3b8",
}


@pytest.mark.parametrize("decode", ["all", "keyframes", "adaptive"])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_an_encrypted_video_says_so(tmp_path: Path, codec: str, decode: Decode) -> None:
    quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    path = write_video(
        tmp_path / "x.mp4", codec, frames=4, options={**quiet, "preset": "ultrafast"},
        container_options=ENCRYPTION,
    )  # fmt: skip
    with pytest.raises(UnreadableError, match=r"is encrypted .*; decrypt it first: ffmpeg"):
        list(FileSource("x", str(path), decode=decode).frames())


def test_a_start_beyond_the_end_is_an_error_of_that_input(
    media: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(media("h264.mp4"))  # 2 s
    with pytest.raises(SourceError, match=r"ends at 2.0 s, but start is 2 s"):
        list(FileSource("walk", path, start=2.0).frames())
    assert len(list(FileSource("walk", path, start=1.96).frames())) == 1
    # A run that is continued has had its frames before.
    assert list(FileSource("walk", path, start=1.0).frames(start=50)) == []
    words = ["select", path, "-n", "3", "--start", "100", "-o", str(tmp_path / "out")]
    assert cli.main(words, standalone_mode=False) == 1
    assert "but start is 100 s" in capsys.readouterr().err


def test_a_start_beyond_the_last_image_is_one_too(tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{number}.png") for number in range(3)]
    for path in paths:
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(path)
    with pytest.raises(SourceError, match=r"ends at 3.0 s"):
        list(ImageSource("walk", paths, start=3.0).frames())
    assert len(list(ImageSource("walk", paths, start=2.0).frames())) == 1


def test_an_index_at_the_end_behind_a_server_without_ranges_says_what_to_do(
    tmp_path: Path,
) -> None:
    # Larger than what ffmpeg reads ahead, so that it must go back.
    grain = {**X264, "qp": "1"}
    write_video(tmp_path / "end.mp4", frames=12, size=(640, 480), options=grain)
    front = {"movflags": "+faststart"}
    write_video(
        tmp_path / "front.mp4", frames=12, size=(640, 480), options=grain, container_options=front
    )
    with WebServer(tmp_path) as server:
        assert len(list(FileSource("x", server.url("/front.mp4")).frames())) == 12
        with pytest.raises(SourceError, match=r"-movflags \+faststart OUT, or download it first"):
            list(FileSource("x", server.url("/end.mp4")).frames())


def test_subtitles_alone_are_said_to_be_those(ffmpeg: Path, tmp_path: Path) -> None:
    (tmp_path / "s.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nhello\n")
    made = [ffmpeg, "-v", "error", "-i", tmp_path / "s.srt", tmp_path / "s.mkv"]
    subprocess.run(list(map(str, made)), check=True)
    with pytest.raises(UnreadableError, match="it contains only subtitles"):
        list(FileSource("s", str(tmp_path / "s.mkv")).frames())
