"""What every test may ask for, and the rule for what a machine may lack."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import pytest

from streamsel import redaction

if TYPE_CHECKING:
    from tests.servers.disks import RemovableDisk


def leave_out(reason: str) -> None:
    """Leave a test out because this machine lacks something; with CI=true that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must not leave tests out: {reason}")
    pytest.skip(reason)


def attend_to_signals() -> None:
    """Take back what a shell ignores for those in its background, and nohup for all.

    What tests start would inherit it, and hear no Ctrl-C.
    """
    usual: dict[signal.Signals, Callable[[int, FrameType | None], object] | signal.Handlers] = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    for number, handler in usual.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


attend_to_signals()


@pytest.fixture(autouse=True)
def nothing_secret_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process masks the secrets that it was told; no test hears of another's."""
    monkeypatch.setattr(redaction, "_KNOWN", redaction.Known())


@pytest.fixture(scope="session")
def ffmpeg() -> Path:
    """Debian's ffmpeg: the peer that pictures, frame counts and speeds are compared with."""
    found = shutil.which("ffmpeg")
    if found is None:
        leave_out("ffmpeg is not installed (apt-get install ffmpeg)")
    return Path(str(found))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MB of its own; needs the right to mount."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        leave_out("mounting a small disk needs root and the right to mount")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def removable_disk(tmp_path: Path) -> Iterator[RemovableDisk]:
    """A disk that can be taken away while it is written to, and come back."""
    from tests.servers.disks import RemovableDisk

    with RemovableDisk(tmp_path) as disk:
        yield disk
