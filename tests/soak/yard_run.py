"""A service that watches the yard, looked at once a second, and over all its lives."""

from __future__ import annotations

import os
import time
import urllib.error
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.end_to_end.service import Service
from tests.polling import eventually
from tests.servers.broker import Broker
from tests.servers.disks import RemovableDisk
from tests.soak.endurance import Use
from tests.soak.yard_feeds import Yard

COUNTED = ("received", "decoded", "kept", "refused", "dropped", "reconnects")
# Much for a service; little for a machine that has more to do.
_PATIENCE = 240.0
_ALIVE = ("up", "useless")
"""States of a feed of which pictures come, whatever they show."""
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Fault:
    """What was broken: what the service showed of it, and how long after its mend all was well.

    ``recovered`` is seconds; infinite where it never was.
    """

    name: str
    shown: str
    recovered: float


@dataclass
class Run:
    """The yard, what watches it, and what was seen; ``clock`` says how far its clock is off."""

    yard: Yard
    service: Service
    broker: Broker
    disk: RemovableDisk
    clock: Path
    config: dict[str, Any]
    began: float = field(default_factory=time.monotonic)
    states: dict[str, tuple[str, str]] = field(default_factory=dict)
    first_kept: dict[str, float] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0
    feed_seconds: float = 0.0
    _counts: dict[str, Counter[str]] = field(default_factory=dict)
    _ended: dict[str, Counter[str]] = field(default_factory=dict)
    _looked: float = field(default_factory=time.monotonic)
    _cpu: float = 0.0

    def look(self) -> Mapping[str, Any]:
        """See how all feeds are, and what the service holds."""
        feeds = self.service.feeds()
        now = time.monotonic()
        for name, feed in feeds.items():
            self.states[name] = (feed["state"], feed["reason"])
            self._counts[name] = Counter({key: total(feed["counts"], key) for key in COUNTED})
            if self._counts[name]["kept"] and name not in self.first_kept:
                self.first_kept[name] = now - self.began
            self.feed_seconds += (now - self._looked) * (feed["state"] in _ALIVE)
        self._looked = now
        cpu = _cpu_seconds(self.service.pid)
        self.cpu_seconds += cpu - self._cpu
        self._cpu = cpu
        self.memory_mb.append(Use.of(self.service.pid).memory_mb)
        return feeds

    def watch(self, seconds: float) -> None:
        """Let it go on for so long."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            self.look()
            time.sleep(0.5)

    def until(self, holds: Callable[[Mapping[str, Any]], object], what: str) -> float:
        """Wait until something holds of the feeds; return the seconds that took."""
        began = time.monotonic()
        eventually(lambda: bool(holds(self.look())), within=_PATIENCE, what=what)
        return time.monotonic() - began

    def until_up(self, names: set[str]) -> float:
        """Wait until all of these are up and have decoded something since."""
        before = {name: self._counts.get(name, Counter())["decoded"] for name in names}
        return self.until(
            lambda feeds: all(
                is_up(feeds, name) and total(feeds[name]["counts"], "decoded") != seen
                for name, seen in before.items()
            ),
            f"{', '.join(sorted(names))} are up",
        )

    def up(self) -> set[str]:
        """The feeds of which pictures come now."""
        self.look()
        return {name for name, (state, _) in self.states.items() if state in _ALIVE}

    def unready(self) -> str:
        """Why the service is not ready; empty where it is."""
        try:
            self.service.get("/readyz")
        except urllib.error.HTTPError as error:
            return error.read().decode()
        return ""

    def until_ready(self) -> float:
        """Wait until all sinks work."""
        return self.until(lambda _: not self.unready(), "the service is ready")

    def end_life(self, end: Callable[[], object]) -> None:
        """End the service's process, and remember what it has counted."""
        self.look()
        end()
        for name, counts in self._counts.items():
            self._ended[name] = self._ended.get(name, Counter()) + counts
        self._counts.clear()
        self._cpu = 0.0

    def begin_life(self) -> None:
        """Start it again."""
        self.service.start()
        self._looked = time.monotonic()
        self.look()

    def totals(self, feed: str) -> Counter[str]:
        """What was counted of a feed over all processes."""
        return self._ended.get(feed, Counter()) + self._counts.get(feed, Counter())


def is_up(feeds: Mapping[str, Any], name: str) -> bool:
    """Whether pictures come of a feed; a reload takes one that changed away for a while."""
    return name in feeds and feeds[name]["state"] in _ALIVE


def total(counts: Mapping[str, Any], key: str) -> int:
    """A count, or the sum of those by reason."""
    value = counts.get(key, 0)
    return sum(value.values()) if isinstance(value, dict) else int(value)


def _cpu_seconds(pid: int) -> float:
    """What a process has used of the processors, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
