"""Inputs from a list."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from streamsel.cli.listed import read_list, with_listed
from streamsel.errors import ConfigurationError


def piped(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))


def test_a_list_comes_after_what_was_typed(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes("\ufeffa b.mp4\r\n\n  \n#1.mp4\n散歩.mp4".encode())
    listed = with_listed(("typed.mp4",), str(tmp_path / "list"))
    assert listed == ("typed.mp4", "a b.mp4", "#1.mp4", "散歩.mp4")


def test_with_nul_an_entry_may_hold_anything_else() -> None:
    assert read_list(b"two\nlines.mp4\0 spaced \0") == ["two\nlines.mp4", " spaced "]
    assert read_list(b"\xff.mp4\0") == ["\udcff.mp4"]


def test_the_list_may_come_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    piped(monkeypatch, b"a.mp4\nb.mp4\n")
    assert with_listed((), "-") == ("a.mp4", "b.mp4")


def test_no_list_and_no_input_is_a_mistake_of_usage() -> None:
    assert with_listed(("a.mp4",), None) == ("a.mp4",)
    with pytest.raises(click.UsageError, match="INPUT"):
        with_listed((), None)


def test_lists_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").write_text("\n\n")
    with pytest.raises(ConfigurationError, match="lists nothing"):
        with_listed((), str(tmp_path / "empty"))
    with pytest.raises(ConfigurationError, match="none: cannot be read"):
        with_listed((), str(tmp_path / "none"))
    with pytest.raises(click.UsageError, match="either a list"):
        with_listed(("-",), "-")
    piped(monkeypatch, b"a.mp4\n-\n")
    with pytest.raises(ConfigurationError, match="leave - out"):
        with_listed((), "-")


def test_what_is_no_list_is_not_taken_apart(tmp_path: Path) -> None:
    """A piece of it may well be there: ``.`` is."""
    (tmp_path / "walk.mp4").write_bytes(b"\0\0\0\x18ftypisom\0.\0/\0")
    with pytest.raises(ConfigurationError, match="binary data"):
        with_listed((), str(tmp_path / "walk.mp4"))
    for encoding in ("utf-16-le", "utf-16-be"):
        (tmp_path / "list").write_bytes("\ufeff./a.mp4\r\n".encode(encoding))
        with pytest.raises(ConfigurationError, match="UTF-16; save it as UTF-8"):
            with_listed((), str(tmp_path / "list"))
