"""``streamsel`` on a disk that takes 0.05 s for each thing it must really write."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from streamsel.cli.main import main
from streamsel.record.transactions import Transactions

_WRITE_SECONDS = 0.05
_sync = os.fsync
_begin = Transactions.begin


def _slow_sync(descriptor: int) -> None:
    time.sleep(_WRITE_SECONDS)
    _sync(descriptor)


@contextmanager
def _slow_begin(self: Transactions) -> Iterator[sqlite3.Connection]:
    with _begin(self) as database:
        yield database
        time.sleep(_WRITE_SECONDS)


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", _slow_sync)
        patch.setattr(Transactions, "begin", _slow_begin)
        main()
