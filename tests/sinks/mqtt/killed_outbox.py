"""Puts messages into an outbox, takes some out, and is killed on the way.

    python -m tests.sinks.mqtt.killed_outbox FOLDER strict|batched MOMENT

With MOMENT above 0 it kills itself just before it opens, renames or removes a file of the folder
for the so-manieth time; else it goes on until someone does.
"""

from __future__ import annotations

import json
import sys
from itertools import count
from pathlib import Path

from tests.sinks.killed_writer import kill_at
from tests.sinks.mqtt.lines import message, open_outbox
from tests.sinks.streams import DURABILITIES


def say(what: str, numbers: list[int]) -> None:
    print(json.dumps([what, *numbers]), flush=True)


def main(folder: str, durability: str, moment: str) -> None:
    line = open_outbox(Path(folder), durability=DURABILITIES[durability])
    if int(moment):
        kill_at(folder, int(moment))
    say("taken", [])
    for start in count(0, 4):
        numbers = list(range(start, start + 4))
        line.outbox.put([message(number) for number in numbers])
        say("taken", numbers)
        if start % 3 == 0:
            queued = line.outgoing.next(0)
            assert queued is not None
            say("settled", [int(queued.message.id[-6:])])
            line.outgoing.settle([queued])
        line.outbox.sync()


if __name__ == "__main__":
    main(*sys.argv[1:])
