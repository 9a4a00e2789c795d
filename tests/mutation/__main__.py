"""Changes the code in small ways, one at a time, and asks whether any test notices.

    python -m tests.mutation --record          # once: which tests run what; in the folder .mutation
    python -m tests.mutation --seed 1          # 100 changes that chance chose

Prints each change that no test notices; ends with 1 where fewer than 90 of 100 are noticed.
``equivalent.txt`` beside this file lists changes that change nothing, with the reason; they are
passed over and counted. Nothing else is: what is tried depends on the seed and on the code alone.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from pathlib import Path

from tests.mutation.choice import every_change, thrown
from tests.mutation.recording import record
from tests.mutation.trying import Covering, Trial

_ROOT = Path(__file__).parents[2]
_ENOUGH = 0.9
_MOST_EQUIVALENT = 0.1


def main() -> int:
    """Record, or try changes; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--record", action="store_true", help="run all tests, note what runs what")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100, help="changes to try")
    parser.add_argument("--seconds", type=float, default=120.0, help="of tests for one change")
    parser.add_argument("--folder", type=Path, default=_ROOT / ".mutation")
    wishes = parser.parse_args()
    if wishes.record:
        record(_ROOT, wishes.folder, workers=os.cpu_count() or 1)
        return 0
    equivalent = _equivalent()
    outcomes: Counter[str] = Counter()
    with Trial(_ROOT, Covering(wishes.folder), wishes.seconds) as trial:
        for change in thrown(every_change(_ROOT), wishes.seed):
            if outcomes.total() - outcomes["equivalent"] == wishes.count:
                break
            outcome = "equivalent" if change.name in equivalent else trial.attempt(change)
            outcomes[outcome] += 1
            print(f"{outcome:10} {change.line:4} {change.name}", flush=True)
    print(", ".join(f"{number} {outcome}" for outcome, number in outcomes.most_common()))
    enough = outcomes["killed"] >= _ENOUGH * wishes.count
    return 0 if enough and outcomes["equivalent"] <= _MOST_EQUIVALENT * wishes.count else 1


def _equivalent() -> dict[str, str]:
    """The changes that are argued to change nothing, and the arguments."""
    lines = Path(__file__).with_name("equivalent.txt").read_text().splitlines()
    argued = (line.partition(" # ") for line in lines if line and not line.startswith("#"))
    return {change: reason for change, _, reason in argued if reason}


if __name__ == "__main__":
    sys.exit(main())
