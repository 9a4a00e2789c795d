"""A full disk: a clear error, the index intact, and the run continues once there is room."""

from __future__ import annotations

import subprocess
from pathlib import Path

from streamsel.record.reader import Record
from tests.end_to_end.conftest import manifest, streamsel


def test_a_full_disk_loses_nothing(demo_clip: Path, small_disk: Path, tmp_path: Path) -> None:
    kept = small_disk / "kept"
    arguments = ["select", demo_clip, "-n", 60, "--format", "png", "--size", "960x540"]
    whole = tmp_path / "whole"
    assert streamsel(*arguments, "-o", whole).code == 0
    ended = streamsel(*arguments, "-o", kept)
    assert ended.code == 1
    assert "full" in ended.err
    assert "Traceback" not in ended.err
    with Record.open(kept) as record:
        claimed = [one.picture for one in record.kept() if one.picture is not None]
    for picture in claimed:
        assert (kept / picture.path).stat().st_size == picture.bytes
    subprocess.run(["mount", "-o", "remount,size=256m", small_disk], check=True)
    again = streamsel(*arguments, "-o", kept, "--resume")
    assert again.code == 0, again.err
    assert manifest(kept) == manifest(whole)
