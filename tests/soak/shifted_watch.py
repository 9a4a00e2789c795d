"""``streamsel`` by a clock that is as many seconds off as a file says, for the yard."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamsel.cli.main import main
from streamsel.clock import SystemClock

OFFSET_FILE = "YARD_OFFSET_FILE"
"""The variable that names the file."""


_right = SystemClock.wall


def _wall(self: SystemClock) -> float:
    return _right(self) + float(Path(os.environ[OFFSET_FILE]).read_text())


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SystemClock, "wall", _wall)
        main()
