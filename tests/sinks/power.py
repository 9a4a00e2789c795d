"""A disk that can lose its power: an ext4 file system in a file, copied while its writer stands."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.polling import eventually
from tests.sinks.crashes import Told, check, start

DISK_BYTES = 48 << 20
COMMITS_WITHIN = 1.0


class MountError(Exception):
    """There is no right to mount here, or a tool is missing."""


class Disk:
    """A mounted image; :meth:`cut` puts in its place what a power cut would have left of it."""

    def __init__(self, folder: Path) -> None:
        self._image = folder / "disk.img"
        self.place = folder / "disk"
        self.place.mkdir(parents=True)
        with open(self._image, "wb") as image:
            image.truncate(DISK_BYTES)

    def __enter__(self) -> Self:
        """Raises :class:`MountError`; what fails later is no matter of rights."""
        try:
            _call("mkfs.ext4", "-q", "-F", str(self._image))
            self._mount()
        except (OSError, subprocess.CalledProcessError) as error:
            raise MountError(str(error)) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _call("umount", "--lazy", str(self.place))

    def cut(self, writer: subprocess.Popen[str]) -> float:
        """Stop the writer, take the disk as it is by then, kill the writer; return the moment."""
        os.kill(writer.pid, signal.SIGSTOP)
        os.waitpid(writer.pid, os.WUNTRACED)
        moment = time.monotonic()
        copy = self._image.with_suffix(".copy")
        shutil.copyfile(self._image, copy)
        writer.kill()
        writer.wait()
        _call("umount", str(self.place))
        os.replace(copy, self._image)
        self._mount()
        return moment

    def _mount(self) -> None:
        _call("mount", "-o", "loop", str(self._image), str(self.place))


@dataclass
class Cuts:
    """What power cuts came to: turns done when the power went, and those of them that were lost."""

    done: list[int] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    lost_seconds: list[float] = field(default_factory=list)


def cut_often(folder: Path, durability: str, cuts: int, dice: random.Random) -> Cuts:
    """Let a service write, cut the power, check what is left, go on from that; so many times.

    Raises :class:`AssertionError` where anything is torn or lost that must not be,
    :class:`MountError` where there is no right to mount.
    """
    found, told = Cuts(), Told()
    with Disk(folder) as disk:
        for number in range(cuts):
            said, began = folder / f"said-{number}", time.monotonic()
            seconds = dice.uniform(0.2, 1.8)
            with open(said, "w") as out:
                writer = start(disk.place / "kept", durability, out=out)
                _await_turns(said, seconds)
                moment = disk.cut(writer)
            told.hear(said.read_text().splitlines(keepends=True))
            turn = check(disk.place / "kept", told)
            done = told.last_done()
            by = moment if durability == "strict" else moment - _may_lose(told, began, moment)
            assert turn >= told.last_done(by), (turn, done)
            missing = [at for n, at in told.done.items() if n > turn and told.plans[n]["kept"]]
            found.done.append(done)
            found.lost.append(len(missing))
            found.lost_seconds.append(moment - min(missing, default=moment))
            for turn_lost in [n for n in told.done if n > turn]:
                del told.done[turn_lost]
    return found


def _call(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _may_lose(told: Told, began: float, moment: float) -> float:
    """A second, or where a call took longer than its share of that, so much more."""
    times = [*sorted(at for at in told.done.values() if at > began), moment]
    longest = max(after - before for before, after in pairwise(times))
    return max(COMMITS_WITHIN, COMMITS_WITHIN / 2 + 2 * longest)


def await_lines(said: Path, count: int) -> None:
    """Wait until a writer has said so many lines; fail where it never does."""
    eventually(
        lambda: len(said.read_text().splitlines()) >= count, within=60, what=f"{count} lines"
    )


def _await_turns(said: Path, seconds: float) -> None:
    """Wait until the writer has written for so long; fail where it never does."""
    eventually(lambda: "done" in said.read_text(), within=60, what="a turn is done")
    time.sleep(seconds)
