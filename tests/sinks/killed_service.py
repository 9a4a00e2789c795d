"""Keeps made frames as a service does, until it is killed.

    python -m tests.sinks.killed_service FOLDER strict|batched [MOMENT]

Before each turn it prints what that will change, as a line of JSON, and after it the number of the
turn and the time. The state of the selector is the number of the turn. With MOMENT it kills itself
just before it opens, makes, renames or removes something in the folder for the so-manieth time.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path

from streamsel.clock import SystemClock
from streamsel.decisions import SelectionUpdate
from streamsel.frame import FrameKey
from tests.sinks.killed_writer import kill_at
from tests.sinks.live_streams import evicted, frame, judged, opened, verdict
from tests.sinks.streams import DURABILITIES

CAPACITY = 12
SIZE_BYTES = 20_000
RESERVED = 50
SCOPE = "gate"


def turn_of(number: int, index: int, live: list[FrameKey], dice: random.Random) -> SelectionUpdate:
    """Keep one frame or two and cover others; evict what is too much, by them or afterwards."""
    others = [verdict(frame(index + k, size_bytes=None)) for k in (1, 2)]
    if number % 4 == 3:
        return judged(*others, state=None)
    new = [frame(index, size_bytes=SIZE_BYTES)]
    if number % 4 == 1:
        new.append(frame(index + 3, size_bytes=SIZE_BYTES))
    live += [one.key for one in new]
    gone = [live.pop(dice.randrange(len(live) - 2)) for _ in range(max(0, len(live) - CAPACITY))]
    events = [evicted(key, new[0].key) for key in gone]
    state = str(number).encode()
    if number % 4 == 2:
        return judged(verdict(new[0], "kept"), *others, changes=events, state=state)
    first = verdict(new[0], "kept", events)
    return judged(first, *others, *(verdict(one, "kept") for one in new[1:]), state=state)


def main(folder: str, durability: str, moment: str = "0") -> None:
    kill_at(folder, int(moment))
    dice = random.Random(moment)
    sink = opened(Path(folder), SystemClock(), durability=DURABILITIES[durability], history=200)
    live = [one.frame.key for one in sink.kept_candidates(SCOPE)]
    number = int(sink.selection(SCOPE) or b"-1") + 1
    index = sink.next_index(SCOPE)
    sink.reserve({SCOPE: (reserved := index + RESERVED)})
    ticked = time.monotonic()
    while True:
        if index + 4 > reserved:
            sink.reserve({SCOPE: (reserved := index + RESERVED)})
        turn = turn_of(number, index, live, dice)
        kept = [event.frame.key.index for event in turn.events if hasattr(event, "nearest")]
        gone = [event.frame.key.index for event in turn.events if not hasattr(event, "nearest")]
        given = list(range(index, index + 4))
        print(json.dumps({"turn": number, "kept": kept, "gone": gone, "given": given}), flush=True)
        sink.apply(turn)
        print(json.dumps({"done": number, "at": time.monotonic()}), flush=True)
        number, index = number + 1, index + 4
        if time.monotonic() - ticked >= 0.5:
            sink.tick()
            ticked = time.monotonic()


if __name__ == "__main__":
    main(*sys.argv[1:])
