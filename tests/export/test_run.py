"""A file of an export: whole, or not there."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from streamsel.errors import ConfigurationError, DiskFullError
from streamsel.export.run import whole_file


def write(path: Path, content: bytes, *, overwrite: bool = False) -> None:
    with whole_file(path, overwrite=overwrite) as file:
        file.write(content)


def test_a_file_gets_its_name_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    with whole_file(path, overwrite=False) as file:
        file.write(b"content")
        assert not path.exists()
    assert path.read_bytes() == b"content"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_exists_is_replaced_only_when_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    path.write_bytes(b"old")
    with pytest.raises(ConfigurationError, match="exists already"):
        write(path, b"new")
    assert path.read_bytes() == b"old"
    write(path, b"new", overwrite=True)
    assert path.read_bytes() == b"new"
    write(tmp_path / "other.csv", b"new", overwrite=True)


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_no_file_is_not_replaced(tmp_path: Path, overwrite: bool) -> None:
    with pytest.raises(ConfigurationError, match="is not a file"):
        write(tmp_path, b"", overwrite=overwrite)


def test_after_a_failure_the_old_file_is_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    path.write_bytes(b"old")

    def fail() -> None:
        with whole_file(path, overwrite=True) as file:
            file.write(b"new")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DiskFullError):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
