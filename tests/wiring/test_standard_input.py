"""A video on standard input, spooled to a file that nothing is left of."""

from __future__ import annotations

import io
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from streamsel.errors import ConfigurationError, SinkError, SourceError
from streamsel.wiring import standard_input
from streamsel.wiring.standard_input import StandardInput, asks_for_standard_input


def leave(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    usage = SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=free))
    monkeypatch.setattr(standard_input, "shutil", usage)


def test_all_of_it_can_be_read_as_often_as_wanted_and_nothing_is_left(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000  # more than is read at once
    with closing(StandardInput(tmp_path, io.BytesIO(content))) as spooled:
        for _ in range(2):
            assert Path(spooled.location).read_bytes() == content
        assert list(tmp_path.iterdir()) == []
        place = spooled.location
    assert not Path(place).exists()


def test_as_much_is_taken_as_leaves_a_tenth_of_the_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standard_input, "_PIECE_BYTES", 100)
    leave(monkeypatch, 1_000)
    with closing(StandardInput(tmp_path, io.BytesIO(bytes(900)))) as spooled:
        assert Path(spooled.location).stat().st_size == 900
    with pytest.raises(SourceError, match=f"more than 900 bytes.*{tmp_path}"):
        StandardInput(tmp_path, io.BytesIO(bytes(901)))


def test_nothing_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is empty"):
        StandardInput(tmp_path, io.BytesIO())


def test_a_terminal_is_not_waited_for(tmp_path: Path) -> None:
    class Terminal(io.BytesIO):
        def isatty(self) -> bool:
            return True

    with pytest.raises(ConfigurationError, match="terminal"):
        StandardInput(tmp_path, Terminal(b"typed"))


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(monkeypatch, 1_000)
    with pytest.raises(SinkError, match=f"{tmp_path}/none: cannot be written"):
        StandardInput(tmp_path / "none", io.BytesIO(b"video"))


def test_it_can_be_asked_for_once_and_not_resumed() -> None:
    assert asks_for_standard_input(["a.mp4", "-"])
    assert not asks_for_standard_input(["a.mp4"], resume=True)
    with pytest.raises(ConfigurationError, match="give it once"):
        asks_for_standard_input(["-", "-"])
    with pytest.raises(ConfigurationError, match="--resume cannot continue"):
        asks_for_standard_input(["-"], resume=True)
