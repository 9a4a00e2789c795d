"""What a command costs: time that passes, time on processors, memory.

This module, and what imports it to measure, stays small: Linux counts the memory of the process
that starts a child as the child's own peak.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter


class CommandError(Exception):
    """A command that was to be measured failed."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds that passed, seconds of processors, and the largest process's peak in MB.

    ``pictures`` is how many it wrote, 0 for what writes none.
    """

    wall: float
    cpu: float
    peak_mb: float
    pictures: int = 0


def measure(argv: Sequence[str]) -> Cost:
    """Run a command to its end and measure it with all that it starts and waits for.

    Raises :class:`CommandError` where it cannot be started or its exit code is not 0.
    """
    with tempfile.TemporaryFile() as said:
        began = perf_counter()
        try:
            child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said
            )
        except OSError as error:
            raise CommandError(f"{argv[0]} cannot be started: {error.strerror}") from error
        with child:
            _, status, used = os.wait4(child.pid, 0)
            wall = perf_counter() - began
            child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            said.seek(0)
            lines = said.read().decode(errors="replace").split("\n")
            last = next((line.strip() for line in reversed(lines) if line.strip()), "no message")
            raise CommandError(f"{' '.join(argv)}: exit code {child.returncode}: {last}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000)


def in_turn(jobs: Mapping[str, Callable[[], Cost]], rounds: int) -> dict[str, Cost]:
    """Do every job once a round, so that a slow minute hits all of them; return the medians."""
    costs: dict[str, list[Cost]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            costs[name].append(job())
    return {name: middle(found) for name, found in costs.items()}


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each figure by itself."""
    return Cost(
        wall=median(cost.wall for cost in costs),
        cpu=median(cost.cpu for cost in costs),
        peak_mb=median(cost.peak_mb for cost in costs),
        pictures=round(median(cost.pictures for cost in costs)),
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one command costs on a clip, and on one of a second: that is mostly its start-up."""

    clip: Cost
    clip_frames: int
    second: Cost
    second_frames: int

    @property
    def wall(self) -> float:
        """Seconds that the frames beyond the first second's took."""
        return self.clip.wall - self.second.wall

    @property
    def cpu(self) -> float:
        """Seconds of processors that the frames beyond the first second's took."""
        return self.clip.cpu - self.second.cpu

    @property
    def frames(self) -> int:
        """How many frames that were."""
        return self.clip_frames - self.second_frames


def ratio(one: float, other: float) -> float | None:
    """How many times ``other`` goes into ``one``; None where noise left nothing to divide by.

    >>> ratio(3.0, 1.5), ratio(3.0, -0.1)
    (2.0, None)
    """
    return one / other if one > 0 and other > 0 else None
