"""``streamsel`` on a disk that takes 0.05 s for each thing it must really write."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from streamsel.cli.main import main
from streamsel.record.writer import RecordWriter

_WRITE_SECONDS = 0.05
_sync = os.fsync
_transaction = RecordWriter._transaction


def _slow_sync(descriptor: int) -> None:
    time.sleep(_WRITE_SECONDS)
    _sync(descriptor)


@contextmanager
def _slow_transaction(self: RecordWriter) -> Iterator[sqlite3.Connection]:
    with _transaction(self) as database:
        yield database
        time.sleep(_WRITE_SECONDS)


if __name__ == "__main__":
    os.fsync = _slow_sync
    RecordWriter._transaction = _slow_transaction
    main()
