"""Writes the made stream into a folder, and is killed on the way: three verdicts a call.

    python -m tests.sinks.killed_writer FOLDER strict|batched [MOMENT]

With MOMENT it kills itself just before it opens, renames or removes a file of the folder for the
so-manieth time.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from pathlib import Path

from tests.sinks.streams import DURABILITIES, batches, end, opened, supply, turn, verdicts

FILE_EVENTS = {"open", "os.rename", "os.remove", "os.mkdir"}
FRAMES = 150


def kill_at(folder: str, moment: int) -> None:
    moments = count(1)

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        ours = event in FILE_EVENTS and str(arguments[0]).startswith(folder)
        if ours and next(moments) == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


def main(folder: str, durability: str, moment: str = "0") -> None:
    kill_at(folder, int(moment))
    sink = opened(Path(folder), resume=True, durability=DURABILITIES[durability], hold_bytes=0)
    print("open", flush=True)
    for batch in batches(list(verdicts(FRAMES)), 3):
        sink.apply(turn(batch))
        print("wrote", flush=True)
    supply(sink)
    end(sink)
    print("closed", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
