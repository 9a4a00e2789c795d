"""A reader that tells which threads write its fields."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any, ClassVar

from streamsel.runtime.feed_reader import FeedReader

GUARDED = frozenset({"_unreserved"})
"""Fields that have two writers, each of which must hold the reader's lock."""


class WatchedReader(FeedReader):
    """Records every write from :meth:`start` on; before, only its maker knows of it."""

    made: ClassVar[list[WatchedReader]] = []
    writers: defaultdict[str, set[int]]

    def start(self) -> None:
        self.made.append(self)
        self.__dict__["writers"] = defaultdict(set)
        super().start()

    def __setattr__(self, name: str, value: Any) -> None:
        if "writers" in self.__dict__:
            if name in GUARDED:
                assert self._passing.locked(), f"{name} is written without the lock"
            else:
                self.writers[name].add(threading.get_ident())
        super().__setattr__(name, value)

    def check(self) -> None:
        """Fail where a field has had two writers."""
        torn = sorted(name for name, threads in self.writers.items() if len(threads) > 1)
        assert not torn, f"more than one thread writes {torn}"
